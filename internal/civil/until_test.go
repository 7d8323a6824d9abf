package civil

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUntil_Resolve(t *testing.T) {
	t.Parallel()
	dayBefore := Until{Offset: MustParseOffset("-1 day"), Time: MustParseLocalTime("09:00")}
	for _, tt := range []struct {
		name   string
		until  Until
		at     any
		zone   string
		now    string
		want   string
		result UntilResult
	}{
		{"the date is that of the zone", dayBefore, "2026-12-24T23:30:00Z", "Europe/Berlin", "2026-12-01 00:00", "2026-12-24 08:00", UntilLater},
		{"not that of the text", dayBefore, "2026-12-25T00:30:00+01:00", "America/New_York", "2026-12-01 00:00", "2026-12-23 14:00", UntilLater},
		{"a date is as it is", dayBefore, "2026-12-25", "Pacific/Auckland", "2026-12-01 00:00", "2026-12-23 20:00", UntilLater},
		{"days of the calendar", dayBefore, "2026-03-30", "Europe/Berlin", "2026-03-01 00:00", "2026-03-29 07:00", UntilLater},
		{"days of 24 hours", Until{Offset: MustParseOffset("-1 day")}, "2026-03-29T09:00:00+02:00", "Europe/Berlin", "2026-03-01 00:00", "2026-03-28 07:00", UntilLater},
		{"no offset", Until{}, "2026-12-25T09:00:00Z", "UTC", "2026-12-01 00:00", "2026-12-25 09:00", UntilLater},
		{"in a gap", Until{Time: MustParseLocalTime("02:30")}, "2026-03-29", "Europe/Berlin", "2026-03-01 00:00", "2026-03-29 01:00", UntilLater},
		{"a day that is left out", Until{Time: MustParseLocalTime("09:00")}, "2011-12-30", "Pacific/Apia", "2011-12-01 00:00", "2011-12-30 10:00", UntilLater},

		{"now", Until{}, "2026-12-25T09:00:00Z", "UTC", "2026-12-25 09:00", "2026-12-25 09:00", UntilReached},
		{"a minute ago", Until{}, "2026-12-25T09:00:00Z", "UTC", "2026-12-25 09:01", "2026-12-25 09:00", UntilReached},
		{"more than a minute ago", Until{}, "2026-12-25T08:59:59Z", "UTC", "2026-12-25 09:01", "2026-12-25 08:59", UntilPast},
		{"the day before has passed", dayBefore, "2026-12-25", "UTC", "2026-12-25 00:00", "2026-12-24 09:00", UntilPast},
		{"366 days ahead", Until{}, "2027-12-26T09:00:00Z", "UTC", "2026-12-25 09:00", "2027-12-26 09:00", UntilLater},
		{"further ahead", Until{}, "2027-12-26T09:00:01Z", "UTC", "2026-12-25 09:00", "2027-12-26 09:00", UntilTooFar},

		{"absent or null", dayBefore, nil, "UTC", "2026-12-01 00:00", "", UntilMissing},
		{"a number", dayBefore, json.Number("1798156800"), "UTC", "2026-12-01 00:00", "", UntilMissing},
		{"a text", dayBefore, "Christmas", "UTC", "2026-12-01 00:00", "", UntilMissing},
		{"an empty text", Until{}, "", "UTC", "2026-12-01 00:00", "", UntilMissing},
		{"a day that no calendar has", dayBefore, "2026-02-30", "UTC", "2026-01-01 00:00", "", UntilMissing},
		{"a date without a time", Until{}, "2026-12-25", "UTC", "2026-12-01 00:00", "", UntilMissing},
		{"a date-time without a zone", Until{}, "2026-12-25T09:00:00", "UTC", "2026-12-01 00:00", "", UntilMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, tt.until.Err())
			now := utc(t, tt.now)
			instant, result := tt.until.Resolve(tt.at, zone(t, tt.zone), now, now.Add(366*24*time.Hour))
			assert.Equal(t, tt.result, result)
			if tt.result == UntilMissing {
				assert.Zero(t, instant)
				return
			}
			assert.Equal(t, tt.want, show(instant))
		})
	}
}

func TestUntil_Err(t *testing.T) {
	t.Parallel()
	nine := MustParseLocalTime("09:00")
	for want, u := range map[string]Until{
		`offset "soon" is not understood`:                     {Offset: offsetFromText("soon")},
		`local time "9" is not understood`:                    {Time: localTimeFromText("9")},
		`is the end of a day`:                                 {Time: MustParseLocalTime("24:00")},
		`an offset beside a time counts days of the calendar`: {Offset: MustParseOffset("-36h"), Time: nine},
	} {
		assert.ErrorContains(t, u.Err(), want)
	}
	assert.NoError(t, Until{Offset: MustParseOffset("-36h")}.Err())
	assert.NoError(t, Until{Offset: MustParseOffset("-48h"), Time: nine}.Err())
}
