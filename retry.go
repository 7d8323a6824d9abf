package automation

import (
	"hash/fnv"
	"math"
	"strconv"
	"time"
)

// RetryPolicy says how often and when a failed effect is tried again. The zero
// value is the default policy.
type RetryPolicy struct {
	// MaxAttempts is how many attempts an effect gets in all: 5 by default.
	MaxAttempts int
	// Initial is the back-off after the first failure: 1 second by default. It
	// doubles with each further failure.
	Initial time.Duration
	// Max bounds the back-off: 5 minutes by default.
	Max time.Duration
	// Jitter is the fraction by which a back-off is made longer or shorter at
	// random, so that runs that failed together do not come back together: 0.2
	// by default, none if negative.
	Jitter float64
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	if p.MaxAttempts <= 0 {
		p.MaxAttempts = 5
	}
	if p.Initial <= 0 {
		p.Initial = time.Second
	}
	if p.Max <= 0 {
		p.Max = 5 * time.Minute
	}
	if p.Jitter == 0 {
		p.Jitter = 0.2
	}
	p.Jitter = min(max(p.Jitter, 0), 1)
	return p
}

// backoff returns how long to wait after the given number of failures. The
// jitter is drawn from the run, the step and the failure, not from a random
// source: the same history gives the same times.
func (p RetryPolicy) backoff(runID, step string, failures int) time.Duration {
	d := float64(p.Initial) * math.Pow(2, float64(failures-1))
	d = min(d, float64(p.Max))
	d *= 1 + p.Jitter*(2*unit(runID, step, failures)-1)
	return max(time.Duration(d).Round(time.Millisecond), time.Millisecond)
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
