package dashboard

import (
	"strconv"
	"time"
)

// moment is a time on a page.
type moment struct {
	at, now time.Time
	zone    *time.Location
}

// moment returns a time for a page.
func (x *exchange) moment(at time.Time) moment {
	return moment{at, x.opts.Clock.Now(), x.opts.Location}
}

// IsZero reports whether there is no time to show.
func (m moment) IsZero() bool { return m.at.IsZero() }

// Machine returns the time for the datetime attribute.
func (m moment) Machine() string { return m.at.UTC().Format(time.RFC3339Nano) }

// Text returns the time with its zone. It leaves out the current year.
func (m moment) Text() string {
	at := m.at.In(m.zone)
	layout := "2 Jan 2006 15:04:05 MST"
	if at.Year() == m.now.In(m.zone).Year() {
		layout = "2 Jan 15:04:05 MST"
	}
	return at.Format(layout)
}

// Ago returns how long ago the time was, or how far it is ahead. A time ahead is rounded, so
// that a delay of three days ends "in 3 days" once it has begun.
func (m moment) Ago() string {
	d := m.now.Sub(m.at)
	switch {
	case d < 0:
		return "in " + roughly((-d).Round(unitOf(-d)))
	case d < time.Second:
		return "just now"
	default:
		return roughly(d) + " ago"
	}
}

const day = 24 * time.Hour

// unitNames are the names of the units of roughly.
var unitNames = map[time.Duration]string{time.Second: "s", time.Minute: "min", time.Hour: "h", day: "days"}

// roughly returns a duration in its largest unit.
func roughly(d time.Duration) string {
	unit := unitOf(d)
	return strconv.Itoa(int(d/unit)) + " " + unitNames[unit]
}

// unitOf returns the largest unit of a duration.
func unitOf(d time.Duration) time.Duration {
	switch {
	case d < time.Minute:
		return time.Second
	case d < time.Hour:
		return time.Minute
	case d < 2*day:
		return time.Hour
	default:
		return day
	}
}

// took returns how long something lasted, in its two largest units. What lasted no time
// happened at once.
func took(d time.Duration) string {
	switch {
	case d <= 0:
		return "at once"
	case d < time.Second:
		return strconv.Itoa(max(1, int(d/time.Millisecond))) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Hour:
		return units(d, time.Minute, "min", time.Second, "s")
	case d < 24*time.Hour:
		return units(d, time.Hour, "h", time.Minute, "min")
	default:
		return units(d, day, "d", time.Hour, "h")
	}
}

func units(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	text := strconv.Itoa(int(d/large)) + " " + largeName
	if rest := int(d % large / small); rest > 0 {
		text += " " + strconv.Itoa(rest) + " " + smallName
	}
	return text
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
