package automation

import (
	"encoding/json"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// Decision is why a handled event did not start a run of an enabled automation whose trigger
// names it, or did not end a run whose exit names it. It is kept as long as the event.
type Decision struct {
	EventID      string       `json:"event_id"`
	AutomationID string       `json:"automation_id"`
	Code         DecisionCode `json:"code"`
	// At is when the event was handled.
	At time.Time `json:"at"`
	// Evidence is what the event does not show, as a JSON object, or nil; see DecodeEvidence.
	// An erasure removes it.
	Evidence json.RawMessage `json:"evidence,omitempty"`
}

// Evidence is what a Decision rests on besides the event. It has no values of the payload or
// the contact. Each field belongs to some codes, and is empty for the others.
type Evidence struct {
	// RunID is the run in the way (DecisionRunning), or the run that went on
	// (DecisionExitFilterError).
	RunID string `json:"run_id,omitempty"`
	// Error is why the rule could not be evaluated (DecisionTriggerFilter, DecisionAudience,
	// DecisionExitFilterError). It is empty if the rule did not hold.
	Error string `json:"error,omitempty"`
	// Rule is the rule that did not hold for the contact (DecisionAudience): "audience_rule"
	// or "while_rule".
	Rule string `json:"rule,omitempty"`
	// Key is the path at which the payload lacks a value (DecisionKeyMissing).
	Key string `json:"key,omitempty"`
	// AgainAt is when the limit admits the next start (DecisionLimit). It is zero if the limit
	// never does.
	AgainAt time.Time `json:"again_at,omitzero"`
}

// encode returns the evidence as decisions have it.
func (e Evidence) encode() json.RawMessage {
	text, _ := jsondoc.Encode(e)
	return text
}

// DecodeEvidence returns the evidence of the decision. It is zero if there is none, also if an
// erasure has removed it. Fields of later releases are left out.
func (d Decision) DecodeEvidence() (e Evidence) {
	_ = json.Unmarshal(d.Evidence, &e)
	return e
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
