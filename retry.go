package automation

import (
	"hash/fnv"
	"math"
	"strconv"
	"time"

	"github.com/seed-b636437c/automation/internal/options"
)

// RetryPolicy decides how often and when a failed effect is tried again. The zero value
// is the default policy. New refuses a negative MaxAttempts, Initial or Max, a Jitter
// over 1, and an Initial that is longer than Max.
type RetryPolicy struct {
	// MaxAttempts is the number of attempts in all, the first one included. The
	// default is 5.
	MaxAttempts int
	// Initial is the back-off after the first failure. It doubles with each further
	// failure. The default is 1 second, or Max if Max is shorter.
	Initial time.Duration
	// Max bounds the back-off. The default is 5 minutes, or Initial if Initial is
	// longer.
	Max time.Duration
	// Jitter is the fraction by which a back-off becomes longer or shorter at random.
	// It keeps runs that failed together from being tried again together. The default
	// is 0.2, the maximum is 1, and a negative value means no jitter. A back-off with
	// jitter is not longer than Max either.
	Jitter float64
}

// validate reports the values that New refuses.
func (p RetryPolicy) validate(c *options.Check) {
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

// backoff returns how long to wait after the given number of failures: from 1 millisecond
// to Max. The jitter follows from the run, the step and the number of failures, not from
// a random source: the same history gives the same times.
func (p RetryPolicy) backoff(runID, step string, failures int) time.Duration {
	exact := float64(p.Initial) * math.Pow(2, float64(failures-1))
	exact = min(exact, float64(p.Max))
	exact *= 1 + p.Jitter*(2*unit(runID, step, failures)-1)
	d := p.Max
	// A value that is not below Max may be too large for a Duration, or NaN.
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
	// For short inputs that differ only at their end, FNV hashes have similar high
	// bits. The multiplication spreads them.
	return float64((h.Sum64()*0x9e3779b97f4a7c15)>>11) / (1 << 53)
}
