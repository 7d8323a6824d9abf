package civil

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseLocalTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"00:00": 0, "09:05": 545, "23:59": 1439} {
		lt, err := ParseLocalTime(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, lt.Minute(), text)
		assert.Equal(t, text, lt.String())
		assert.False(t, lt.IsZero())
	}
}

func TestParseLocalTime_Refuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "9:00", "09:0", "9", "0900", "09:00:00", "09.00", "24:01", "25:00", "09:60", "-1:00", "+9:00", " 09:00", "09:00 ", "9:00 AM", "٠٩:٠٠",
	} {
		lt, err := ParseLocalTime(text)
		require.ErrorContains(t, err, "is not understood: write hours and minutes in two digits each", text)
		assert.Zero(t, lt, text)
		_, err = ParseEndTime(text)
		require.Error(t, err, text)
	}
}

func TestLocalTime_EndOfDayIsAnEndOnly(t *testing.T) {
	t.Parallel()
	_, err := ParseLocalTime("24:00")
	require.EqualError(t, err, `local time "24:00" is the end of a day: write "00:00" of the next day`)
	end, err := ParseEndTime("24:00")
	require.NoError(t, err)
	assert.Equal(t, 1440, end.Minute())
	assert.Equal(t, end, MustParseLocalTime("24:00"))
	assert.NoError(t, end.EndErr())
	assert.Error(t, end.Err())
}

func TestLocalTime_JSONKeepsTheText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`"09:00"`, `"24:00"`, `"9:00"`, `""`, `"<noon>"`, `null`} {
		var lt LocalTime
		require.NoError(t, json.Unmarshal([]byte(text), &lt), text)
		data, err := lt.MarshalJSON()
		require.NoError(t, err)
		assert.Equal(t, text, string(data))
	}
	var lt LocalTime
	require.EqualError(t, json.Unmarshal([]byte(`900`), &lt), `a local time is a string, such as "09:00"`)
	require.NoError(t, json.Unmarshal([]byte(`""`), &lt))
	assert.False(t, lt.IsZero(), `"" is a mistake, not an absent time`)
	require.ErrorContains(t, lt.Err(), `local time "" is not understood`)
}

func FuzzParseLocalTime(f *testing.F) {
	for _, seed := range []string{"", "09:00", "24:00", "9:00", "23:59", "12:60"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lt, err := ParseEndTime(text)
		if err != nil {
			assert.Zero(t, lt)
			return
		}
		assert.Equal(t, text, lt.String())
		assert.Equal(t, lt, clockTime(lt.Minute()))
	})
}
