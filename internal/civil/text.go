package civil

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// decodeText decodes a JSON string. It reports false for null, which leaves a value as it
// is. The error of any other JSON is form.
func decodeText(data []byte, form string) (text string, given bool, err error) {
	if bytes.Equal(data, []byte("null")) {
		return "", false, nil
	}
	if err := json.Unmarshal(data, &text); err != nil {
		return "", false, errors.New(form)
	}
	return text, true, nil
}

// encodeText encodes text, or null if it was not given.
func encodeText(text string, given bool) []byte {
	if !given {
		return []byte("null")
	}
	return jsondoc.AppendString(nil, text)
}
