package dashboard

import (
	"bytes"
	"encoding/json"
)

// hidden stands for a value for which Options.Redact panicked, and for what is no
// JSON.
const hidden = "(hidden)"

// decodeValue returns the value of a JSON document, or hidden for what is none.
func decodeValue(doc json.RawMessage) any {
	decoder := json.NewDecoder(bytes.NewReader(doc))
	decoder.UseNumber() // a float64 would change large numbers
	var value any
	if decoder.Decode(&value) != nil {
		return hidden
	}
	return value
}

// indented returns a JSON document with a line for each value. It returns data unchanged if
// it is no JSON document.
func indented(data []byte) string {
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", "  "); err != nil {
		return string(data)
	}
	return b.String()
}

// indentedValue returns value as indented JSON. html/template escapes it, so it does not.
func indentedValue(value any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if encoder.Encode(value) != nil {
		return hidden
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// plainText returns a document as redactedText does without Options.Redact.
func plainText(doc json.RawMessage) string {
	if len(doc) == 0 {
		return ""
	}
	return indentedValue(decodeValue(doc))
}
