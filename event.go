package automation

import (
	"encoding/json"
	"time"
)

// Event is one occurrence in the host application, for one contact.
type Event struct {
	// ID is set when the event is accepted.
	ID string `json:"id,omitempty"`
	// Name is matched against triggers and waits. It must not be empty nor
	// begin with "resend:", and has at most 255 bytes, none of them control
	// characters.
	Name string `json:"name"`
	// ContactID or Email names the contact: exactly one of them is set.
	ContactID string `json:"contact_id,omitempty"`
	Email     string `json:"email,omitempty"`
	// Payload is a JSON object, or nil for none. Give any Go value that
	// encodes to an object through Payload().
	Payload json.RawMessage `json:"payload,omitempty"`
	// IdempotencyKey makes sending safe to repeat: a second event of the same
	// name with this key is accepted and does nothing if its content is the
	// same, and refused with ErrConflict if it is not. The content is the
	// contact as it is given, by id or by email without regard to case, and the
	// payload byte for byte: the same object with its keys in another order is
	// another content. OccurredAt is no part of it. Keys have at most 255 bytes
	// and are remembered for Options.IdempotencyWindow.
	IdempotencyKey string `json:"idempotency_key,omitempty"`
	// OccurredAt is when it happened, for information. Zero means when it was
	// accepted.
	OccurredAt time.Time `json:"occurred_at,omitzero"`
	// AcceptedAt is set when the event is accepted. Events of one contact are
	// handled in the order in which they were accepted.
	AcceptedAt time.Time `json:"accepted_at,omitzero"`
}

// EventDefinition declares an event's name and, optionally, what its payload
// looks like. Events need no definition.
type EventDefinition struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	// Schema is null, a flat map of field name to "string", "number",
	// "boolean" or "date", or any JSON Schema document. Payloads are checked
	// against it when an event is sent.
	Schema    json.RawMessage `json:"schema,omitempty"`
	CreatedAt time.Time       `json:"created_at,omitzero"`
	UpdatedAt time.Time       `json:"updated_at,omitzero"`
}
