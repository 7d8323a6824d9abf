package automation

import (
	"hash/fnv"
	"math"
	"strconv"
	"time"

	"github.com/seed-b636437c/automation/internal/options"
)

// RetryPolicy says how often and when a failed effect is tried again. The zero
// value is the default policy. New refuses negative values, Jitter aside, a
// Jitter over 1, and an Initial over Max.
type RetryPolicy struct {
	// MaxAttempts is how many attempts an effect gets in all: 5 by default.
	MaxAttempts int
	// Initial is the back-off after the first failure: 1 second by default, or
	// Max where that is shorter. It doubles with each further failure.
	Initial time.Duration
	// Max bounds the back-off: 5 minutes by default, or Initial where that is
	// longer.
	Max time.Duration
	// Jitter is the fraction by which a back-off is made longer or shorter at
	// random, so that runs that failed together do not come back together: 0.2
	// by default, none if negative, at most 1. It does not lead beyond Max.
	Jitter float64
}

// check reports what New refuses.
func (p RetryPolicy) check(c *options.Check) {
	c.NotNegative("Retry.MaxAttempts", p.MaxAttempts)
	c.DurationNotNegative("Retry.Initial", p.Initial)
	c.DurationNotNegative("Retry.Max", p.Max)
	if p.Max > 0 && p.Initial > p.Max {
		c.Add("Retry.Initial", "%s is longer than Retry.Max, which is %s: shorten it", p.Initial, p.Max)
	}
	if math.IsNaN(p.Jitter) || p.Jitter > 1 {
		c.Add("Retry.Jitter", "%v is not a fraction: give at most 1, or a negative number for none", p.Jitter)
	}
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	if p.MaxAttempts <= 0 {
		p.MaxAttempts = 5
	}
	switch {
	case p.Initial <= 0 && p.Max <= 0:
		p.Initial, p.Max = time.Second, 5*time.Minute
	case p.Initial <= 0:
		p.Initial = min(time.Second, p.Max)
	case p.Max <= 0:
		p.Max = max(5*time.Minute, p.Initial)
	}
	if p.Jitter == 0 {
		p.Jitter = 0.2
	}
	p.Jitter = min(max(p.Jitter, 0), 1)
	return p
}

// backoff returns how long to wait after the given number of failures: from
// 1 millisecond to Max. The jitter is drawn from the run, the step and the
// failure, not from a random source: the same history gives the same times.
func (p RetryPolicy) backoff(runID, step string, failures int) time.Duration {
	exact := float64(p.Initial) * math.Pow(2, float64(failures-1))
	exact = min(exact, float64(p.Max))
	exact *= 1 + p.Jitter*(2*unit(runID, step, failures)-1)
	d := p.Max
	// What is not below Max need not fit a Duration. Neither does NaN.
	if exact < float64(p.Max) {
		d = min(time.Duration(exact).Round(time.Millisecond), p.Max)
	}
	return max(d, time.Millisecond)
}

// unit maps its arguments to a number in [0, 1).
func unit(runID, step string, n int) float64 {
	h := fnv.New64a()
	h.Write([]byte(runID))
	h.Write([]byte(step))
	h.Write(strconv.AppendInt(nil, int64(n), 10))
	// FNV leaves its high bits close together for short inputs that differ
	// at their end; a multiplication spreads them.
	return float64((h.Sum64()*0x9e3779b97f4a7c15)>>11) / (1 << 53)
}
