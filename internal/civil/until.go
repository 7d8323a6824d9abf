package civil

import (
	"errors"
	"time"

	"github.com/seed-b636437c/automation/internal/jsonvalue"
)

// pastAfter is how far back an instant may lie before it counts as past: an instant that
// is now must not be missed because an event took a moment to arrive.
const pastAfter = time.Minute

// Until is an instant that is counted from a date which is known later: the day before an
// appointment, at 09:00.
type Until struct {
	// Offset moves the date. With a Time it counts days of the calendar, of which it must
	// be a whole number; without, a day is 24 hours.
	Offset Offset `json:"offset,omitzero"`
	// Time is the time of day. Without it, the instant has the time of day of the date,
	// which must have one.
	Time LocalTime `json:"time,omitzero"`
}

// UntilResult is what Until.Resolve found.
type UntilResult string

// The results of Until.Resolve.
const (
	UntilReached UntilResult = "reached" // the instant is now, or at most a minute ago
	UntilLater   UntilResult = "later"   // the instant is to come
	UntilPast    UntilResult = "past"    // the instant is more than a minute ago
	UntilTooFar  UntilResult = "too_far" // the instant is after the latest that is allowed
	UntilMissing UntilResult = "missing" // there is no instant
)

// Err returns the first error in u.
func (u Until) Err() error {
	if err := u.Offset.Err(); err != nil {
		return err
	}
	if err := u.Time.Err(); err != nil {
		return err
	}
	if _, whole := u.Offset.Days(); !whole && !u.Time.IsZero() {
		return errors.New(`an offset beside a time counts days of the calendar: write whole days, such as "-1 day", or leave out the time`)
	}
	return nil
}

// Resolve returns the instant that u means for the date at, and how it lies between now
// and latest. It returns the instant with every result but UntilMissing.
//
// at is a decoded JSON value. It must be a date-time of RFC 3339, or a date if u has a
// Time; everything else is missing. With a Time, a date-time counts for the day that it is
// in loc, and a date for the day that it names, whatever loc is.
//
// A caller that computes again what it has computed before must compare the instants
// first: one that was waited for is reached, however late the caller is. u must be valid.
func (u Until) Resolve(at any, loc *time.Location, now, latest time.Time) (time.Time, UntilResult) {
	instant, ok := u.instant(at, loc)
	switch {
	case !ok:
		return time.Time{}, UntilMissing
	case instant.After(latest):
		return instant, UntilTooFar
	case instant.After(now):
		return instant, UntilLater
	case instant.Before(now.Add(-pastAfter)):
		return instant, UntilPast
	default:
		return instant, UntilReached
	}
}

func (u Until) instant(at any, loc *time.Location) (time.Time, bool) {
	text, ok := at.(string)
	if !ok {
		return time.Time{}, false
	}
	if u.Time.IsZero() {
		t, ok := parseDateTime(text)
		return t.Add(u.Offset.Std()), ok
	}
	date, ok := dateIn(text, loc)
	if !ok {
		return time.Time{}, false
	}
	days, _ := u.Offset.Days()
	return At(date.AddDays(days), u.Time, loc), true
}

// dateIn returns the date that text is, or on which the instant is in loc that text is.
func dateIn(text string, loc *time.Location) (Date, bool) {
	if t, ok := parseDateTime(text); ok {
		return DateOf(t, loc), true
	}
	date, err := ParseDate(text)
	return date, err == nil
}

func parseDateTime(text string) (time.Time, bool) {
	if len(text) <= len(time.DateOnly) {
		return time.Time{}, false
	}
	return jsonvalue.ParseDate(text)
}
