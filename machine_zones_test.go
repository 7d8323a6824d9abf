package automation

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// zoneNames are the zones that IANA lists.
func zoneNames(t require.TestingT) []string {
	text, err := os.ReadFile("internal/civil/zone_names.txt")
	require.NoError(t, err)
	return strings.Fields(string(text))
}

const firstZoneYear, lastZoneYear = 1990, 2039

// changesOf returns when the clocks of a zone change in a year, and the end of the year.
func changesOf(loc *time.Location, year int) []time.Time {
	end := time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC)
	changes := []time.Time{end}
	for t := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).In(loc); ; {
		_, next := t.ZoneBounds()
		if next.IsZero() || !next.Before(end) || !next.After(t) {
			return changes
		}
		changes = append(changes, next)
		t = next
	}
}

// dayFlow sends an email between 08:00 and 22:00 in the zone of the contact.
func dayFlow(t require.TestingT) *Graph {
	email := welcome
	email.Window = Window{Zone: ContactZone(), Hours: []Hours{{From: MustParseLocalTime("08:00"), To: MustParseLocalTime("22:00")}}}
	g, err := Compile(sequence(email), CompileOptions{Retry: RetryPolicy{MaxAttempts: 4, Initial: 3 * time.Hour, Jitter: -1}})
	require.NoError(t, err)
	return g
}

// requireEmailsByDay starts a run at a time, and makes its attempts fail. Each of them must be
// made by day, and none must wait for longer than the night.
func requireEmailsByDay(t require.TestingT, g *Graph, start time.Time, zone string, loc *time.Location) {
	f := &flow{t: t, graph: g, now: start, state: State{RunID: "run-1"},
		data: Data{Contact: &Contact{ID: "contact-1", Email: "ada@example.com", Properties: map[string]any{"timezone": zone}}}}
	in, attempts := Input{Kind: InputStarted}, 0
	for f.state.Status() == RunRunning {
		in.Now, in.Data = f.now, f.data
		next, action, err := g.Advance(f.state, in)
		require.NoError(t, err)
		f.state, in = next, Input{Kind: InputWoken}
		switch action.Kind {
		case ActionPerform:
			attempts++
			require.True(t, isDay(f.now, loc), "%s: an attempt at %s", zone, f.now.In(loc))
			in = Input{Kind: InputFailed, Err: errors.New("down")}
		case ActionSleep:
			// A zone that leaves a day out makes no night longer than one day and a night.
			require.Less(t, action.Until.Sub(f.now), 36*time.Hour, "%s at %s", zone, f.now.In(loc))
			f.now = action.Until
		}
	}
	require.Equal(t, 4, attempts)
}

// isDay reports whether clocks show a time from 08:00 to 22:00, or will show one before 22:00
// again on the same date, as at Antarctica/Vostok in 1994, where they went back by 7 hours.
func isDay(t time.Time, loc *time.Location) bool {
	local := t.In(loc)
	for later := local; later.YearDay() == local.YearDay() && later.Sub(local) < 12*time.Hour; later = later.Add(time.Minute) {
		if later.Hour() < 22 {
			return local.Hour() >= 8
		}
	}
	return false
}

// No email leaves by night, in any zone and around any clock change.
func TestEmail_LeavesInsideItsWindow(t *testing.T) {
	t.Parallel()
	g, names := dayFlow(t), zoneNames(t)
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(names).Draw(t, "zone")
		loc, err := loadZone(zone)
		require.NoError(t, err)
		change := rapid.SampledFrom(changesOf(loc, rapid.IntRange(firstZoneYear, lastZoneYear).Draw(t, "year"))).Draw(t, "change")
		minutes := rapid.IntRange(-3000, 1500).Draw(t, "minutes")
		requireEmailsByDay(t, g, change.Add(time.Duration(minutes)*time.Minute), zone, loc)
	})
}

// It takes a while. make zones sets the variable.
func TestEveryZoneAndYear_Emails(t *testing.T) {
	if os.Getenv("EVERY_ZONE") == "" {
		t.Skip("set EVERY_ZONE=1 to look at every zone and year")
	}
	g := dayFlow(t)
	for _, zone := range zoneNames(t) {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			loc, err := loadZone(zone)
			require.NoError(t, err)
			for year := firstZoneYear; year <= lastZoneYear; year++ {
				for _, change := range changesOf(loc, year) {
					for minutes := -2880; minutes <= 1440; minutes += 151 {
						requireEmailsByDay(t, g, change.Add(time.Duration(minutes)*time.Minute), zone, loc)
					}
				}
			}
		})
	}
}
