package record

import (
	"encoding/json"
	"fmt"
	"strings"
)

// EncodeFallback returns the fallback of a contact property as JSON, "" if there is none.
func EncodeFallback(fallback any) (string, error) {
	if fallback == nil {
		return "", nil
	}
	return encode("fallback", fallback, 1)
}

// DecodeFallback is the inverse of EncodeFallback. It returns a number as a json.Number,
// digit by digit.
func DecodeFallback(text string) (fallback any, err error) {
	if text == "" {
		return nil, nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&fallback); err != nil {
		return nil, fmt.Errorf("fallback: %w", err)
	}
	return fallback, nil
}
