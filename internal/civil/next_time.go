package civil

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// NextTime is a time of day on some days of the week.
type NextTime struct {
	// Weekdays are the days. If there are none, every day is meant.
	Weekdays []Weekday `json:"weekdays,omitempty"`
	// Time is the time of day. It is required.
	Time LocalTime `json:"time,omitzero"`
}

// Err returns the first error in n.
func (n NextTime) Err() error {
	if n.Time.IsZero() {
		return errors.New(`time is required, such as "09:00"`)
	}
	return cmp.Or(n.Time.Err(), firstErr(n.Weekdays))
}

// After returns the first instant at or after t at which clocks of loc show n. On a day on
// which they do not show it, that is the first instant after the gap; of two instants only
// the first counts. After returns the zero time if n.Err is not nil.
func (n NextTime) After(t time.Time, loc *time.Location) time.Time {
	if n.Err() != nil {
		return time.Time{}
	}
	// Today's time may have passed, also if the calendar was turned back since, so that
	// today comes again. Yesterday's may be to come: today is then the first day after a
	// day that the zone leaves out.
	const yesterday, nextWeek = -1, 8
	today := DateOf(t, loc)
	for days := yesterday; days <= nextWeek; days++ {
		date := today.AddDays(days)
		if !includes(n.Weekdays, date) {
			continue
		}
		if at := At(date, n.Time, loc); !at.Before(t) {
			return at
		}
	}
	return time.Time{}
}

// includes reports whether date is on one of the days, or whether there are none.
func includes(days []Weekday, date Date) bool {
	return len(days) == 0 || slices.Contains(days, date.Weekday())
}

func firstErr(days []Weekday) error {
	for _, day := range days {
		if err := day.Err(); err != nil {
			return err
		}
	}
	return nil
}
