package automation

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-b636437c/automation/internal/durationtext"
)

const (
	day  = durationtext.Day
	week = durationtext.Week
)

func TestParseDuration_AcceptsWordsAndGo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"1 second":                   time.Second,
		"45 seconds":                 45 * time.Second,
		"1 minute":                   time.Minute,
		"30 minutes":                 30 * time.Minute,
		"1 hour":                     time.Hour,
		"12 hours":                   12 * time.Hour,
		"1 day":                      24 * time.Hour,
		"3 days":                     72 * time.Hour,
		"1 week":                     7 * 24 * time.Hour,
		"2 weeks":                    14 * 24 * time.Hour,
		"1 day 12 hours":             36 * time.Hour,
		"1 week 1 day 1 hour":        193 * time.Hour,
		"1 days":                     24 * time.Hour,
		"3 DAYS":                     72 * time.Hour,
		"3 Days":                     72 * time.Hour,
		"  3 \t days ":               72 * time.Hour,
		"007 days":                   7 * 24 * time.Hour,
		"36h":                        36 * time.Hour,
		"1h30m":                      90 * time.Minute,
		"1.5h":                       90 * time.Minute,
		"250ms":                      250 * time.Millisecond,
		"9223372036 seconds":         9223372036 * time.Second,
		"2562047h47m16.854775807s":   math.MaxInt64,
		"106751 days 23 hours":       106751*day + 23*time.Hour,
		"15250 weeks":                15250 * week,
		"1 hour 1 hour 1 minute":     121 * time.Minute,
		"12 hours 1 day":             36 * time.Hour,
		strings.Repeat("1 day ", 10): 10 * day,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			d, err := ParseDuration(text)
			require.NoError(t, err)
			assert.Equal(t, want, d.Std())
			assert.Equal(t, text, d.String())
			assert.NoError(t, d.Err())
			assert.False(t, d.IsZero())
		})
	}
}

func TestParseDuration_Refuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                              "is not understood",
		" ":                             "is not understood",
		"soon":                          "is not understood",
		"3":                             "is not understood",
		"days":                          "is not understood",
		"3 day s":                       "is not understood",
		"3days":                         "is not understood",
		"three days":                    "is not understood",
		"1.5 hours":                     "is not understood",
		"1 day, 12 hours":               "is not understood",
		"1 day and 12 hours":            "is not understood",
		"1 fortnight":                   "is not understood",
		"1 month":                       "is not understood",
		"1_000 seconds":                 "is not understood",
		"1 day 36h":                     "is not understood",
		"0 days":                        "is not positive",
		"-1 days":                       "is not positive",
		"1 day 0 hours":                 "is not positive",
		"0s":                            "is not positive",
		"0":                             "is not positive",
		"-36h":                          "is not positive",
		"-99999999999999999999 s":       "is not understood",
		"-99999999999999999999 seconds": "is not positive",
		"9223372037 seconds":            "is too long",
		"99999999999999999999 weeks":    "is too long",
		"106751 days 24 hours":          "is too long",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			d, err := ParseDuration(text)
			require.Error(t, err)
			assert.Zero(t, d)
			assert.ErrorContains(t, err, "automation: duration \""+text+"\" "+want)
		})
	}
}

func TestMustParseDuration(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 72*time.Hour, MustParseDuration("3 days").Std())
	assert.PanicsWithError(t, `automation: duration "0 days" is not positive`, func() { MustParseDuration("0 days") })
}

func TestDurationOf_WritesWords(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{
		"":                               0,
		"1 second":                       time.Second,
		"1 minute 30 seconds":            90 * time.Second,
		"1 hour 30 minutes":              90 * time.Minute,
		"1 day 12 hours":                 36 * time.Hour,
		"3 days":                         72 * time.Hour,
		"1 week":                         week,
		"10 days":                        10 * day,
		"30 days":                        30 * day,
		"2 weeks":                        2 * week,
		"1 day 1 hour 1 minute 1 second": 25*time.Hour + 61*time.Second,
		"1.5s":                           1500 * time.Millisecond,
		"1ns":                            1,
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			got := DurationOf(d)
			assert.Equal(t, want, got.String())
			assert.Equal(t, d, got.Std())
			assert.NoError(t, got.Err())
			assert.Equal(t, d == 0, got.IsZero())
		})
	}
}

func TestDurationOf_NegativeIsInvalid(t *testing.T) {
	t.Parallel()
	d := DurationOf(-time.Minute)
	assert.EqualError(t, d.Err(), `duration "-1m0s" is not positive`)
	assert.Zero(t, d.Std())
}

func TestDurationOf_ReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		std := time.Duration(rapid.Int64Range(1, math.MaxInt64).Draw(t, "nanoseconds"))
		if rapid.Bool().Draw(t, "whole seconds") {
			std = max(std.Truncate(time.Second), time.Second)
		}
		d := DurationOf(std)
		back, err := ParseDuration(d.String())
		require.NoError(t, err)
		assert.Equal(t, d, back)
		assert.Equal(t, std, back.Std())
	})
}

func TestDuration_JSONKeepsTheText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`"3 days"`, `"36h"`, `" 1 DAY "`, `"soon"`, `""`, `"0 days"`, `"<3 days>"`, `"3 \"days\""`, `null`} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var d Duration
			require.NoError(t, json.Unmarshal([]byte(text), &d))
			data, err := d.MarshalJSON()
			require.NoError(t, err)
			assert.Equal(t, text, string(data))
		})
	}
}

func TestDuration_KeepsInvalidTextForValidation(t *testing.T) {
	t.Parallel()
	var d Duration
	require.NoError(t, json.Unmarshal([]byte(`""`), &d))
	assert.False(t, d.IsZero(), `"" is a mistake, not an absent duration`)
	assert.ErrorContains(t, d.Err(), `duration "" is not understood`)

	require.NoError(t, json.Unmarshal([]byte(`"0 days"`), &d))
	assert.Equal(t, "0 days", d.String())
	assert.Zero(t, d.Std())
	assert.EqualError(t, d.Err(), `duration "0 days" is not positive`)
}

func TestDuration_RefusesOtherJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`3`, `true`, `{}`, `["3 days"]`, `nonsense`} {
		d := MustParseDuration("1 day")
		assert.EqualError(t, d.UnmarshalJSON([]byte(text)), `a duration is a string, such as "3 days"`, text)
		assert.Equal(t, MustParseDuration("1 day"), d)
	}
}

func TestDuration_ZeroIsLeftOut(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal(WaitForEvent{EventName: "order.paid"})
	require.NoError(t, err)
	assert.JSONEq(t, `{"event_name":"order.paid"}`, string(data))
}

func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"", "3 days", "1 day 12 hours", "36h", "0 days", "-1 days", "9223372037 seconds", "1 day 1", "١ day"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDuration(text)
		if err != nil {
			assert.Zero(t, d)
			return
		}
		assert.Positive(t, d.Std())
		assert.Equal(t, d.Std(), DurationOf(d.Std()).Std())
		assert.Equal(t, text, d.String())
	})
}
