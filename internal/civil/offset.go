package civil

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed-b636437c/automation/internal/durationtext"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// Offset is a length of time with a direction: "-1 day" is before, "2 hours" or "+2 hours"
// after. One sign is in front of the whole: "-1 day 12 hours" is 36 hours before. After
// the sign it has the form of a duration. A day is 24 hours, unless Days counts them on a
// calendar.
//
// The zero Offset means "not given". An Offset that is decoded from an invalid text keeps
// the text.
type Offset struct {
	text    string
	std     time.Duration
	invalid bool // text is not an offset; distinguishes "" from "not given"
}

// ParseOffset parses an offset in words, such as "-1 day" or "30 minutes", or in Go's
// form, such as "-36h".
func ParseOffset(text string) (Offset, error) {
	o := offsetFromText(text)
	if err := o.Err(); err != nil {
		return Offset{}, err
	}
	return o, nil
}

// MustParseOffset is ParseOffset for offsets that are written in code. It panics if text
// is no offset.
func MustParseOffset(text string) Offset {
	o, err := ParseOffset(text)
	if err != nil {
		panic(err)
	}
	return o
}

// Std returns o as a time.Duration. It returns 0 for the zero Offset and for an invalid
// one.
func (o Offset) Std() time.Duration { return o.std }

// Days returns o as a number of days, for a calendar, and reports whether o is a whole
// number of them. A remainder is cut off.
func (o Offset) Days() (int, bool) {
	return int(o.std / durationtext.Day), o.std%durationtext.Day == 0
}

// String returns the text in which o was written.
func (o Offset) String() string { return o.text }

// IsZero reports whether o is the zero Offset, which means "not given".
func (o Offset) IsZero() bool { return o == Offset{} }

// Err returns the error in the text of an invalid Offset. It returns nil for the zero
// Offset.
func (o Offset) Err() error {
	if !o.invalid {
		return nil
	}
	_, err := parseOffset(o.text)
	return err
}

// MarshalJSON encodes the text in which o was written. The zero Offset encodes as null.
func (o Offset) MarshalJSON() ([]byte, error) { return encodeText(o.text, !o.IsZero()), nil }

// UnmarshalJSON accepts any string. Err reports whether it is an offset. null leaves o
// unchanged.
func (o *Offset) UnmarshalJSON(data []byte) error {
	text, given, err := decodeText(data, `an offset is a string, such as "-1 day"`)
	if given {
		*o = offsetFromText(text)
	}
	return err
}

func offsetFromText(text string) Offset {
	std, err := parseOffset(text)
	return Offset{text: text, std: std, invalid: err != nil}
}

// parseOffset parses text as ParseOffset does. It returns 0 with every error.
func parseOffset(text string) (time.Duration, error) {
	length, direction := strings.TrimSpace(text), time.Duration(1)
	switch {
	case strings.HasPrefix(length, "-"):
		length, direction = length[1:], -1
	case strings.HasPrefix(length, "+"):
		length = length[1:]
	}
	if strings.HasPrefix(length, "-") || strings.HasPrefix(length, "+") {
		return 0, notAnOffset(text)
	}
	d, err := durationtext.Parse(length)
	switch {
	case err == nil:
		return direction * d, nil
	case errors.Is(err, durationtext.ErrTooLong):
		return 0, fmt.Errorf("offset %s is too long: the most that can be held is 292 years", jsondoc.Quote(text))
	case errors.Is(err, durationtext.ErrNotPositive):
		return 0, fmt.Errorf("offset %s moves nothing in one of its parts: leave out what is 0, and write one sign in front of the whole",
			jsondoc.Quote(text))
	default:
		return 0, notAnOffset(text)
	}
}

func notAnOffset(text string) error {
	return fmt.Errorf(`offset %s is not understood: write whole numbers of seconds, minutes, hours, days or weeks, `+
		`with one sign in front, such as "-1 day" or "2 hours 30 minutes", or Go's form, such as "-36h"`, jsondoc.Quote(text))
}
