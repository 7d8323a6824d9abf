// Package durationtext is the text form of lengths of time: "1 day 12 hours", or Go's
// form, such as "36h". It knows no signs in front of words: a length is positive.
package durationtext

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// A day is 24 hours, whatever clocks do.
const (
	Day  = 24 * time.Hour
	Week = 7 * Day
)

// What is wrong with a text. Callers write the message, because only they know what the
// text is for.
var (
	ErrSyntax      = errors.New("is not understood")
	ErrNotPositive = errors.New("is not positive")
	ErrTooLong     = errors.New("is too long")
)

// Parse parses text. It returns 0 with every error, which is one of this package.
func Parse(text string) (time.Duration, error) {
	words := strings.Fields(text)
	if len(words) == 1 {
		return parseGo(words[0])
	}
	if len(words) == 0 || len(words)%2 != 0 {
		return 0, ErrSyntax
	}
	var sum time.Duration
	for i := 0; i < len(words); i += 2 {
		part, err := parsePart(words[i], words[i+1])
		if err != nil {
			return 0, err
		}
		if part > math.MaxInt64-sum {
			return 0, ErrTooLong
		}
		sum += part
	}
	return sum, nil
}

func parseGo(word string) (time.Duration, error) {
	d, err := time.ParseDuration(word)
	if err != nil {
		return 0, ErrSyntax
	}
	if d <= 0 {
		return 0, ErrNotPositive
	}
	return d, nil
}

// parsePart parses one count and its unit.
func parsePart(count, name string) (time.Duration, error) {
	unit, ok := unitOf(name)
	if !ok {
		return 0, ErrSyntax
	}
	n, err := strconv.ParseInt(count, 10, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, ErrSyntax
	case n <= 0:
		return 0, ErrNotPositive
	case n > int64(math.MaxInt64/unit):
		return 0, ErrTooLong
	}
	return time.Duration(n) * unit, nil
}

func unitOf(name string) (time.Duration, bool) {
	switch strings.ToLower(name) {
	case "second", "seconds":
		return time.Second, true
	case "minute", "minutes":
		return time.Minute, true
	case "hour", "hours":
		return time.Hour, true
	case "day", "days":
		return Day, true
	case "week", "weeks":
		return Week, true
	default:
		return 0, false
	}
}

// Words returns d, which is a positive whole number of seconds, in words. It uses weeks
// only if nothing remains: "10 days" reads better than "1 week 3 days".
func Words(d time.Duration) string {
	if d%Week == 0 {
		return countOf(d/Week, "week")
	}
	var parts []string
	for _, u := range []struct {
		length time.Duration
		name   string
	}{{Day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
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
