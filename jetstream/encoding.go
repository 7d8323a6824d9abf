package jetstream

import (
	"encoding/json"
	"time"

	"github.com/seed-b636437c/automation"
)

// A sleeping run costs what its message costs, so its JSON has short names, and leaves out what
// is empty and what the contact or the log has anyway. The types below have the fields of those
// that they encode, in the same order: a new field does not compile until it has a name here.

// encodedRef encodes an automation.ContactRef.
type encodedRef struct {
	ID    string `json:"id,omitempty"`
	Email string `json:"email,omitempty"`
}

// encodedRecord encodes an automation.RunRecord.
type encodedRecord struct {
	ID             string                `json:"id"`
	AutomationID   string                `json:"auto"`
	Version        int                   `json:"v"`
	ContactID      string                `json:"-"` // that of the state
	EventID        string                `json:"event"`
	EventName      string                `json:"name"`
	Status         automation.RunStatus  `json:"status"`
	Step           string                `json:"step,omitempty"`
	Listens        []string              `json:"listens,omitempty"`
	DueAt          time.Time             `json:"due,omitzero"`
	DecodeFailures int                   `json:"failures,omitempty"`
	Error          *automation.StepError `json:"error,omitempty"`
	Exit           *automation.RunExit   `json:"exit,omitempty"`
	State          []byte                `json:"state,omitempty"`
	CreatedAt      time.Time             `json:"at"`
	CompletedAt    time.Time             `json:"done,omitzero"`
}

// encodedRun encodes a storedRun.
type encodedRun struct {
	encodedRecord
	Request     automation.RunRequest   `json:"request,omitempty"`
	Payload     json.RawMessage         `json:"payload,omitempty"`
	Cause       *automation.Cause       `json:"cause,omitempty"`
	Outputs     []automation.StepOutput `json:"outputs,omitempty"`
	DropOutputs bool                    `json:"drop,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (r storedRun) MarshalJSON() ([]byte, error) {
	return json.Marshal(encodedRun{
		encodedRecord: encodedRecord(r.RunRecord), Request: r.Request, Payload: r.TriggerPayload, Cause: r.Cause,
		Outputs: r.Outputs, DropOutputs: r.DropOutputs,
	})
}

// UnmarshalJSON implements json.Unmarshaler. The run then lacks the id of its contact.
func (r *storedRun) UnmarshalJSON(data []byte) error {
	var e encodedRun
	if err := json.Unmarshal(data, &e); err != nil {
		return err
	}
	r.RunRecord, r.Request, r.TriggerPayload = automation.RunRecord(e.encodedRecord), e.Request, e.Payload
	r.Cause, r.Outputs, r.DropOutputs = e.Cause, e.Outputs, e.DropOutputs
	return nil
}
