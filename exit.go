package automation

// Exit decides what ends a run before its last step. The zero Exit ends none, as at Resend,
// which has no such rules. The rules are those of the run's version.
//
// A run that an event or a rule ends is completed, and Run.Exit has the reason. Its current
// step is cancelled, and later steps are skipped.
type Exit struct {
	// Events are events that end the run, wherever it is: in a delay, in a wait, and between
	// the attempts of an email. There are at most Limits.Exits, 20 by default. Of several that
	// match one event, the first is named. The event that started the run never ends it.
	//
	// A Runner handles an event before it begins an attempt if the event was committed before
	// the commit that opens the attempt. An attempt that is in flight is recorded first. A
	// failed run stays as it is, and a retry of it ends at an event that came in the meantime.
	Events []Listener `json:"events,omitempty"`
	// WhileRule must hold for the run to go on. It reads contact. and trigger. paths. A Runner
	// evaluates it whenever the run acts: at the entry, before each step begins and before each
	// attempt, with the contact as it is then. In between, nothing evaluates it: a run that
	// sleeps ends when it wakes, and a change that is undone by then has no effect. A rule that
	// cannot be evaluated fails the run with FailedCondition.
	WhileRule Rule `json:"while_rule,omitzero"`
	// MaxAge is how long a run may last, counted from the acceptance of the event that started
	// it: at most Limits.Until, 366 days by default. The run is then cancelled with the code
	// CancelledMaxAge. An event that was accepted by then comes first, and so does an attempt
	// that has begun. Zero means no end.
	MaxAge Duration `json:"max_age,omitzero"`
}

// IsZero reports whether e has no rules.
func (e Exit) IsZero() bool {
	return len(e.Events) == 0 && e.WhileRule.IsZero() && e.MaxAge.IsZero()
}

// given returns e, or nil if it has no rules.
func (e *Exit) given() *Exit {
	if e == nil || e.IsZero() {
		return nil
	}
	return e
}
