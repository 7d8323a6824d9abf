package civil

import (
	"slices"
	"time"
)

// horizon is how many days ahead an opening is looked for. A year is long enough for any
// window that opens at all, and the dates of a window bound what it leaves out.
const horizon = 366

// Window is when something is open.
type Window struct {
	// Hours are open. They may overlap. A Window without Hours is never open.
	Hours []Hours `json:"hours,omitempty"`
	// Except are dates on which no Hours begin. Hours that began on the evening before
	// still end when they end.
	Except []Date `json:"except,omitempty"`
}

// Next returns t if w is open at t in loc, and otherwise the next instant at which it
// opens. It reports false if w does not open within a year.
func (w Window) Next(t time.Time, loc *time.Location) (time.Time, bool) {
	// Hours of yesterday may still be open. Later dates open later, so that the first date
	// with hours that are not over yet has the next opening.
	today := DateOf(t, loc)
	for days := -1; days <= horizon; days++ {
		if opens, ok := w.openingOn(today.AddDays(days), t, loc); ok {
			return opens, true
		}
	}
	return time.Time{}, false
}

// Close returns the first instant at or after t at which w is closed in loc: t, if w is
// closed at t. It reports false if w stays open for a year.
func (w Window) Close(t time.Time, loc *time.Location) (time.Time, bool) {
	limit := t.AddDate(0, 0, horizon)
	for t.Before(limit) {
		closes := w.closingOf(t, loc)
		if !closes.After(t) {
			return t, true
		}
		t = closes
	}
	return time.Time{}, false
}

// openingOn returns the first opening of hours of date that are not over at t. For hours
// that are open at t, that is t.
func (w Window) openingOn(date Date, t time.Time, loc *time.Location) (first time.Time, found bool) {
	if slices.Contains(w.Except, date) {
		return time.Time{}, false
	}
	for _, h := range w.Hours {
		opens, closes, ok := h.on(date, loc)
		if !ok || !closes.After(t) {
			continue
		}
		if opens.Before(t) {
			opens = t
		}
		if !found || opens.Before(first) {
			first, found = opens, true
		}
	}
	return first, found
}

// closingOf returns when the last of the hours close that are open at t, or t if none are.
func (w Window) closingOf(t time.Time, loc *time.Location) time.Time {
	last := t
	// Where the calendar was turned back, hours of tomorrow can have begun.
	for days := -1; days <= 1; days++ {
		date := DateOf(t, loc).AddDays(days)
		if slices.Contains(w.Except, date) {
			continue
		}
		for _, h := range w.Hours {
			opens, closes, ok := h.on(date, loc)
			if ok && !opens.After(t) && closes.After(last) {
				last = closes
			}
		}
	}
	return last
}
