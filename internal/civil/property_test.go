package civil

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The properties hold in every zone and year. Each test draws some of them. With
// EVERY_ZONE=1, which make zones sets, TestEveryZoneAndYear looks at all.
const everyZoneVariable = "EVERY_ZONE"

// drawPlace draws a zone, and an instant at which its clocks change or a year ends.
func drawPlace(t *rapid.T) (time.Time, *time.Location) {
	loc := everyZone()[rapid.IntRange(0, len(everyZone())-1).Draw(t, "zone")]
	year := rapid.IntRange(firstYear, lastYear).Draw(t, "year")
	t.Log(loc)
	return rapid.SampledFrom(places(loc, year)).Draw(t, "place"), loc
}

func drawDays(t *rapid.T) []Weekday {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(weekdays[:]), 0, 4, rapid.ID).Draw(t, "days")
}

func TestAt_AgreesWithASearchMinuteByMinute(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		place, loc := drawPlace(t)
		const stride = 11
		checkConversions(t, clocksAround(place, loc), rapid.IntRange(0, stride-1).Draw(t, "begin"), stride)
	})
}

// checkConversions compares local times of the days around a place: each that is a number
// of strides after the first minute of a day.
func checkConversions(t require.TestingT, c *clocks, minute, stride int) {
	dates := c.dates()
	middle := len(dates) / 2
	for _, date := range dates[middle-2 : middle+3] {
		for minute := minute; minute < minutesPerDay; minute += stride {
			first, last := c.minutesOf(wallOf(date, minute))
			wall := date.wall(minute)
			gotFirst, gotLast := instants(wall, c.loc)
			// Comparing here and not by assert makes a million comparisons quick.
			if !gotFirst.Equal(c.instant(first)) || !gotLast.Equal(c.instant(last)) {
				require.Failf(t, "conversions differ", "%s on %s: got %s and %s, want %s and %s", c.loc,
					wall.Format("2006-01-02 15:04"), show(gotFirst), show(gotLast), show(c.instant(first)), show(c.instant(last)))
			}
		}
	}
}

func TestNextTime_AgreesWithASearchMinuteByMinute(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		place, loc := drawPlace(t)
		next := NextTime{Weekdays: drawDays(t), Time: clockTime(rapid.IntRange(0, minutesPerDay-1).Draw(t, "minute"))}
		from := rapid.IntRange(-2*minutesPerDay, 2*minutesPerDay).Draw(t, "from")
		checkNextTime(t, clocksAround(place, loc), next, from)
	})
}

// checkNextTime compares what next is a number of minutes after a place, and looks at what
// clocks show.
func checkNextTime(t require.TestingT, c *clocks, next NextTime, from int) {
	begin := clockDays*minutesPerDay + from
	got := next.After(c.instant(begin), c.loc)
	assert.Less(t, got.Sub(c.instant(begin)), 9*24*time.Hour)
	for _, date := range c.dates() {
		minute, _ := c.minutesOf(wallOf(date, next.Time.minute))
		if minute < begin || len(next.Weekdays) > 0 && !slices.Contains(next.Weekdays, date.Weekday()) {
			continue
		}
		assert.True(t, got.Equal(c.instant(minute)), "%s: got %s, want %s", c.loc, show(got), show(c.instant(minute)))
		wanted := wallOf(date, next.Time.minute)
		atGap := c.shown[minute-1] < wanted && wanted < c.shown[minute]
		assert.True(t, c.shown[minute] == wanted || atGap, "%s at %s", c.loc, show(got))
		return
	}
}

func TestWindow_AgreesWithASearchMinuteByMinute(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		place, loc := drawPlace(t)
		w := Window{Hours: rapid.SliceOfN(rapid.Custom(drawHours), 1, 3).Draw(t, "hours")}
		if days := rapid.IntRange(-3, 3).Draw(t, "except"); days != 0 {
			w.Except = []Date{DateOf(place, loc).AddDays(days)}
		}
		checkWindow(t, clocksAround(place, loc), w)
	})
}

func drawHours(t *rapid.T) Hours {
	from := rapid.IntRange(0, minutesPerDay-1).Draw(t, "from")
	length := rapid.IntRange(1, minutesPerDay-1).Draw(t, "length")
	return hoursOf(from, length, drawDays(t))
}

// hoursOf returns hours that begin at a minute of the day, and are not over midnight if
// they can end at it.
func hoursOf(from, length int, days []Weekday) Hours {
	to := from + length
	if to > minutesPerDay {
		to -= minutesPerDay
	}
	return Hours{Days: days, From: clockTime(from), To: clockTime(to)}
}

// checkWindow compares when w is open in the days around a place.
func checkWindow(t require.TestingT, c *clocks, w Window) {
	open := c.open(w)
	middle := clockDays * minutesPerDay
	for i := middle - minutesPerDay; i < middle+minutesPerDay; i += 61 {
		// What is after the days is not known.
		if ahead := slices.Index(open[i:len(open)-2*minutesPerDay], true); ahead >= 0 {
			next, ok := w.Next(c.instant(i), c.loc)
			require.True(t, ok && next.Equal(c.instant(i+ahead)), "%s at %s: opens %s, want %s", c.loc, show(c.instant(i)), show(next), show(c.instant(i+ahead)))
		}
		if ahead := slices.Index(open[i:len(open)-2*minutesPerDay], false); ahead >= 0 {
			closes, ok := w.Close(c.instant(i), c.loc)
			require.True(t, ok && closes.Equal(c.instant(i+ahead)), "%s at %s: closes %s, want %s", c.loc, show(c.instant(i)), show(closes), show(c.instant(i+ahead)))
		}
	}
}

func TestWindow_NeverOpensAtNight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		place, loc := drawPlace(t)
		minutes := rapid.IntRange(-400*minutesPerDay, 3*minutesPerDay).Draw(t, "minutes")
		if rapid.Bool().Draw(t, "near") {
			minutes %= 2 * minutesPerDay
		}
		checkNoNight(t, place.Add(time.Duration(minutes)*time.Minute), loc)
	})
}

// checkNoNight checks that a window from 08:00 to 22:00 opens by day, and soon. It stays
// open between two 22:00 of one day if clocks are turned back to before 22:00, as they
// were at Antarctica/Vostok in 1994, by 7 hours.
func checkNoNight(t require.TestingT, now time.Time, loc *time.Location) {
	day := Window{Hours: []Hours{{From: MustParseLocalTime("08:00"), To: MustParseLocalTime("22:00")}}}
	next, ok := day.Next(now, loc)
	require.True(t, ok)
	require.False(t, next.Before(now))
	require.LessOrEqual(t, next.Sub(now), 8*24*time.Hour)
	date, end := DateOf(next, loc), day.Hours[0].To
	if next.Equal(now) && !next.Before(At(date, end, loc)) && next.Before(EndAt(date, end, loc)) {
		return
	}
	hour := next.In(loc).Hour()
	require.True(t, 8 <= hour && hour < 22, "%s: opens at %s", loc, next.In(loc))
}

// It takes minutes. Each zone is a subtest, so that -run finds one again.
func TestEveryZoneAndYear(t *testing.T) {
	if os.Getenv(everyZoneVariable) == "" {
		t.Skip("set " + everyZoneVariable + "=1 to look at every zone and year")
	}
	for _, loc := range everyZone() {
		t.Run(loc.String(), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, 2))
			for year := firstYear; year <= lastYear; year++ {
				for _, place := range places(loc, year) {
					c := clocksAround(place, loc)
					checkConversions(t, c, 0, 1)
					checkWindow(t, c, Window{Hours: []Hours{
						hoursOf(random.IntN(minutesPerDay), 1+random.IntN(minutesPerDay-1), nil),
						hoursOf(random.IntN(minutesPerDay), 1+random.IntN(90), []Weekday{weekdays[random.IntN(7)]}),
					}})
					for range 20 {
						checkNextTime(t, c, NextTime{Time: clockTime(random.IntN(minutesPerDay))}, random.IntN(3000)-1500)
						checkNoNight(t, place.Add(time.Duration(random.IntN(6000)-3000)*time.Minute), loc)
					}
				}
			}
		})
	}
}
