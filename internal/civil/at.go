package civil

import "time"

// clockRange bounds how far a zone's clocks can be from UTC. The furthest that were ever
// in use were 15 hours and 13 minutes away.
const clockRange = 24 * time.Hour

// At returns the first instant at which clocks of loc show t on date, or a later time: the
// first of two instants that show it, and the first instant after a gap.
func At(date Date, t LocalTime, loc *time.Location) time.Time {
	first, _ := instants(date.wall(t.minute), loc)
	return first
}

// EndAt returns the instant from which on clocks of loc never again show a time before t
// on date, where t is the end of something: the second of two instants that show it, and
// the first instant after a gap. "24:00" is midnight at the end of date.
//
// If clocks are turned back to t itself, EndAt is the first of the two all the same:
// between them, clocks show only what is after the end.
func EndAt(date Date, t LocalTime, loc *time.Location) time.Time {
	_, last := instants(date.wall(t.minute), loc)
	return last
}

// instants returns the first instant at which clocks of loc show wall or a later time, and
// the instant from which on they never again show an earlier one.
//
// It goes through the stretches of time in which clocks keep one offset from UTC. With the
// offset of a stretch, wall is shown at one instant, which can be in the stretch, before it
// or after it.
func instants(wall time.Time, loc *time.Location) (first, last time.Time) {
	found := false
	begin, stop := wall.Add(-clockRange).In(loc), wall.Add(clockRange).In(loc)
	for begin.Before(stop) {
		end := offsetEnd(begin, stop)
		_, offset := begin.Zone()
		shown := wall.Add(-time.Duration(offset) * time.Second).In(loc)
		if !found && shown.Before(end) {
			first, found = later(begin, shown), true
		}
		if shown.After(begin) {
			last = earlier(shown, end)
		}
		begin = end
	}
	return first, last
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// offsetEnd returns an instant after t up to which the offset of t's zone stays as it is
// at t. It need not change there.
func offsetEnd(t, stop time.Time) time.Time {
	_, end := t.ZoneBounds()
	switch {
	case end.IsZero():
		return stop
	case !end.After(t):
		// On the last day of a leap year, ZoneBounds returns the end of a year of 365 days
		// where it computes with the rule for the years after the table of changes.
		return t.Add(time.Hour)
	default:
		return end
	}
}
