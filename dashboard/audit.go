package dashboard

import (
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

// audit records a change.
func (x *exchange) audit(action, target string, err error) {
	x.audited = true
	x.audited = true
	if x.opts.Audit == nil {
		return
	}
	callHost(x.Handler, "Audit", struct{}{}, func() struct{} {
		x.opts.Audit(AuditEntry{At: x.opts.Clock.Now(), Actor: x.actor, Action: action, Target: target, Err: err})
		return struct{}{}
	})
}

// The actions in AuditEntry.Action. A job about many runs has the action "retry runs" or
// "cancel runs".
const (
	createAction    = "create automation"
	saveAction      = "save automation"
	startAction     = "start automation"
	stopAction      = "stop automation"
	cancelAction    = "cancel runs of automation"
	duplicateAction = "duplicate automation"
	deleteAction    = "delete automation"

	retryRunAction  = "retry run"
	cancelRunAction = "cancel run"
	startJobAction  = "start job" // that was refused
	stopJobAction   = "stop job"

	sendAction             = "send event"
	createDefinitionAction = "create event definition"
	saveDefinitionAction   = "save event definition"
	deleteDefinitionAction = "delete event definition"

	eraseAction = "erase contact"
)
