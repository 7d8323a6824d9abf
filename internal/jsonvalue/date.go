package jsonvalue

import (
	"strings"
	"time"
)

// ParseDate parses an RFC 3339 date-time or full date. A full date means midnight in
// UTC.
func ParseDate(text string) (time.Time, bool) {
	if len(text) == len(time.DateOnly) {
		t, err := time.Parse(time.DateOnly, text)
		return t, err == nil
	}
	if len(text) < len(time.DateOnly) || text[len(time.DateOnly)] != 'T' {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, text)
	return t, err == nil && isStrictDateTime(text)
}

// isStrictDateTime refuses forms that time.Parse accepts although RFC 3339 does not
// allow them: hours of one digit, fractions after a comma, and zone offsets of a day
// or more.
func isStrictDateTime(text string) bool {
	if text[len("2006-01-02T15")] != ':' || strings.Contains(text, ",") {
		return false
	}
	zone := text[len(text)-len("07:00"):]
	return strings.HasSuffix(text, "Z") || zone[:2] < "24" && zone[3:] < "60"
}

// IsDate reports whether ParseDate accepts text.
func IsDate(text string) bool {
	_, ok := ParseDate(text)
	return ok
}
