package automation

import (
	"encoding/json"
	"time"
)

// Decision is why a handled event did not start a run of an enabled automation whose trigger
// names it, or did not end a run whose exit names it. It is kept as long as the event.
type Decision struct {
	EventID      string       `json:"event_id"`
	AutomationID string       `json:"automation_id"`
	Code         DecisionCode `json:"code"`
	// At is when the event was handled.
	At time.Time `json:"at"`
	// Evidence is what the event does not show, as a JSON object without values of the payload
	// or the contact, or nil. Its members are those of the Code: rule, the name of the rule that
	// did not hold; error, why a rule could not be evaluated; key, the path without a value;
	// run_id, the run in the way, or the run that went on; again_at, when the limit admits the
	// next start. Later releases may add members. An erasure removes the evidence.
	Evidence json.RawMessage `json:"evidence,omitempty"`
}

// DecisionCode identifies the kind of a Decision. Codes do not change between releases.
type DecisionCode string

// The codes of a Decision.
const (
	// DecisionTriggerFilter: the filter of the trigger did not match the event, or could not
	// be evaluated.
	DecisionTriggerFilter DecisionCode = "trigger_filter"
	// DecisionAudience: the contact did not match the audience of the automation, or its
	// rule could not be evaluated.
	DecisionAudience DecisionCode = "audience"
	// DecisionKeyMissing: the payload has no scalar value where the re-entry key points to.
	DecisionKeyMissing DecisionCode = "key_missing"
	// DecisionRunning: a run of the same contact and key was running.
	DecisionRunning DecisionCode = "running"
	// DecisionLimit: the contact and key had started as many runs as the limit allows.
	DecisionLimit DecisionCode = "limit"
	// DecisionExitFilterError: the filter of an exit could not be evaluated. The run went on.
	DecisionExitFilterError DecisionCode = "exit_filter_error"
	// DecisionChain: the event was sent by a chain of runs in which the automation is already,
	// or that is too long.
	DecisionChain DecisionCode = "chain"
	// DecisionNotAdmitted: the run was kept unstarted because a process could not read the
	// automation. A process that could read it then refused the start.
	DecisionNotAdmitted DecisionCode = "not_admitted"
)
