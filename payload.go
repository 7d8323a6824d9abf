package automation

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	payload, problems := payloadDecoder(limit).decode(raw)
	return payload, problems.Err("event")
}

// storedPayload decodes a payload that was accepted once. One that is damaged in
// the store reads as empty.
func storedPayload(raw []byte) map[string]any {
	payload, _ := payloadDecoder(len(raw)).decode(raw)
	return payload
}

func payloadDecoder(limit int) objectDecoder {
	return objectDecoder{root: "payload", code: CodeInvalidPayload, limit: limit}
}

// objectDecoder decodes JSON objects from outside: payloads and schemas.
type objectDecoder struct {
	root  string // begins the paths of problems
	code  Code   // the code of problems
	limit int    // how many bytes an object may have
}

// decode returns the object that raw holds, or nil for nothing and for null.
func (d objectDecoder) decode(raw []byte) (map[string]any, Problems) {
	doc, problems := d.scan(raw)
	if doc == nil {
		return nil, problems
	}
	return doc.object(0), nil
}

// scan checks the object that raw holds without decoding it. The document is
// nil for nothing and for null.
func (d objectDecoder) scan(raw []byte) (*jsonDoc, Problems) {
	if len(raw) == 0 {
		return nil, nil
	}
	if len(raw) > d.limit {
		return nil, Problems{d.problem("", "is %d bytes long; at most %d are allowed", len(raw), d.limit)}
	}
	if reason, failed := bytes.CutPrefix(raw, []byte(payloadFailure)); failed {
		return nil, Problems{d.problem("", "cannot be encoded: %s", reason)}
	}
	doc, err := scanJSON(raw)
	if err != nil {
		return nil, Problems{d.problem("", "is not valid JSON: %v", err)}
	}
	if len(doc.repeated) > 0 {
		return nil, d.repeated(doc)
	}
	switch kind := doc.kind(0); kind {
	case jsonObject:
		return doc, nil
	case jsonNull:
		return nil, nil
	default:
		return nil, Problems{d.problem("", "must be a JSON object, not %v", kind)}
	}
}

func (d objectDecoder) repeated(doc *jsonDoc) Problems {
	var problems Problems
	for _, key := range doc.repeated[:min(len(doc.repeated), maxProblems)] {
		problems = append(problems, d.problem(doc.path(key), "the object has this key more than once; keep one"))
	}
	return problems
}

func (d objectDecoder) problem(path, format string, args ...any) Problem {
	return Problem{
		Severity: SeverityError,
		Code:     d.code,
		Path:     joinPath(d.root, path),
		Message:  fmt.Sprintf(format, args...),
	}
}

// joinPath puts root before a path that leads on from it.
func joinPath(root, path string) string {
	if path == "" || path[0] == '[' {
		return root + path
	}
	return root + "." + path
}

// decoded returns the value at node n, with numbers as json.Number.
func (d *jsonDoc) decoded(n int) any {
	switch d.kind(n) {
	case jsonNull:
		return nil
	case jsonBool:
		return d.literal(n) == "true"
	case jsonNumber:
		return json.Number(d.literal(n))
	case jsonString:
		return d.str(n)
	case jsonArray:
		return d.array(n)
	default:
		return d.object(n)
	}
}

func (d *jsonDoc) array(n int) []any {
	array := make([]any, 0, d.count(n))
	for element := range d.elements(n) {
		array = append(array, d.decoded(element))
	}
	return array
}

func (d *jsonDoc) object(n int) map[string]any {
	object := map[string]any{}
	for key, value := range d.members(n) {
		object[d.str(key)] = d.decoded(value)
	}
	return object
}
