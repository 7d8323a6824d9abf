package civil

import (
	"testing"
	"time"
	_ "time/tzdata" // the tests need zone data on every machine

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := new(Zones).Load(name)
	require.NoError(t, err)
	return loc
}

// utc parses what a wall clock in UTC shows.
func utc(t testing.TB, text string) time.Time {
	t.Helper()
	instant, err := time.Parse("2006-01-02 15:04", text)
	require.NoError(t, err)
	return instant
}

// show writes t as tables of tests do.
func show(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

func TestAt_AroundChangesOfClocks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, zone, date, time, first, last string }{
		{"winter", "Europe/Berlin", "2026-01-15", "09:00", "2026-01-15 08:00", "2026-01-15 08:00"},
		{"summer", "Europe/Berlin", "2026-07-15", "09:00", "2026-07-15 07:00", "2026-07-15 07:00"},
		{"end of a day", "Europe/Berlin", "2026-07-15", "24:00", "2026-07-15 22:00", "2026-07-15 22:00"},
		{"no changes", "UTC", "2026-07-15", "09:00", "2026-07-15 09:00", "2026-07-15 09:00"},

		{"before a gap", "Europe/Berlin", "2026-03-29", "01:59", "2026-03-29 00:59", "2026-03-29 00:59"},
		{"begin of a gap", "Europe/Berlin", "2026-03-29", "02:00", "2026-03-29 01:00", "2026-03-29 01:00"},
		{"in a gap", "Europe/Berlin", "2026-03-29", "02:30", "2026-03-29 01:00", "2026-03-29 01:00"},
		{"end of a gap", "Europe/Berlin", "2026-03-29", "03:00", "2026-03-29 01:00", "2026-03-29 01:00"},

		{"before an overlap", "Europe/Berlin", "2026-10-25", "01:59", "2026-10-24 23:59", "2026-10-24 23:59"},
		{"begin of an overlap", "Europe/Berlin", "2026-10-25", "02:00", "2026-10-25 00:00", "2026-10-25 00:00"},
		{"in an overlap", "Europe/Berlin", "2026-10-25", "02:30", "2026-10-25 00:30", "2026-10-25 01:30"},
		{"end of an overlap", "Europe/Berlin", "2026-10-25", "03:00", "2026-10-25 02:00", "2026-10-25 02:00"},

		{"gap at midnight", "America/Sao_Paulo", "2018-11-04", "00:30", "2018-11-04 03:00", "2018-11-04 03:00"},
		{"the midnight before it", "America/Sao_Paulo", "2018-11-03", "24:00", "2018-11-04 03:00", "2018-11-04 03:00"},
		{"overlap before midnight", "America/Sao_Paulo", "2018-02-17", "23:30", "2018-02-18 01:30", "2018-02-18 02:30"},
		{"begin of it", "America/Sao_Paulo", "2018-02-17", "23:00", "2018-02-18 01:00", "2018-02-18 01:00"},
		{"midnight after it", "America/Sao_Paulo", "2018-02-17", "24:00", "2018-02-18 03:00", "2018-02-18 03:00"},
		{"no summer time any more", "America/Sao_Paulo", "2026-02-15", "00:30", "2026-02-15 03:30", "2026-02-15 03:30"},

		{"gap of 30 minutes", "Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03 15:30", "2026-10-03 15:30"},
		{"overlap of 30 minutes", "Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04 14:45", "2026-04-04 15:15"},

		{"the day that is left out", "Pacific/Apia", "2011-12-30", "09:00", "2011-12-30 10:00", "2011-12-30 10:00"},
		{"the day before it", "Pacific/Apia", "2011-12-29", "23:59", "2011-12-30 09:59", "2011-12-30 09:59"},
		{"the day after it", "Pacific/Apia", "2011-12-31", "00:00", "2011-12-30 10:00", "2011-12-30 10:00"},

		{"the last day of a leap year that follows a rule", "Europe/Berlin", "2040-12-31", "09:00", "2040-12-31 08:00", "2040-12-31 08:00"},
		{"the first day after it", "Europe/Berlin", "2041-01-01", "00:30", "2040-12-31 23:30", "2040-12-31 23:30"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			loc := zone(t, tt.zone)
			date, local := MustParseDate(tt.date), MustParseLocalTime(tt.time)
			assert.Equal(t, tt.first, show(At(date, local, loc)))
			assert.Equal(t, tt.last, show(EndAt(date, local, loc)))
			assert.Equal(t, loc, At(date, local, loc).Location())
		})
	}
}
