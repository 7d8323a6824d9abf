package automation

import (
	"bytes"
	"encoding/json"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

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
