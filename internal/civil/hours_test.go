package civil

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hours returns the hours from and to on days.
func hours(from, to string, days ...Weekday) Hours {
	return Hours{Days: days, From: localTimeFromText(from), To: localTimeFromText(to)}
}

func TestHours_Err(t *testing.T) {
	t.Parallel()
	for _, valid := range []Hours{
		hours("09:00", "17:00"), hours("00:00", "24:00", Monday), hours("22:00", "06:00"), hours("22:00", "00:00"),
	} {
		assert.NoError(t, valid.Err(), "%+v", valid)
	}
	for want, invalid := range map[string]Hours{
		`hours have from and to: give both, such as "09:00" and "17:00"`:             {From: MustParseLocalTime("09:00")},
		`09:00 to 09:00 is no time at all: for the whole day write 00:00 to 24:00`:   hours("09:00", "09:00"),
		`local time "24:00" is the end of a day: write "00:00" of the next day`:      hours("24:00", "06:00"),
		`local time "25:00" is not understood`:                                       hours("09:00", "25:00"),
		`local time "9" is not understood`:                                           hours("9", "9"),
		`weekday "" is not understood: write mon, tue, wed, thu, fri, sat or sun`:    hours("09:00", "17:00", ""),
		`weekday "Mon" is not understood: write mon, tue, wed, thu, fri, sat or sun`: hours("09:00", "17:00", Tuesday, "Mon"),
	} {
		assert.ErrorContains(t, invalid.Err(), want)
	}
}

func TestWindow_JSONKeepsWhatWasWritten(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"hours":[{"days":["mon","fri"],"from":"09:00","to":"24:00"},{"from":"22:00","to":"06:00"}],"except":["2026-12-25"]}`,
		`{"hours":[{"days":["Mon"],"from":"9","to":"25:00"}],"except":["Christmas"]}`,
		`{}`,
	} {
		var w Window
		require.NoError(t, json.Unmarshal([]byte(text), &w))
		data, err := json.Marshal(w)
		require.NoError(t, err)
		assert.Equal(t, text, string(data))
	}
}
