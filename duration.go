package automation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

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

const (
	day  = 24 * time.Hour
	week = 7 * day
)

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
		return Duration{text: durationWords(d), std: d}
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
	words := strings.Fields(text)
	if len(words) == 1 {
		return parseGoDuration(text, words[0])
	}
	if len(words) == 0 || len(words)%2 != 0 {
		return 0, notADuration(text)
	}
	var sum time.Duration
	for i := 0; i < len(words); i += 2 {
		part, err := parseDurationPart(text, words[i], words[i+1])
		if err != nil {
			return 0, err
		}
		if part > math.MaxInt64-sum {
			return 0, durationTooLong(text)
		}
		sum += part
	}
	return sum, nil
}

// parseOffset parses a duration that may have a minus in front, or be zero.
func parseOffset(text string) (time.Duration, error) {
	rest, negative := strings.CutPrefix(strings.TrimSpace(text), "-")
	if isNoTime(rest) {
		return 0, nil
	}
	d, err := parseDuration(rest)
	if err != nil {
		return 0, fmt.Errorf(`offset %s is not understood: write how far the time is from now, such as "-7 days" or "36h"`, jsondoc.Quote(text))
	}
	if negative {
		return -d, nil
	}
	return d, nil
}

// isNoTime reports whether text is a zero and its unit, such as "0 seconds" or "0s".
func isNoTime(text string) bool {
	if words := strings.Fields(text); len(words) == 2 {
		_, ok := durationUnit(words[1])
		return ok && words[0] == "0"
	}
	d, err := time.ParseDuration(text)
	return err == nil && d == 0
}

func parseGoDuration(text, word string) (time.Duration, error) {
	d, err := time.ParseDuration(word)
	if err != nil {
		return 0, notADuration(text)
	}
	if d <= 0 {
		return 0, durationNotPositive(text)
	}
	return d, nil
}

// parseDurationPart parses one count and its unit, which are a part of text.
func parseDurationPart(text, count, name string) (time.Duration, error) {
	unit, ok := durationUnit(name)
	if !ok {
		return 0, notADuration(text)
	}
	n, err := strconv.ParseInt(count, 10, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, notADuration(text)
	case n <= 0:
		return 0, durationNotPositive(text)
	case n > int64(math.MaxInt64/unit):
		return 0, durationTooLong(text)
	}
	return time.Duration(n) * unit, nil
}

func durationUnit(name string) (time.Duration, bool) {
	switch strings.ToLower(name) {
	case "second", "seconds":
		return time.Second, true
	case "minute", "minutes":
		return time.Minute, true
	case "hour", "hours":
		return time.Hour, true
	case "day", "days":
		return day, true
	case "week", "weeks":
		return week, true
	default:
		return 0, false
	}
}

func notADuration(text string) error {
	return fmt.Errorf(`duration %s is not understood: write whole numbers of seconds, minutes, hours, days or weeks, `+
		`such as "30 minutes" or "1 day 12 hours", or Go's form, such as "36h"`, jsondoc.Quote(text))
}

func durationNotPositive(text string) error {
	return fmt.Errorf("duration %s is not positive", jsondoc.Quote(text))
}

func durationTooLong(text string) error {
	return fmt.Errorf("duration %s is too long: the most that can be held is 292 years", jsondoc.Quote(text))
}

// durationWords returns d, which is a whole number of seconds, in words. It uses
// weeks only if nothing remains: "10 days" reads better than "1 week 3 days".
func durationWords(d time.Duration) string {
	if d%week == 0 {
		return countOf(d/week, "week")
	}
	var parts []string
	for _, u := range []struct {
		length time.Duration
		name   string
	}{{day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := d / u.length; n > 0 {
			parts = append(parts, countOf(n, u.name))
		}
		d %= u.length
	}
	return strings.Join(parts, " ")
}

func countOf(n time.Duration, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return strconv.FormatInt(int64(n), 10) + " " + unit + "s"
}

// stamp reduces t to the precision of every store: UTC with microseconds.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
