package automation

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/seed-b636437c/automation/internal/uuid"
)

func TestRetryPolicy_DefaultsFillZeroFields(t *testing.T) {
	t.Parallel()
	def := RetryPolicy{MaxAttempts: 5, Initial: time.Second, Max: 5 * time.Minute, Jitter: 0.2}
	for name, tc := range map[string]struct{ given, want RetryPolicy }{
		"zero":             {RetryPolicy{}, def},
		"negative":         {RetryPolicy{MaxAttempts: -1, Initial: -1, Max: -1}, def},
		"no jitter":        {RetryPolicy{Jitter: -1}, RetryPolicy{5, time.Second, 5 * time.Minute, 0}},
		"too much jitter":  {RetryPolicy{Jitter: 7}, RetryPolicy{5, time.Second, 5 * time.Minute, 1}},
		"no fraction":      {RetryPolicy{Jitter: math.Inf(-1)}, RetryPolicy{5, time.Second, 5 * time.Minute, 0}},
		"long initial":     {RetryPolicy{Initial: time.Hour}, RetryPolicy{5, time.Hour, time.Hour, 0.2}},
		"short max":        {RetryPolicy{Max: time.Millisecond}, RetryPolicy{5, time.Millisecond, time.Millisecond, 0.2}},
		"everything given": {RetryPolicy{1, 2, 3, 0.5}, RetryPolicy{1, 2, 3, 0.5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.want, tc.given.withDefaults())
		})
	}
}

func TestRetryPolicy_BackOffDoublesUpToMax(t *testing.T) {
	t.Parallel()
	p := RetryPolicy{Jitter: -1}.withDefaults()
	for failures, want := range map[int]time.Duration{
		1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 9: 256 * time.Second,
		10: 5 * time.Minute, 64: 5 * time.Minute, math.MaxInt: 5 * time.Minute,
	} {
		assert.Equal(t, want, p.backoff("run", "step", failures), failures)
	}
}

func TestRetryPolicy_JitterStaysWithinItsFraction(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := RetryPolicy{
			Initial: time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "initial")),
			Max:     time.Duration(rapid.Int64Range(1, int64(24*time.Hour)).Draw(t, "max")),
			Jitter:  rapid.Float64Range(0.01, 1).Draw(t, "jitter"),
		}.withDefaults()
		run, step := rapid.String().Draw(t, "run"), rapid.String().Draw(t, "step")
		failures := rapid.IntRange(1, 100).Draw(t, "failures")
		exact := min(float64(p.Initial)*math.Pow(2, float64(failures-1)), float64(p.Max))

		d := p.backoff(run, step, failures)
		assert.GreaterOrEqual(t, d, time.Millisecond)
		assert.LessOrEqual(t, d, max(p.Max, time.Millisecond))
		assert.InDelta(t, exact, float64(d), exact*p.Jitter+float64(time.Millisecond))
		assert.Equal(t, d, p.backoff(run, step, failures), "the same failure has the same back-off")
	})
}

func TestRetryPolicy_BackOffDoesNotOverflow(t *testing.T) {
	t.Parallel()
	longest := time.Duration(math.MaxInt64)
	for _, jitter := range []float64{-1, 0.2, 1} {
		p := RetryPolicy{Initial: longest, Max: longest, Jitter: jitter}.withDefaults()
		for failures := 1; failures < 2000; failures++ {
			d := p.backoff("run", "step", failures)
			least := float64(longest) * (1 - max(p.Jitter, 0))
			assert.True(t, time.Millisecond < d && float64(d) >= least, "%s after %d failures", d, failures)
		}
	}
}

// Runs that fail together must not be tried again together.
func TestRetryPolicy_JitterSpreadsRuns(t *testing.T) {
	t.Parallel()
	p := RetryPolicy{Initial: 100 * time.Second, Jitter: 0.5}.withDefaults()
	var tenths [10]int
	const runs = 10_000
	for i := range runs {
		id := uuid.NewSource(nil).Next(flowStart.Add(time.Duration(i) * time.Millisecond))
		d := p.backoff(id, "send_email", 1)
		tenths[min(int((d-50*time.Second)/(10*time.Second)), 9)]++
	}
	for i, n := range tenths {
		assert.InDelta(t, runs/10, n, runs/50, "tenth %d of the range", i)
	}
}
