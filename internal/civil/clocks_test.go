package civil

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The years of the property tests.
const (
	firstYear = 1990
	lastYear  = 2039
)

// clockTime returns the local time of a minute of the day.
func clockTime(minute int) LocalTime {
	return MustParseLocalTime(fmt.Sprintf("%02d:%02d", minute/minutesPerHour, minute%minutesPerHour))
}

// everyZone returns the zones that IANA lists and this version of Go has.
var everyZone = sync.OnceValue(func() []*time.Location {
	var zones Zones
	var all []*time.Location
	for _, name := range strings.Fields(zoneNamesText) {
		if loc, err := zones.Load(name); err == nil {
			all = append(all, loc)
		}
	}
	return all
})

func TestEveryZone(t *testing.T) {
	t.Parallel()
	require.Greater(t, len(everyZone()), 550)
}

// changes returns the instants of a year at which clocks of loc change. It looks at the
// offset of every sixth hour, and halves the time between two that differ.
func changes(loc *time.Location, year int) []time.Time {
	const stride = 6 * time.Hour
	offset := func(t time.Time) int {
		_, offset := t.In(loc).Zone()
		return offset
	}
	var found []time.Time
	end := time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC)
	for t := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC); t.Before(end); t = t.Add(stride) {
		before, after := t, t.Add(stride)
		if offset(before) == offset(after) {
			continue
		}
		for after.Sub(before) > time.Minute {
			middle := before.Add(after.Sub(before) / 2).Truncate(time.Minute)
			if offset(middle) == offset(t) {
				before = middle
			} else {
				after = middle
			}
		}
		found = append(found, after)
	}
	return found
}

// places returns the instants of a year around which the tests look: the changes of clocks
// and the end of the year.
func places(loc *time.Location, year int) []time.Time {
	return append(changes(loc, year), time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC))
}

// clocks is what clocks of a zone show in each minute of some days. It answers by search
// what the package computes. Walls are minutes since 1970 that clocks show.
type clocks struct {
	loc   *time.Location
	begin time.Time
	// The walls by minute after begin: what is shown in the minute, the highest that was
	// shown up to it, and the lowest that is shown from it on.
	shown, highest, lowest []int
}

const clockDays = 4

// clocksAround returns the clocks of loc from clockDays before t to clockDays after.
func clocksAround(t time.Time, loc *time.Location) *clocks {
	const minutes = 2 * clockDays * minutesPerDay
	c := &clocks{loc: loc, begin: t.Truncate(time.Minute).AddDate(0, 0, -clockDays).In(loc), shown: make([]int, minutes)}
	for i := range c.shown {
		_, offset := c.instant(i).Zone()
		c.shown[i] = (int(c.instant(i).Unix()) + offset) / 60
	}
	c.highest, c.lowest = slices.Clone(c.shown), slices.Clone(c.shown)
	for i := 1; i < minutes; i++ {
		c.highest[i] = max(c.highest[i-1], c.highest[i])
		c.lowest[minutes-1-i] = min(c.lowest[minutes-1-i], c.lowest[minutes-i])
	}
	return c
}

func (c *clocks) instant(minute int) time.Time {
	return c.begin.Add(time.Duration(minute) * time.Minute)
}

// minutesOf returns the first minute in which clocks show wall or a later time, and the
// first from which on they show no earlier one.
func (c *clocks) minutesOf(wall int) (first, last int) {
	return sort.SearchInts(c.highest, wall), sort.SearchInts(c.lowest, wall)
}

// wallOf returns what clocks show on date at a minute of the day.
func wallOf(date Date, minute int) int { return date.day*minutesPerDay + minute }

// dates returns the dates of the days, but for the first and the last, which may have
// begun before or end after them.
func (c *clocks) dates() []Date {
	var dates []Date
	last := DateOf(c.begin, c.loc).AddDays(2*clockDays - 1)
	for date := DateOf(c.begin, c.loc).AddDays(1); date.day < last.day; date = date.AddDays(1) {
		dates = append(dates, date)
	}
	return dates
}

// open reports for each minute whether w is open.
func (c *clocks) open(w Window) []bool {
	open := make([]bool, len(c.shown))
	for _, date := range c.dates() {
		if slices.Contains(w.Except, date) {
			continue
		}
		for _, h := range w.Hours {
			if len(h.Days) > 0 && !slices.Contains(h.Days, date.Weekday()) {
				continue
			}
			from, to := wallOf(date, h.From.minute), wallOf(date, h.To.minute)
			if to < from {
				to += minutesPerDay
			}
			opens, _ := c.minutesOf(from)
			_, closes := c.minutesOf(to)
			for i := opens; i < closes; i++ {
				open[i] = true
			}
		}
	}
	return open
}
