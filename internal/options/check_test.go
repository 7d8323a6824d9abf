package options_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/internal/options"
)

type code string

// list is what automation.Problems is to its callers.
type list []string

func (l *list) Add(c code, path, format string, args ...any) {
	*l = append(*l, fmt.Sprintf("%s %s: %s", c, path, fmt.Sprintf(format, args...)))
}

func TestCheck_ReportsAllProblemsInOrder(t *testing.T) {
	t.Parallel()
	var got list
	c := options.New(&got, code("invalid_option"))
	count, size, duration := -1, int64(-2), -3*time.Second
	c.Count("Count", &count, 4)
	c.Bytes("Bytes", &size, 5)
	c.Duration("Duration", &duration, time.Minute)
	c.NotNegative("NotNegative", -6)
	c.DurationNotNegative("DurationNotNegative", -time.Hour)
	c.Rate("Negative", -1)
	c.Rate("NaN", math.NaN())
	c.Rate("Infinite", math.Inf(1))
	c.Required("Nothing", nil)
	c.Required("Required", (*int)(nil))
	c.NotNilPointer("NotNilPointer", (func())(nil))
	c.Add("Add", "100%% of %d", 7)
	assert.Equal(t, list{
		"invalid_option Count: -1 is negative: give zero for the default, or more",
		"invalid_option Bytes: -2 is negative: give zero for the default, or more",
		"invalid_option Duration: -3s is negative: give zero for the default, or more",
		"invalid_option NotNegative: -6 is negative: give zero for the default, or more",
		"invalid_option DurationNotNegative: -1h0m0s is negative: give zero for the default, or more",
		"invalid_option Negative: -1 is not a rate: give zero for no limit, or more",
		"invalid_option NaN: NaN is not a rate: give zero for no limit, or more",
		"invalid_option Infinite: +Inf is not a rate: give zero for no limit, or more",
		"invalid_option Nothing: is required",
		"invalid_option Required: is a nil *int: give one that works",
		"invalid_option NotNilPointer: is a nil func(): give one that works",
		"invalid_option Add: 100% of 7",
	}, got)
}

func TestCheck_FillsInDefaults(t *testing.T) {
	t.Parallel()
	var got list
	c := options.New(&got, code("invalid_option"))
	count, kept, size, duration := 0, 1, int64(0), time.Duration(0)
	c.Count("Count", &count, 4)
	c.Count("Kept", &kept, 4)
	c.Bytes("Bytes", &size, 5)
	c.Duration("Duration", &duration, time.Minute)
	c.NotNegative("NotNegative", 0)
	c.DurationNotNegative("DurationNotNegative", 0)
	c.Rate("Rate", 0)
	c.Required("Required", new(int))
	c.NotNilPointer("NotNilPointer", nil)
	assert.Empty(t, got)
	assert.Equal(t, []any{4, 1, int64(5), time.Minute}, []any{count, kept, size, duration})
}
