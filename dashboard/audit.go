package dashboard

import (
	"runtime/debug"
	"time"
)

// AuditEntry is the record of a change that a person made, or tried to make. Requests that
// are refused for lack of access, or before they are read, have one too.
type AuditEntry struct {
	At time.Time
	// Actor is what Options.Actor returned.
	Actor string
	// Action is what the person did, such as "stop automation" or "retry run".
	Action string
	// Target is the id of what the action is about, or the filter of a bulk action.
	Target string
	// Err is why the action failed, and nil if it succeeded.
	Err error
}

// audit records a change. A panic of the host's function is logged.
func (x *exchange) audit(action, target string, err error) {
	x.audited = true
	if x.opts.Audit == nil {
		return
	}
	defer func() {
		if reason := recover(); reason != nil {
			x.opts.Logger.Error("dashboard: Audit panicked", "panic", reason, "stack", string(debug.Stack()))
		}
	}()
	x.opts.Audit(AuditEntry{At: x.opts.Clock.Now(), Actor: x.actor(x.r), Action: action, Target: target, Err: err})
}
