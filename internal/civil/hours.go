package civil

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Hours are the hours between two times of day, on some days of the week.
type Hours struct {
	// Days are the days on which the hours begin. If there are none, every day is meant.
	Days []Weekday `json:"days,omitempty"`
	// From is when the hours begin, and To when they have ended: at To they are over. A To
	// before From is on the next day. "24:00" is the end of the day. Both are required.
	From LocalTime `json:"from,omitzero"`
	To   LocalTime `json:"to,omitzero"`
}

// Err returns the first error in h.
func (h Hours) Err() error {
	switch {
	case h.From.IsZero() || h.To.IsZero():
		return errors.New(`hours have from and to: give both, such as "09:00" and "17:00"`)
	case h.From == h.To && h.From.EndErr() == nil:
		return fmt.Errorf("%s to %s is no time at all: for the whole day write 00:00 to 24:00", h.From, h.To)
	default:
		return cmp.Or(h.From.Err(), h.To.EndErr(), firstErr(h.Days))
	}
}

// on returns when the hours that belong to date open and close in loc. It reports false if
// they do not open: date is on none of the days, clocks jump over all of them, or h is
// invalid.
func (h Hours) on(date Date, loc *time.Location) (opens, closes time.Time, ok bool) {
	if h.Err() != nil || !includes(h.Days, date) {
		return time.Time{}, time.Time{}, false
	}
	opens = At(date, h.From, loc)
	if h.To.minute < h.From.minute {
		date = date.AddDays(1)
	}
	closes = EndAt(date, h.To, loc)
	return opens, closes, opens.Before(closes)
}
