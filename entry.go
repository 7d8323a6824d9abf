package automation

// Entry decides which events start runs of an automation, and how often. The zero Entry
// starts a run for every event that the trigger names, as Resend does, which has no such
// rules.
//
// The rules are those of the newest version. For each event, a Runner reads them in this
// order: the filter of the event's trigger, AudienceRule and Exit.WhileRule, Reentry. The first
// that refuses is recorded; see Runner.ListDecisions.
type Entry struct {
	// Triggers are events that start runs besides the one that the trigger step names. There
	// are at most Limits.Triggers, 10 by default, with different names.
	Triggers []EntryTrigger `json:"triggers,omitempty"`
	// FilterRule must hold for an event that the trigger step names. It reads the payload
	// with event. and the contact with contact. paths. An event for which it cannot be
	// evaluated starts no run. The zero Rule lets every event in.
	FilterRule Rule `json:"filter_rule,omitzero"`
	// AudienceRule must hold for the contact, whichever event comes. It reads the contact as
	// it is when the event is handled. A contact for whom it cannot be evaluated stays out.
	AudienceRule Rule `json:"audience_rule,omitzero"`
	// Reentry decides about contacts who have entered before.
	Reentry Reentry `json:"reentry,omitzero"`
}

// EntryTrigger is one more event that starts runs. Run.EventName has the name of the event
// that started a run, and so has the path run.trigger.
type EntryTrigger struct {
	EventName string `json:"event_name"`
	// FilterRule must hold for the event, as Entry.FilterRule must for that of the trigger
	// step, which does not apply here.
	FilterRule Rule `json:"filter_rule,omitzero"`
}

// Reentry decides what an event does that would start a run for a contact who has entered
// the automation before. It applies to each unit on its own: a contact or, with a Key, a
// contact and a value such as the id of a cart. The zero Reentry starts a run for every event.
type Reentry struct {
	// Key is the path of a text, a number or a boolean in the payload, such as
	// "event.cart_id". Equal numbers are one value, and a number is never equal to a text.
	// An event without the value starts no run. Without a Key, the unit is the contact.
	Key string `json:"key,omitempty"`
	// WhileRunning is what happens while a run of the unit is running.
	WhileRunning WhileRunning `json:"while_running,omitempty"`
	// Limit is how many runs of the unit may start per Per, 1 to 100, counted back from the
	// acceptance of each event. Zero means no limit. Counting begins with the first version
	// that has a limit. Runs that are pruned still count.
	Limit int `json:"limit,omitzero"`
	// Per is the period of Limit. Without it, Limit holds for ever.
	Per Duration `json:"per,omitzero"`
}

// WhileRunning is what an event does that would start a run while one of its unit is
// running; see Reentry.
type WhileRunning string

// The values of WhileRunning. An empty one means ReentryParallel.
const (
	// ReentryParallel starts another run beside the first.
	ReentryParallel WhileRunning = "parallel"
	// ReentryIgnore starts no run.
	ReentryIgnore WhileRunning = "ignore"
	// ReentryRestart cancels the running runs of the unit, of all versions, with the code
	// CancelledReplaced, and starts a new run.
	ReentryRestart WhileRunning = "restart"
)

// IsZero reports whether e has no rules.
func (e Entry) IsZero() bool {
	return len(e.Triggers) == 0 && e.FilterRule.IsZero() && e.AudienceRule.IsZero() && e.Reentry == Reentry{}
}

// given returns e, or nil if it has no rules.
func (e *Entry) given() *Entry {
	if e == nil || e.IsZero() {
		return nil
	}
	return e
}

// eventNames returns the names of the events that start runs, first that of the trigger
// step. It returns nil if that is the only one.
func (e *Entry) eventNames(trigger string) []string {
	if e == nil || len(e.Triggers) == 0 {
		return nil
	}
	names := []string{trigger}
	for _, t := range e.Triggers {
		names = append(names, t.EventName)
	}
	return names
}

// gathers reports whether a start depends on the running runs of the contact.
func (e *Entry) gathers() bool {
	return e != nil && e.Reentry.WhileRunning != "" && e.Reentry.WhileRunning != ReentryParallel
}
