package automation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seed-b636437c/automation/internal/durationtext"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// Duration is a length of time that keeps the text in which it was written: "3 days"
// encodes as "3 days" and not as "72h0m0s". A day is 24 hours.
//
// The zero Duration means "none". A Duration that is decoded from an invalid text
// keeps the text. Its Err returns the error, and Validate refuses it.
type Duration struct {
	text    string
	std     time.Duration
	invalid bool // text is not a positive duration; distinguishes "" from none
}

// ParseDuration parses a positive duration in words, such as "30 minutes", "1 week"
// or "1 day 12 hours", or in Go's form, such as "36h". The units are second, minute,
// hour, day and week, singular or plural, in upper or lower case.
func ParseDuration(text string) (Duration, error) {
	d := durationFromText(text)
	if err := d.Err(); err != nil {
		return Duration{}, fmt.Errorf("automation: %w", err)
	}
	return d, nil
}

// MustParseDuration is ParseDuration for durations that are written in code. It
// panics if text is not a positive duration.
func MustParseDuration(text string) Duration {
	d, err := ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return d
}

// DurationOf returns d in words: 72*time.Hour is "3 days". A d with a fraction of a
// second is in Go's form. DurationOf(0) is the zero Duration. Validate refuses a
// Duration made from a negative d.
func DurationOf(d time.Duration) Duration {
	switch {
	case d == 0:
		return Duration{}
	case d < 0 || d%time.Second != 0:
		return durationFromText(d.String())
	default:
		return Duration{text: durationtext.Words(d), std: d}
	}
}

// Std returns d as a time.Duration. It returns 0 for the zero Duration and for an
// invalid one.
func (d Duration) Std() time.Duration { return d.std }

// String returns the text in which d was written. It returns "" for the zero
// Duration.
func (d Duration) String() string { return d.text }

// IsZero reports whether d is the zero Duration, which means "none".
func (d Duration) IsZero() bool { return d == Duration{} }

// Err returns the error in the text of an invalid Duration. It returns nil for a
// valid Duration and for the zero Duration.
func (d Duration) Err() error {
	if !d.invalid {
		return nil
	}
	_, err := parseDuration(d.text)
	return err
}

// MarshalJSON encodes the text in which d was written. The zero Duration encodes as
// null.
func (d Duration) MarshalJSON() ([]byte, error) {
	if d.IsZero() {
		return []byte("null"), nil
	}
	return jsondoc.AppendString(nil, d.text), nil
}

// UnmarshalJSON accepts any string. Err reports whether the string is a duration.
// null leaves d unchanged.
func (d *Duration) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return errors.New(`a duration is a string, such as "3 days"`)
	}
	*d = durationFromText(text)
	return nil
}

func durationFromText(text string) Duration {
	std, err := parseDuration(text)
	return Duration{text: text, std: std, invalid: err != nil}
}

// parseDuration parses text as ParseDuration does. It returns 0 with every error.
func parseDuration(text string) (time.Duration, error) {
	d, err := durationtext.Parse(text)
	switch {
	case err == nil:
		return d, nil
	case errors.Is(err, durationtext.ErrSyntax):
		return 0, fmt.Errorf(`duration %s %w: write whole numbers of seconds, minutes, hours, days or weeks, `+
			`such as "30 minutes" or "1 day 12 hours", or Go's form, such as "36h"`, jsondoc.Quote(text), err)
	case errors.Is(err, durationtext.ErrTooLong):
		return 0, fmt.Errorf("duration %s %w: the most that can be held is 292 years", jsondoc.Quote(text), err)
	default:
		return 0, fmt.Errorf("duration %s %w", jsondoc.Quote(text), err)
	}
}

// stamp reduces t to the precision of every store: UTC with microseconds.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
