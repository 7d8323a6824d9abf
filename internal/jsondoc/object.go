package jsondoc

import "fmt"

// Violation is a part of a document that breaks a rule.
type Violation struct {
	Path    string // such as "payload.items[2]"
	Message string
}

// MaxViolations bounds the violations that are reported for one document.
const MaxViolations = 100

// ObjectScanner scans JSON objects from outside the process: payloads and schemas.
type ObjectScanner struct {
	Root  string // the beginning of the paths of violations
	Limit int    // the most bytes of an object
}

// Decode returns the object in raw, with numbers as json.Number. It returns a nil map
// for no bytes, for null, and with violations.
func (s ObjectScanner) Decode(raw []byte) (map[string]any, []Violation) {
	doc, violations := s.Scan(raw)
	if doc == nil {
		return nil, violations
	}
	return doc.Object(0), nil
}

// Scan validates the object in raw without decoding it. The document is nil for no
// bytes, for null, and with violations.
func (s ObjectScanner) Scan(raw []byte) (*Doc, []Violation) {
	if len(raw) == 0 {
		return nil, nil
	}
	if len(raw) > s.Limit {
		return nil, s.violation("", "is %d bytes long; at most %d are allowed", len(raw), s.Limit)
	}
	doc, err := Scan(raw)
	if err != nil {
		return nil, s.violation("", "is not valid JSON: %v", err)
	}
	if len(doc.Repeated) > 0 {
		return nil, s.repeated(doc)
	}
	switch kind := doc.Kind(0); kind {
	case Object:
		return doc, nil
	case Null:
		return nil, nil
	default:
		return nil, s.violation("", "must be a JSON object, not %v", kind)
	}
}

func (s ObjectScanner) repeated(doc *Doc) []Violation {
	var violations []Violation
	for _, key := range doc.Repeated[:min(len(doc.Repeated), MaxViolations)] {
		violations = append(violations, s.violation(doc.Path(key), "the object has this key more than once; keep one")...)
	}
	return violations
}

func (s ObjectScanner) violation(path, format string, args ...any) []Violation {
	return []Violation{{Join(s.Root, path), fmt.Sprintf(format, args...)}}
}
