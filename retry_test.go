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
	const none = math.MaxInt
	def := RetryPolicy{none, time.Second, time.Hour, 24 * time.Hour, 0.2}
	for name, tc := range map[string]struct{ given, want RetryPolicy }{
		"zero":             {RetryPolicy{}, def},
		"negative":         {RetryPolicy{MaxAttempts: -1, Initial: -1, Max: -1, For: -1}, def},
		"attempts":         {RetryPolicy{MaxAttempts: 5}, RetryPolicy{5, time.Second, time.Hour, forever, 0.2}},
		"time":             {RetryPolicy{For: 5}, RetryPolicy{none, time.Second, time.Hour, 5, 0.2}},
		"no jitter":        {RetryPolicy{Jitter: -1}, RetryPolicy{none, time.Second, time.Hour, 24 * time.Hour, 0}},
		"too much jitter":  {RetryPolicy{Jitter: 7}, RetryPolicy{none, time.Second, time.Hour, 24 * time.Hour, 1}},
		"no fraction":      {RetryPolicy{Jitter: math.Inf(-1)}, RetryPolicy{none, time.Second, time.Hour, 24 * time.Hour, 0}},
		"long initial":     {RetryPolicy{Initial: 2 * time.Hour}, RetryPolicy{none, 2 * time.Hour, 2 * time.Hour, 24 * time.Hour, 0.2}},
		"short max":        {RetryPolicy{Max: time.Millisecond}, RetryPolicy{none, time.Millisecond, time.Millisecond, 24 * time.Hour, 0.2}},
		"everything given": {RetryPolicy{1, 2, 3, 4, 0.5}, RetryPolicy{1, 2, 3, 4, 0.5}},
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
		12: 2048 * time.Second, 13: time.Hour, 64: time.Hour, math.MaxInt: time.Hour,
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
	p := RetryPolicy{Initial: 100 * time.Second, Max: 5 * time.Minute, Jitter: 0.5}.withDefaults()
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

func TestRetryPolicy_Total(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		policy   RetryPolicy
		attempts int
		total    time.Duration
	}{
		"default":                  {RetryPolicy{}, 36, 24*time.Hour + 8*time.Minute + 15*time.Second},
		"one attempt":              {RetryPolicy{MaxAttempts: 1}, 1, 0},
		"five attempts":            {RetryPolicy{MaxAttempts: 5}, 5, 15 * time.Second},
		"many attempts":            {RetryPolicy{MaxAttempts: 1013, Jitter: 1}, 1013, 4095*time.Second + 1000*time.Hour},
		"a minute":                 {RetryPolicy{For: time.Minute}, 7, 63 * time.Second},
		"an instant":               {RetryPolicy{For: 1}, 2, time.Second},
		"exactly":                  {RetryPolicy{For: 3 * time.Second}, 3, 3 * time.Second},
		"short back-offs":          {RetryPolicy{Max: time.Minute}, 1446, 63*time.Second + 1439*time.Minute},
		"attempts before time":     {RetryPolicy{MaxAttempts: 3, For: time.Hour}, 3, 3 * time.Second},
		"time before attempts":     {RetryPolicy{MaxAttempts: 30, For: 6 * time.Second}, 4, 7 * time.Second},
		"below a millisecond":      {RetryPolicy{Max: 1, For: 10 * time.Millisecond}, 11, 10 * time.Millisecond},
		"longer than any Duration": {RetryPolicy{MaxAttempts: math.MaxInt, Initial: forever, Max: forever}, math.MaxInt, forever},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempts, total := tc.policy.Total()
			assert.Equal(t, tc.attempts, attempts)
			assert.Equal(t, tc.total, total)
		})
	}
}

// Whatever the jitter is, the last attempt comes when For is over, and soon afterwards.
func TestRetryPolicy_LastsForItsTimeWhateverTheJitterIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := RetryPolicy{
			Initial: time.Duration(rapid.Int64Range(int64(time.Second), int64(time.Hour)).Draw(t, "initial")),
			Max:     time.Duration(rapid.Int64Range(int64(time.Hour), int64(24*time.Hour)).Draw(t, "max")),
			For:     time.Duration(rapid.Int64Range(1, int64(14*24*time.Hour)).Draw(t, "for")),
			Jitter:  rapid.Float64Range(-1, 1).Draw(t, "jitter"),
		}
		run, step := rapid.String().Draw(t, "run"), rapid.String().Draw(t, "step")
		attempts, total := 1, time.Duration(0)
		for d, ok := p.withDefaults().next(run, step, attempts); ok; d, ok = p.withDefaults().next(run, step, attempts) {
			attempts, total = attempts+1, total+d
		}
		assert.GreaterOrEqual(t, total, p.For)
		assert.LessOrEqual(t, total, p.For+p.Max)
		if p.Jitter <= 0 && p.Jitter != 0 {
			wantAttempts, wantTotal := p.Total()
			assert.Equal(t, wantAttempts, attempts)
			assert.Equal(t, wantTotal, total)
		}
	})
}
