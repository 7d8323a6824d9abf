package automation

import "github.com/seed-b636437c/automation/internal/jsondoc"

// Listener describes events that do something to a run where it is: what a wait waits for,
// what resets its deadline, and what ends the run. Resend has no listeners; what its
// wait_for_event listens to is in the fields of WaitForEvent.
type Listener struct {
	// Name names the listener where it matters which of several an event matched. It is
	// unique in its list, and has the form of a BranchRule's name. It may be empty.
	Name string `json:"name,omitempty"`
	// EventName is the name of the events.
	EventName string `json:"event_name"`
	// FilterRule must hold for an event to match. Paths that begin with event. read the
	// payload of the incoming event, and those that begin with trigger. that of the event that
	// started the run. An event does not match if the rule cannot be evaluated for it. The
	// zero Rule matches every event.
	FilterRule Rule `json:"filter_rule,omitzero"`
	// Match has fields that must be equal in the event and in the run, besides FilterRule. An
	// event matches only if all of them are.
	Match []Match `json:"match,omitempty"`
}

// Match is a field that an incoming event and a run must have in common, such as the id of
// a cart. The two values must be texts, numbers or booleans, of the same type and equal.
// Numbers are equal by value, as 5 and 5.0 are. A value that is absent or null on either side
// matches nothing.
//
// In JSON, "cart_id" is the Match {"event": "cart_id", "run": "trigger.cart_id"}. A Match is
// encoded in the form in which it was given.
type Match struct {
	// Event is the path of the field in the payload of the incoming event, without "event.".
	Event string
	// Run is the path of the field in the run, such as "trigger.cart_id" or
	// "contact.properties.team". Empty, it means the field Event of the event that started
	// the run.
	Run string
}

// isKeyed reports whether the listener compares the event with the run, or with anything else.
func (l Listener) isKeyed() bool { return len(l.Match) > 0 || !l.FilterRule.IsZero() }

// matchFields is a Match in JSON, if it is an object.
type matchFields struct {
	Event string `json:"event"`
	Run   string `json:"run"`
}

// MarshalJSON encodes m as a text if Run is empty, and as an object otherwise.
func (m Match) MarshalJSON() ([]byte, error) {
	if m.Run == "" {
		return jsondoc.Encode(m.Event)
	}
	return jsondoc.Encode(matchFields(m))
}

// paths returns the paths of both sides, as rules have them.
func (m Match) paths() (event, run string) {
	if m.Run == "" {
		return "event." + m.Event, "trigger." + m.Event
	}
	return "event." + m.Event, m.Run
}
