package civil

import (
	"fmt"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

const (
	minutesPerHour = 60
	minutesPerDay  = 24 * minutesPerHour

	endOfDay = "24:00"
)

// LocalTime is a time of day on the wall clock, to the minute: "15:04". The end of a day,
// "24:00", is one only where something ends.
//
// The zero LocalTime means "not given", which "00:00" is not. A LocalTime that is decoded
// from an invalid text keeps the text.
type LocalTime struct {
	text    string
	minute  int  // since midnight
	invalid bool // text is not a local time; distinguishes "" from "not given"
}

// ParseLocalTime parses a time of day from "00:00" to "23:59".
func ParseLocalTime(text string) (LocalTime, error) {
	t := localTimeFromText(text)
	if err := t.Err(); err != nil {
		return LocalTime{}, err
	}
	return t, nil
}

// ParseEndTime parses the time of day at which something ends: from "00:00" to "24:00".
func ParseEndTime(text string) (LocalTime, error) {
	t := localTimeFromText(text)
	if err := t.EndErr(); err != nil {
		return LocalTime{}, err
	}
	return t, nil
}

// MustParseLocalTime is ParseEndTime for times that are written in code. It panics if text
// is no local time.
func MustParseLocalTime(text string) LocalTime {
	t, err := ParseEndTime(text)
	if err != nil {
		panic(err)
	}
	return t
}

// Minute returns the minutes from midnight to t on a wall clock: 90 for "01:30". It
// returns 0 for the zero LocalTime and for an invalid one.
func (t LocalTime) Minute() int { return t.minute }

// String returns the text in which t was written.
func (t LocalTime) String() string { return t.text }

// IsZero reports whether t is the zero LocalTime, which means "not given".
func (t LocalTime) IsZero() bool { return t == LocalTime{} }

// Err returns the error in the text of t where t is a time of day: "24:00" is refused. It
// returns nil for the zero LocalTime.
func (t LocalTime) Err() error {
	if t.text == endOfDay {
		return fmt.Errorf(`local time %q is the end of a day: write "00:00" of the next day`, t.text)
	}
	return t.EndErr()
}

// EndErr is Err where t is the end of something: "24:00" is allowed.
func (t LocalTime) EndErr() error {
	if !t.invalid {
		return nil
	}
	return fmt.Errorf(`local time %s is not understood: write hours and minutes in two digits each, such as "09:00" or "17:30"`,
		jsondoc.Quote(t.text))
}

// MarshalJSON encodes the text in which t was written. The zero LocalTime encodes as null.
func (t LocalTime) MarshalJSON() ([]byte, error) { return encodeText(t.text, !t.IsZero()), nil }

// UnmarshalJSON accepts any string. Err and EndErr report whether it is a local time. null
// leaves t unchanged.
func (t *LocalTime) UnmarshalJSON(data []byte) error {
	text, given, err := decodeText(data, `a local time is a string, such as "09:00"`)
	if given {
		*t = localTimeFromText(text)
	}
	return err
}

func localTimeFromText(text string) LocalTime {
	if text == endOfDay {
		return LocalTime{text: text, minute: minutesPerDay}
	}
	const form = "15:04"
	parsed, err := time.Parse(form, text)
	// time.Parse also accepts hours of one digit.
	if err != nil || len(text) != len(form) {
		return LocalTime{text: text, invalid: true}
	}
	return LocalTime{text: text, minute: parsed.Hour()*minutesPerHour + parsed.Minute()}
}
