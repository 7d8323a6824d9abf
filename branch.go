package automation

import "encoding/json"

// branch returns the outcome of a step: what a condition has decided, whether a
// wait received its event or timed out, and which branch a custom step took.
func (n *node) branch(st *stepState) ConnectionType {
	if n.typ != TypeCondition && n.typ != TypeWaitForEvent || len(st.output) == 0 {
		return st.branch
	}
	if met, _, ok := readOutcomes(st.output); ok {
		if met {
			return ConnectionConditionMet
		}
		return ConnectionConditionNotMet
	}
	var out struct {
		Branch     ConnectionType `json:"branch"`
		EventName  string         `json:"event_name"`
		TimedOutAt string         `json:"timed_out_at"`
	}
	switch _ = json.Unmarshal(st.output, &out); {
	case out.EventName != "":
		return ConnectionEventReceived
	case out.TimedOutAt != "":
		return ConnectionTimeout
	}
	return out.Branch
}
