package civil

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestWindow_NextAndClose(t *testing.T) {
	t.Parallel()
	office := Window{
		Hours:  []Hours{hours("09:00", "17:00", Monday, Tuesday, Wednesday, Thursday, Friday)},
		Except: []Date{MustParseDate("2026-12-25")},
	}
	daily := func(from, to string) Window { return Window{Hours: []Hours{hours(from, to)}} }
	night := Window{Hours: []Hours{hours("22:00", "06:00")}, Except: []Date{MustParseDate("2026-12-24")}}
	split := Window{Hours: []Hours{hours("14:00", "18:00"), hours("09:00", "12:00"), hours("11:00", "13:00"), hours("13:00", "13:30")}}
	for _, tt := range []struct {
		name   string
		window Window
		zone   string
		t      string
		next   string
		close  string // of the opening
	}{
		{"open", office, "UTC", "2026-12-23 12:00", "2026-12-23 12:00", "2026-12-23 17:00"},
		{"opens now", office, "UTC", "2026-12-23 09:00", "2026-12-23 09:00", "2026-12-23 17:00"},
		{"before it opens", office, "UTC", "2026-12-23 08:59", "2026-12-23 09:00", "2026-12-23 17:00"},
		{"closes now", office, "UTC", "2026-12-23 17:00", "2026-12-24 09:00", "2026-12-24 17:00"},
		{"over a holiday and a weekend", office, "UTC", "2026-12-24 17:00", "2026-12-28 09:00", "2026-12-28 17:00"},
		{"wall clocks of the zone count", office, "Asia/Tokyo", "2026-12-23 00:00", "2026-12-23 00:00", "2026-12-23 08:00"},

		{"to the end of the day", daily("20:00", "24:00"), "UTC", "2026-12-23 23:59", "2026-12-23 23:59", "2026-12-24 00:00"},
		{"over midnight, in the evening", daily("22:00", "06:00"), "UTC", "2026-12-23 23:00", "2026-12-23 23:00", "2026-12-24 06:00"},
		{"over midnight, in the morning", daily("22:00", "06:00"), "UTC", "2026-12-23 05:59", "2026-12-23 05:59", "2026-12-23 06:00"},
		{"a night belongs to the day it starts on", Window{Hours: []Hours{hours("22:00", "06:00", Friday)}}, "UTC",
			"2026-12-26 03:00", "2026-12-26 03:00", "2026-12-26 06:00"},
		{"and not to the day it ends on", Window{Hours: []Hours{hours("22:00", "06:00", Saturday)}}, "UTC",
			"2026-12-26 03:00", "2026-12-26 22:00", "2026-12-27 06:00"},
		{"except takes the night that starts on the day", night, "UTC", "2026-12-24 21:00", "2026-12-25 22:00", "2026-12-26 06:00"},
		{"also after midnight", night, "UTC", "2026-12-25 03:00", "2026-12-25 22:00", "2026-12-26 06:00"},
		{"except leaves the morning of the day", night, "UTC", "2026-12-24 03:00", "2026-12-24 03:00", "2026-12-24 06:00"},

		{"hours that overlap or touch are one", split, "UTC", "2026-12-23 09:30", "2026-12-23 09:30", "2026-12-23 13:30"},
		{"hours apart are two", split, "UTC", "2026-12-23 13:30", "2026-12-23 14:00", "2026-12-23 18:00"},
		{"a minute, and the process is late", daily("09:00", "09:01"), "UTC", "2026-12-23 09:01", "2026-12-24 09:00", "2026-12-24 09:01"},

		{"from in a gap", daily("02:30", "04:00"), "Europe/Berlin", "2026-03-29 00:00", "2026-03-29 01:00", "2026-03-29 02:00"},
		{"to in a gap", daily("01:00", "02:30"), "Europe/Berlin", "2026-03-28 23:00", "2026-03-29 00:00", "2026-03-29 01:00"},
		{"both in a gap", daily("02:15", "02:45"), "Europe/Berlin", "2026-03-28 23:00", "2026-03-30 00:15", "2026-03-30 00:45"},
		{"over a gap", daily("01:00", "04:00"), "Europe/Berlin", "2026-03-28 23:00", "2026-03-29 00:00", "2026-03-29 02:00"},
		{"from in an overlap", daily("02:30", "04:00"), "Europe/Berlin", "2026-10-24 23:00", "2026-10-25 00:30", "2026-10-25 03:00"},
		{"to in an overlap", daily("01:00", "02:30"), "Europe/Berlin", "2026-10-24 22:00", "2026-10-24 23:00", "2026-10-25 01:30"},
		{"both in an overlap", daily("02:15", "02:45"), "Europe/Berlin", "2026-10-24 23:00", "2026-10-25 00:15", "2026-10-25 01:45"},
		{"it opens once in an overlap", daily("02:15", "02:45"), "Europe/Berlin", "2026-10-25 01:45", "2026-10-26 01:15", "2026-10-26 01:45"},
		{"to at the begin of an overlap", daily("01:00", "02:00"), "Europe/Berlin", "2026-10-25 00:00", "2026-10-26 00:00", "2026-10-26 01:00"},
		{"quiet hours from the begin of an overlap", daily("09:00", "23:00"), "America/Sao_Paulo", "2018-02-18 01:00", "2018-02-18 12:00", "2018-02-19 02:00"},
		{"over an overlap", daily("01:00", "04:00"), "Europe/Berlin", "2026-10-24 22:00", "2026-10-24 23:00", "2026-10-25 03:00"},
		{"from in a gap at midnight", daily("00:00", "08:00"), "America/Sao_Paulo", "2018-11-04 02:00", "2018-11-04 03:00", "2018-11-04 10:00"},
		{"over midnight in an overlap", daily("23:30", "00:30"), "America/Sao_Paulo", "2018-02-18 01:00", "2018-02-18 01:30", "2018-02-18 03:30"},
		{"in a gap of 30 minutes", daily("02:00", "02:30"), "Australia/Lord_Howe", "2026-10-03 15:00", "2026-10-04 15:00", "2026-10-04 15:30"},
		{"a day that is left out", daily("09:00", "17:00"), "Pacific/Apia", "2011-12-30 03:00", "2011-12-30 19:00", "2011-12-31 03:00"},
		{"a night into it", Window{Hours: []Hours{hours("22:00", "06:00", Thursday)}}, "Pacific/Apia", "2011-12-30 00:00", "2011-12-30 08:00", "2011-12-30 10:00"},
		{"a night from it", Window{Hours: []Hours{hours("22:00", "06:00", Friday)}}, "Pacific/Apia", "2011-12-30 00:00", "2011-12-30 10:00", "2011-12-30 16:00"},
		{"opened before the calendar was turned back", Window{Hours: []Hours{hours("00:00", "08:00", Sunday)}}, "America/St_Johns",
			"2010-11-07 03:00", "2010-11-07 03:00", "2010-11-07 11:30"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			loc := zone(t, tt.zone)
			next, ok := tt.window.Next(utc(t, tt.t), loc)
			assert.True(t, ok)
			assert.Equal(t, tt.next, show(next))
			closes, ok := tt.window.Close(next, loc)
			assert.True(t, ok)
			assert.Equal(t, tt.close, show(closes))
		})
	}
}

func TestWindow_CloseOfAClosedWindowIsNow(t *testing.T) {
	t.Parallel()
	now := utc(t, "2026-12-23 03:00")
	for _, w := range []Window{{}, {Hours: []Hours{hours("09:00", "17:00")}}} {
		closes, ok := w.Close(now, time.UTC)
		assert.True(t, ok)
		assert.Equal(t, now, closes)
	}
}

func TestWindow_NeverOpens(t *testing.T) {
	t.Parallel()
	start := MustParseDate("2026-01-02") // a Friday
	fridays := Window{Hours: []Hours{hours("09:00", "17:00", Friday)}}
	for week := range 54 {
		fridays.Except = append(fridays.Except, start.AddDays(7*week))
	}
	for name, w := range map[string]Window{
		"no hours": {}, "all days excepted": fridays, "invalid hours": {Hours: []Hours{hours("09:00", "09:00"), hours("09:00", "17:00", "Mon")}},
	} {
		_, ok := w.Next(utc(t, "2026-01-01 00:00"), time.UTC)
		assert.False(t, ok, name)
	}
	fridays.Except = fridays.Except[:52]
	next, ok := fridays.Next(utc(t, "2026-01-01 00:00"), time.UTC)
	assert.True(t, ok)
	assert.Equal(t, "2027-01-01 09:00", show(next))
}

func TestWindow_NeverCloses(t *testing.T) {
	t.Parallel()
	always := Window{Hours: []Hours{hours("00:00", "24:00")}}
	_, ok := always.Close(utc(t, "2026-01-01 00:00"), zone(t, "Europe/Berlin"))
	assert.False(t, ok)
	next, ok := always.Next(utc(t, "2026-03-29 01:00"), zone(t, "Europe/Berlin"))
	assert.True(t, ok)
	assert.Equal(t, utc(t, "2026-03-29 01:00"), next)
}

// A contact that moves ahead by a zone at the opening finds the window as it is there.
func TestWindow_ZoneChangesAtTheOpening(t *testing.T) {
	t.Parallel()
	morning := Window{Hours: []Hours{hours("09:00", "10:00")}}
	opens, _ := morning.Next(utc(t, "2026-12-23 00:00"), zone(t, "Europe/Berlin"))
	moved, _ := morning.Next(opens, zone(t, "Europe/Helsinki"))
	assert.Equal(t, "2026-12-23 08:00", show(opens))
	assert.Equal(t, "2026-12-24 07:00", show(moved))
}

// The figures are for a window that opens tomorrow, and for the longest search: a year in
// which it never opens.
func BenchmarkWindow_Next(b *testing.B) {
	loc := zone(b, "Europe/Berlin")
	now := utc(b, "2026-12-23 20:00")
	office := hours("09:00", "17:00", Monday, Tuesday, Wednesday, Thursday, Friday)
	never := Window{Hours: []Hours{hours("09:00", "17:00", Friday)}}
	for friday := MustParseDate("2026-12-25"); len(never.Except) < 54; friday = friday.AddDays(7) {
		never.Except = append(never.Except, friday)
	}
	for name, w := range map[string]Window{"tomorrow": {Hours: []Hours{office}}, "never": never} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if next, ok := w.Next(now, loc); ok != (name == "tomorrow") {
					b.Fatal(next, ok)
				}
			}
		})
	}
}
