package record

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/seed-b636437c/automation"
)

// EncodeNames returns a set of names of events as text: a JSON array. Equal sets have equal
// texts, and the migrations of the stores write these texts, too. It is "" for no names.
func EncodeNames(names []string) string {
	if len(names) == 0 {
		return ""
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(names) // texts can always be encoded
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// DecodeNames is the inverse of EncodeNames.
func DecodeNames(text string) (names []string, err error) {
	if text == "" {
		return nil, nil
	}
	err = json.Unmarshal([]byte(text), &names)
	return names, err
}

// HasAny reports whether one of the events has one of the names. A claim may not bring all
// pending events of a contact.
func HasAny(events []automation.PendingEvent, names []string) bool {
	return slices.ContainsFunc(events, func(e automation.PendingEvent) bool { return slices.Contains(names, e.Name) })
}
