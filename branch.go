package automation

import "encoding/json"

// Branch returns the outcome that the step's output tells of: what a condition
// has decided, and whether a wait received its event or timed out. It is the
// type of the connection that was taken, unless a wait had only a default one.
// It is empty for all other steps, and for a step that has no outcome yet.
func (s StepRun) Branch() ConnectionType {
	var out struct {
		Branch     ConnectionType `json:"branch"`
		EventName  string         `json:"event_name"`
		TimedOutAt string         `json:"timed_out_at"`
	}
	if len(s.Output) == 0 || json.Unmarshal(s.Output, &out) != nil {
		return ""
	}
	switch {
	case s.Type == TypeCondition:
		return out.Branch
	case s.Type == TypeWaitForEvent && out.EventName != "":
		return ConnectionEventReceived
	case s.Type == TypeWaitForEvent && out.TimedOutAt != "":
		return ConnectionTimeout
	}
	return ""
}
