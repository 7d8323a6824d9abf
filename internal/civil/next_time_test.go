package civil

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNextTime_After(t *testing.T) {
	t.Parallel()
	saturdays := NextTime{Weekdays: []Weekday{Saturday}, Time: MustParseLocalTime("09:00")}
	nightly := NextTime{Time: MustParseLocalTime("02:30")}
	for _, tt := range []struct {
		name string
		next NextTime
		zone string
		t    string
		want string
	}{
		{"later today", saturdays, "UTC", "2026-11-28 08:00", "2026-11-28 09:00"},
		{"now", saturdays, "UTC", "2026-11-28 09:00", "2026-11-28 09:00"},
		{"just over", saturdays, "UTC", "2026-11-28 09:01", "2026-12-05 09:00"},
		{"another day", saturdays, "UTC", "2026-11-29 12:00", "2026-12-05 09:00"},
		{"the first of two days", NextTime{[]Weekday{Thursday, Monday}, MustParseLocalTime("09:00")}, "UTC", "2026-11-28 08:00", "2026-11-30 09:00"},
		{"the date in the zone counts", saturdays, "Pacific/Auckland", "2026-11-27 19:00", "2026-11-27 20:00"},
		{"in a gap", nightly, "Europe/Berlin", "2026-03-28 23:00", "2026-03-29 01:00"},
		{"after a gap", nightly, "Europe/Berlin", "2026-03-29 01:01", "2026-03-30 00:30"},
		{"the first of two", nightly, "Europe/Berlin", "2026-10-25 00:00", "2026-10-25 00:30"},
		{"not the second of two", nightly, "Europe/Berlin", "2026-10-25 00:31", "2026-10-26 01:30"},
		{"on a day that is left out", NextTime{[]Weekday{Friday}, MustParseLocalTime("09:00")}, "Pacific/Apia", "2011-12-29 00:00", "2011-12-30 10:00"},
		{"on it, looked for after it", NextTime{[]Weekday{Friday}, MustParseLocalTime("09:00")}, "Pacific/Apia", "2011-12-30 10:00", "2011-12-30 10:00"},
		{"today comes again", NextTime{[]Weekday{Sunday}, MustParseLocalTime("00:00")}, "America/St_Johns", "2010-11-07 02:31", "2010-11-14 03:30"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, tt.next.Err())
			assert.Equal(t, tt.want, show(tt.next.After(utc(t, tt.t), zone(t, tt.zone))))
		})
	}
}

func TestNextTime_InvalidHasNoInstant(t *testing.T) {
	t.Parallel()
	nine := MustParseLocalTime("09:00")
	for _, next := range []NextTime{
		{}, {Time: MustParseLocalTime("24:00")}, {Time: localTimeFromText("9")}, {Weekdays: []Weekday{"Mon"}, Time: nine}, {Weekdays: []Weekday{""}, Time: nine},
	} {
		require.Error(t, next.Err(), "%+v", next)
		assert.Zero(t, next.After(time.Unix(0, 0), time.UTC), "%+v", next)
	}
}
