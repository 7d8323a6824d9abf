package civil

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseDate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Weekday{
		"2026-12-25": Friday, "2024-02-29": Thursday, "1969-12-31": Wednesday, "1970-01-01": Thursday, "0000-01-01": Saturday, "9999-12-31": Friday,
	} {
		d, err := ParseDate(text)
		require.NoError(t, err, text)
		assert.Equal(t, text, d.String())
		assert.Equal(t, want, d.Weekday(), text)
		assert.False(t, d.IsZero())
	}
}

func TestParseDate_Refuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "2026-2-3", "2026-02-30", "2025-02-29", "2026-13-01", "26-01-01", "2026-01-01T00:00:00Z", " 2026-01-01", "25.12.2026"} {
		d, err := ParseDate(text)
		require.ErrorContains(t, err, "is not understood: write a day of the calendar", text)
		assert.Zero(t, d, text)
	}
}

func TestDate_CountsDaysOfTheCalendar(t *testing.T) {
	t.Parallel()
	assert.Equal(t, MustParseDate("2026-03-01"), MustParseDate("2026-02-28").AddDays(1))
	assert.Equal(t, MustParseDate("1969-12-31"), MustParseDate("1970-01-01").AddDays(-1))
	assert.Equal(t, MustParseDate("2027-12-25"), MustParseDate("2026-12-25").AddDays(365))
}

func TestDateOf_IsTheDateInTheZone(t *testing.T) {
	t.Parallel()
	instant := time.Date(2026, 12, 25, 23, 30, 0, 0, time.UTC)
	assert.Equal(t, MustParseDate("2026-12-26"), DateOf(instant, zone(t, "Europe/Berlin")))
	assert.Equal(t, MustParseDate("2026-12-25"), DateOf(instant, zone(t, "America/New_York")))
	assert.Equal(t, MustParseDate("1969-12-31"), DateOf(time.Unix(-1, 0), time.UTC))
}

func TestDate_JSONKeepsTheText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`"2026-12-25"`, `"2026-02-30"`, `"Christmas"`, `""`, `null`} {
		var d Date
		require.NoError(t, json.Unmarshal([]byte(text), &d), text)
		data, err := d.MarshalJSON()
		require.NoError(t, err)
		assert.Equal(t, text, string(data))
	}
	var d Date
	require.EqualError(t, json.Unmarshal([]byte(`20261225`), &d), `a date is a string, such as "2026-12-25"`)
	require.NoError(t, json.Unmarshal([]byte(`""`), &d))
	assert.False(t, d.IsZero())
	require.Error(t, d.Err())
}

func FuzzParseDate(f *testing.F) {
	for _, seed := range []string{"", "2026-12-25", "2024-02-29", "2026-02-30", "0000-01-01"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDate(text)
		if err != nil {
			assert.Zero(t, d)
			return
		}
		assert.Equal(t, text, d.String())
		assert.Equal(t, d, d.AddDays(1).AddDays(-1))
		assert.NotEqual(t, d.Weekday(), d.AddDays(1).Weekday())
	})
}
