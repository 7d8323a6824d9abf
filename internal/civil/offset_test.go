package civil

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseOffset(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"-1 day": -day, "1 day": day, "+1 day": day, "-1 day 12 hours": -36 * time.Hour, "- 2 weeks": -14 * day,
		"-36h": -36 * time.Hour, "1h30m": 90 * time.Minute, "  -30 MINUTES ": -30 * time.Minute,
	} {
		o, err := ParseOffset(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, o.Std(), text)
		assert.Equal(t, text, o.String())
		assert.False(t, o.IsZero())
	}
}

func TestParseOffset_Refuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                      `offset "" is not understood`,
		"-":                     `offset "-" is not understood`,
		"soon":                  `offset "soon" is not understood`,
		"--1 day":               `offset "--1 day" is not understood`,
		"-+1 day":               `offset "-+1 day" is not understood`,
		"-1.5 days":             `offset "-1.5 days" is not understood`,
		"1 month":               `offset "1 month" is not understood`,
		"0 days":                `offset "0 days" moves nothing`,
		"-0h":                   `offset "-0h" moves nothing`,
		"1 day -1 hours":        `offset "1 day -1 hours" moves nothing in one of its parts`,
		"-106751 days 24 hours": `offset "-106751 days 24 hours" is too long`,
	} {
		o, err := ParseOffset(text)
		require.ErrorContains(t, err, want, text)
		assert.Zero(t, o, text)
	}
}

func TestOffset_Days(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"-1 day": -1, "2 weeks": 14, "48h": 2, "-24 hours": -1} {
		days, whole := MustParseOffset(text).Days()
		assert.Equal(t, want, days, text)
		assert.True(t, whole, text)
	}
	_, whole := MustParseOffset("-1 day 12 hours").Days()
	assert.False(t, whole)
}

func TestOffset_JSONKeepsTheText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`"-1 day"`, `"+36h"`, `"soon"`, `""`, `"0 days"`, `null`} {
		var o Offset
		require.NoError(t, json.Unmarshal([]byte(text), &o), text)
		data, err := o.MarshalJSON()
		require.NoError(t, err)
		assert.Equal(t, text, string(data))
	}
	var o Offset
	require.EqualError(t, json.Unmarshal([]byte(`-1`), &o), `an offset is a string, such as "-1 day"`)
	require.NoError(t, json.Unmarshal([]byte(`"0 days"`), &o))
	assert.Zero(t, o.Std())
	require.Error(t, o.Err())
}

func FuzzParseOffset(f *testing.F) {
	for _, seed := range []string{"", "-1 day", "+1 day 12 hours", "-36h", "0 days", "--1 day", "1 day -1 hours"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := ParseOffset(text)
		if err != nil {
			assert.Zero(t, o)
			return
		}
		assert.NotZero(t, o.Std())
		assert.Equal(t, text, o.String())
	})
}
