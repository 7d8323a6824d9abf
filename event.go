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
	// The Runner sets ID when it accepts the event.
	ID string `json:"id,omitempty"`
	// Name selects the triggers and the waits that the event matches. It has
	// between 1 and 255 bytes, without control characters. It must not begin with
	// "resend:", which Resend reserves, or with "sys:", which Resend allows and
	// this package keeps for events of its own.
	Name string `json:"name"`
	// AutomationID addresses the event: of the automations that its Name starts, it starts
	// only this one, and it resumes no run. Empty means all of them.
	AutomationID string `json:"automation_id,omitempty"`
	// ContactID or Email names the contact. Exactly one of them is set.
	ContactID string `json:"contact_id,omitempty"`
	Email     string `json:"email,omitempty"`
	// Payload is a JSON object. Nil means no payload. The function Payload encodes
	// a Go value as a payload.
	Payload json.RawMessage `json:"payload,omitempty"`
	// IdempotencyKey makes it safe to send an event twice. The Runner accepts and
	// ignores a second event with the same name, key and content. It refuses a
	// second event with the same name and key but another content: the error wraps
	// ErrConflict.
	//
	// The content is the contact, the payload and the AutomationID. The contact is compared as it is
	// given, by id, or by email without regard to case. The payload is compared
	// byte for byte: the same object with its keys in another order is another
	// content. OccurredAt is not part of the content.
	//
	// A key has at most 255 bytes. The Store remembers it for
	// Options.IdempotencyWindow.
	IdempotencyKey string `json:"idempotency_key,omitempty"`
	// OccurredAt is the time of the occurrence, for information. If it is zero, the
	// Runner sets it to AcceptedAt.
	OccurredAt time.Time `json:"occurred_at,omitzero"`
	// The Runner sets AcceptedAt when it accepts the event. Events of one contact
	// are handled in the order of acceptance.
	AcceptedAt time.Time `json:"accepted_at,omitzero"`
	// Cause is why there is the event, if a SendEvent step has sent it. Send refuses an
	// event that has one.
	Cause *Cause `json:"cause,omitempty"`
}

// EventDefinition declares the name of an event and, optionally, the schema of its
// payload. Events need no definition.
type EventDefinition struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	// Schema is null, a flat map of field names to "string", "number", "boolean" or
	// "date", or any JSON Schema document. The Runner validates the payload of every
	// event with this name against it when the application sends the event. Under a
	// flat map it converts a value of another type if nothing is lost: "42" to 42,
	// "true" to true, 12 to "12". The converted payload is stored. An idempotency
	// key belongs to the payload as it was sent. The work of a validation is bounded: a
	// JSON Schema that applies more than 10,000 schemas to one value is refused, and so
	// is a payload for which too many schemas apply in all.
	Schema    json.RawMessage `json:"schema,omitempty"`
	CreatedAt time.Time       `json:"created_at,omitzero"`
	UpdatedAt time.Time       `json:"updated_at,omitzero"`
}

// EventRecord is an accepted event with what became of it.
type EventRecord struct {
	Event
	Status EventStatus `json:"status"`
	// HandledAt is when a Runner handled the event. It is zero for a pending event.
	HandledAt time.Time `json:"handled_at,omitzero"`
	// Started and Resumed are the ids of the runs that the event started and resumed. A run
	// whose wait the event has put off is among those that it resumed.
	// Runs that were pruned are not in Started.
	Started []string `json:"started,omitempty"`
	Resumed []string `json:"resumed,omitempty"`
	// Ended are the ids of the runs that named the event as an exit; see Exit.
	Ended []string `json:"ended,omitempty"`
	// Reason is why a handled event started, resumed and ended no run. It is empty if the
	// event did, and for events that an earlier release of the library handled.
	Reason EventReason `json:"reason,omitempty"`
}

// EventStatus is how far an accepted event is.
type EventStatus string

// The event statuses.
const (
	// EventStatusPending: no Runner has handled the event yet.
	EventStatusPending EventStatus = "pending"
	// EventStatusHandled: a Runner has handled the event.
	EventStatusHandled EventStatus = "handled"
)

// EventReason is why an event started and resumed no run. Reasons do not change between
// releases.
type EventReason string

// The reasons of an EventRecord. If several apply, the first in this order is given.
const (
	// ReasonContactDeleted: the contact was deleted before the event was handled.
	ReasonContactDeleted EventReason = "contact_deleted"
	// ReasonFilterNotMet: a run of the contact waited for the event, and the filter of
	// the wait did not match the payload, or could not be evaluated.
	ReasonFilterNotMet EventReason = "filter_not_met"
	// ReasonBeforeWait: a run of the contact waited for the event, but the event was
	// accepted before the wait began.
	ReasonBeforeWait EventReason = "before_wait"
	// ReasonRefused: an automation's rules of entry kept the event from starting a run;
	// Runner.ListDecisions has the decision about each automation.
	ReasonRefused EventReason = "refused"
	// ReasonDisabled: all automations whose trigger names the event were disabled.
	ReasonDisabled EventReason = "automation_disabled"
	// ReasonNoMatch: no automation had a trigger that names the event, and no run of
	// the contact waited for it.
	ReasonNoMatch EventReason = "no_match"
)

// EventQuery selects accepted events. A zero field selects all events.
type EventQuery struct {
	// Contact selects the events of a contact, by its id or its email. With both, it
	// selects the events of the id and those for the email that belong to no contact.
	Contact ContactRef
	Name    string
	// AcceptedFrom is inclusive. AcceptedUntil is exclusive.
	AcceptedFrom, AcceptedUntil time.Time
	PageQuery
}

// Check sets a zero Limit to its default. It returns a *ValidationError if the query is
// invalid. A Runner checks every query before it calls its Store. No index serves a Name
// without a Contact: such a query must have AcceptedFrom, and reads the events from then on.
func (q *EventQuery) Check() error {
	var ps Problems
	if q.Name != "" && q.Contact == (ContactRef{}) && q.AcceptedFrom.IsZero() {
		ps.Add(CodeUnboundedQuery, "accepted_from", "events with a name are found for a contact, or from a time on: give one of the two")
	}
	addFilter(&ps, "name", q.Name)
	addFilter(&ps, "contact_id", q.Contact.ID)
	addFilter(&ps, "email", q.Contact.Email)
	if err := ps.Err("events"); err != nil {
		return err
	}
	return q.PageQuery.Check()
}

// The prefixes of names that no application may give to its events: those of Resend's own
// events, and those that are kept for events of the engine, such as changes of contacts.
const (
	reservedPrefix = "resend:"
	enginePrefix   = "sys:"
)

// eventProblems returns the problems in an event, except those in its payload.
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
		if message := resourceFlaw(e.ContactID); message != "" {
			add(CodeInvalidContact, "contact_id", message)
		}
	}
	if message := resourceFlaw(e.AutomationID); message != "" {
		add(CodeInvalidConfig, "automation_id", message)
	}
	if message := idFlaw(e.IdempotencyKey); message != "" {
		add(CodeInvalidIdempotencyKey, "idempotency_key", message)
	}
	if e.Cause != nil {
		add(CodeInvalidCause, "cause", "must not be set: only an event that a step of a run sends has a cause")
	}
	return ps
}

// eventNameFlaw returns the flaw of an event name, or "".
func eventNameFlaw(name string) string {
	switch {
	case name == "":
		return "must not be empty"
	case strings.HasPrefix(name, reservedPrefix):
		return fmt.Sprintf("must not begin with %q: these events, which report what became of an email, are not supported yet; "+
			"send an event of your own instead, for example from the webhook of your email provider", reservedPrefix)
	case strings.HasPrefix(name, enginePrefix):
		return fmt.Sprintf("must not begin with %q, which is kept for events of the engine itself: choose another name", enginePrefix)
	default:
		return idFlaw(name)
	}
}

// contentHash identifies the content of an event for its idempotency key. OccurredAt
// is not part of the content: a client that repeats a request may set a new time.
func contentHash(e *Event) string {
	h := sha256.New()
	var size [8]byte
	parts := [][]byte{[]byte(e.Name), []byte(e.ContactID), []byte(EmailKey(e.Email)), e.Payload}
	if e.AutomationID != "" { // stores have hashes of events without one
		parts = append(parts, []byte(e.AutomationID))
	}
	for _, part := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// payloadFailure begins the result of Payload for a value that cannot be encoded. No
// JSON document begins like this.
const payloadFailure = "!payload: "

// Payload encodes v as the payload of an Event. v is a map, a struct, or any other
// value that encoding/json encodes as an object. A nil v means no payload.
//
//	automation.Event{
//		Name:    "user.created",
//		Email:   "ada@example.com",
//		Payload: automation.Payload(map[string]any{"plan": "pro"}),
//	}
//
// If v cannot be encoded, Payload returns a payload that Send refuses with a
// *ValidationError. Its message contains the error of encoding/json.
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

// decodePayload decodes an event's payload, with numbers as json.Number. It returns
// a nil map for no payload and for null. It fails with a *ValidationError if the
// payload is longer than limit bytes, is not one JSON object, has a key twice, or is
// nested too deeply.
func decodePayload(raw json.RawMessage, limit int) (map[string]any, error) {
	doc, problems := scanPayload(raw, limit)
	if doc == nil {
		return nil, problems.Err("event")
	}
	return doc.Object(0), nil
}

// storedPayload decodes a payload from a store. It returns nil for a damaged
// payload.
func storedPayload(raw []byte) map[string]any {
	payload, _ := decodePayload(raw, len(raw))
	return payload
}

// scanPayload validates a payload without decoding it. The document is nil for no
// payload, for null, and for a payload with problems.
func scanPayload(raw []byte, limit int) (*jsondoc.Doc, Problems) {
	if reason, failed := bytes.CutPrefix(raw, []byte(payloadFailure)); failed && len(raw) <= limit {
		var problems Problems
		problems.Add(CodeInvalidPayload, "payload", "cannot be encoded: %s", reason)
		return nil, problems
	}
	doc, violations := jsondoc.ObjectScanner{Root: "payload", Limit: limit}.Scan(raw)
	return doc, problemsOf(CodeInvalidPayload, violations)
}
