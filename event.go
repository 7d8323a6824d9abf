package automation

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
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

// reservedPrefix begins the names of events that only Resend itself sends.
const reservedPrefix = "resend:"

// eventProblems reports what is wrong with an event, its payload aside.
func eventProblems(e Event) Problems {
	var ps Problems
	add := func(code Code, path, message string) { ps.Add(code, path, "%s", message) }
	if message := eventNameFlaw(e.Name); message != "" {
		add(CodeInvalidEventName, "name", message)
	}
	switch {
	case e.ContactID == "" && e.Email == "":
		add(CodeInvalidContact, "contact_id", "needs a contact_id or an email")
	case e.ContactID != "" && e.Email != "":
		add(CodeInvalidContact, "contact_id", "takes a contact_id or an email, not both")
	case e.Email != "":
		if message := emailFlaw(e.Email); message != "" {
			add(CodeInvalidEmail, "email", message)
		}
	default:
		if message := idFlaw(e.ContactID); message != "" {
			add(CodeInvalidContact, "contact_id", message)
		}
	}
	if message := idFlaw(e.IdempotencyKey); message != "" {
		add(CodeInvalidIdempotencyKey, "idempotency_key", message)
	}
	return ps
}

// eventNameFlaw returns what is wrong with an event name, or "".
func eventNameFlaw(name string) string {
	switch {
	case name == "":
		return "must not be empty"
	case strings.HasPrefix(name, reservedPrefix):
		return fmt.Sprintf("must not begin with %q, which is reserved", reservedPrefix)
	default:
		return idFlaw(name)
	}
}

// contentHash identifies what an idempotency key stands for. OccurredAt is not
// part of it: a client that sends again may well stamp again.
func contentHash(e *Event) string {
	h := sha256.New()
	var size [8]byte
	for _, part := range [][]byte{[]byte(e.Name), []byte(e.ContactID), []byte(EmailKey(e.Email)), e.Payload} {
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// payloadFailure begins what Payload returns for a value that does not encode.
// No JSON document begins so.
const payloadFailure = "!payload: "

// Payload encodes v as the payload of an Event: a map or a struct, or anything
// else that encoding/json makes an object of. A nil v is no payload.
//
//	automation.Event{
//		Name:    "user.created",
//		Email:   "ada@example.com",
//		Payload: automation.Payload(map[string]any{"plan": "pro"}),
//	}
//
// A v that cannot be encoded gives a payload that is refused when the event is
// sent, with the error of encoding/json in the message.
func Payload(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage(payloadFailure + err.Error())
	}
	return raw
}

// decodePayload decodes an event's payload, with numbers as json.Number. No
// payload and null give a nil map. A payload that is longer than limit bytes, is
// not one JSON object, has a key twice or nests too deep is refused with a
// *ValidationError.
func decodePayload(raw json.RawMessage, limit int) (map[string]any, error) {
	doc, problems := scanPayload(raw, limit)
	if doc == nil {
		return nil, problems.Err("event")
	}
	return doc.Object(0), nil
}

// storedPayload decodes a payload that a store kept. A damaged one reads as empty.
func storedPayload(raw []byte) map[string]any {
	payload, _ := decodePayload(raw, len(raw))
	return payload
}

// scanPayload checks a payload without decoding it. The document is nil for no payload
// and for null.
func scanPayload(raw []byte, limit int) (*jsondoc.Doc, Problems) {
	if reason, failed := bytes.CutPrefix(raw, []byte(payloadFailure)); failed && len(raw) <= limit {
		var problems Problems
		problems.Add(CodeInvalidPayload, "payload", "cannot be encoded: %s", reason)
		return nil, problems
	}
	doc, violations := jsondoc.ObjectScanner{Root: "payload", Limit: limit}.Scan(raw)
	return doc, problemsOf(CodeInvalidPayload, violations)
}
