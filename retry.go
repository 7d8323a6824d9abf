package automation

import (
	"hash/fnv"
	"math"
	"strconv"
	"time"

	"github.com/seed-b636437c/automation/internal/options"
)

// RetryPolicy decides how often and when a failed effect is tried again. The zero value
// is the default policy, which lasts for at least 24 hours: a Runner tries again after 1
// second, 2 seconds, 4 seconds and so on up to 34 minutes, and then every hour. Without
// jitter these are 36 attempts in 24 hours, 8 minutes and 15 seconds; see Total. Errors
// that Permanent marks end the step at once, under every policy.
//
// New and Validate refuse a negative MaxAttempts, Initial, Max or For, a Jitter over 1,
// and an Initial that is longer than Max. In JSON a policy is an object with the fields
// max_attempts, initial, max, for and jitter, whose durations are texts such as "1 hour".
type RetryPolicy struct {
	// MaxAttempts is the number of attempts in all, the first one included. Zero means
	// that For alone decides.
	MaxAttempts int
	// Initial is the back-off after the first failure. It doubles with each further
	// failure. The default is 1 second, or Max if Max is shorter.
	Initial time.Duration
	// Max bounds the back-off. The default is 1 hour, or Initial if Initial is longer.
	Max time.Duration
	// For is how long a failing effect is tried again. A failure is the last one if the
	// back-offs before it add up to For or more, so the last attempt comes between For
	// and For plus Max after the first, also with jitter. Only back-offs count: the
	// time in which no Runner worked, and the waits of a RateLimitError, do not. The
	// default is 24 hours or, if MaxAttempts is set, no bound.
	For time.Duration
	// Jitter is the fraction by which a back-off becomes longer or shorter at random.
	// It keeps runs that failed together from being tried again together. The default
	// is 0.2, the maximum is 1, and a negative value means no jitter. A back-off with
	// jitter is not longer than Max either.
	Jitter float64
}

// Total returns how many attempts p allows, and the time from the first to the last of
// them, if every attempt fails at once and there is no jitter.
func (p RetryPolicy) Total() (attempts int, d time.Duration) {
	p = p.withDefaults()
	p.Jitter = 0
	for attempts = 1; attempts < p.MaxAttempts && (d < p.For || p.For == forever); attempts++ {
		b := p.backoff("", "", attempts)
		if b >= p.Max { // from here on all back-offs are equal
			more := p.MaxAttempts - attempts
			if p.For < forever {
				more = int(min(int64(more), int64((p.For-d-1)/b)+1))
			}
			return attempts + more, addDurations(d, b, int64(more))
		}
		d = addDurations(d, b, 1)
	}
	return attempts, d
}

// forever is the For of a policy without a bound on its time.
const forever = time.Duration(math.MaxInt64)

// addDurations returns d + n*b, or the longest Duration if that is longer.
func addDurations(d, b time.Duration, n int64) time.Duration {
	if n > int64((forever-d)/b) {
		return forever
	}
	return d + b*time.Duration(n)
}

// retryNames are the names of the fields of a RetryPolicy, for problems.
type retryNames struct{ maxAttempts, initial, max, length, jitter string }

var (
	retryOptionNames = retryNames{"Retry.MaxAttempts", "Retry.Initial", "Retry.Max", "Retry.For", "Retry.Jitter"}
	retryJSONNames   = retryNames{"max_attempts", "initial", "max", "for", "jitter"}
)

// validate reports the values that New and Validate refuse.
func (p RetryPolicy) validate(c *options.Check, names retryNames) {
	c.NotNegative(names.maxAttempts, p.MaxAttempts)
	c.DurationNotNegative(names.initial, p.Initial)
	c.DurationNotNegative(names.max, p.Max)
	c.DurationNotNegative(names.length, p.For)
	if p.Max > 0 && p.Initial > p.Max {
		c.Add(names.initial, "%s is longer than %s, which is %s: shorten it", p.Initial, names.max, p.Max)
	}
	if math.IsNaN(p.Jitter) || p.Jitter > 1 {
		c.Add(names.jitter, "%v is not a fraction: give at most 1, or a negative number for none", p.Jitter)
	}
}

// problems returns the problems of a policy in an automation. Their paths begin at the
// policy.
func (p RetryPolicy) problems() Problems {
	var ps Problems
	p.validate(options.New(&ps, CodeInvalidRetry), retryJSONNames)
	return ps
}

// or returns p or, if p is zero, the given policy.
func (p RetryPolicy) or(policy RetryPolicy) RetryPolicy {
	if p == (RetryPolicy{}) {
		return policy
	}
	return p
}

// withDefaults returns p with defaults in its zero fields. A bound that p does not have
// becomes as large as it can be.
func (p RetryPolicy) withDefaults() RetryPolicy {
	switch {
	case p.For <= 0 && p.MaxAttempts <= 0:
		p.For = 24 * time.Hour
	case p.For <= 0:
		p.For = forever
	}
	if p.MaxAttempts <= 0 {
		p.MaxAttempts = math.MaxInt
	}
	switch {
	case p.Initial <= 0 && p.Max <= 0:
		p.Initial, p.Max = time.Second, time.Hour
	case p.Initial <= 0:
		p.Initial = min(time.Second, p.Max)
	case p.Max <= 0:
		p.Max = max(time.Hour, p.Initial)
	}
	if p.Jitter == 0 {
		p.Jitter = 0.2
	}
	p.Jitter = min(max(p.Jitter, 0), 1)
	return p
}

// next returns the back-off before the next attempt. It returns false if the given number
// of failures is the last that p allows. Which failure is the last follows from the
// back-offs of this run and step, so no state has to keep the time that has passed.
func (p RetryPolicy) next(runID, step string, failures int) (time.Duration, bool) {
	if failures >= p.MaxAttempts {
		return 0, false
	}
	if left := p.For; left < forever {
		for n := 1; n < failures; n++ {
			if left -= p.backoff(runID, step, n); left <= 0 {
				return 0, false
			}
		}
	}
	return p.backoff(runID, step, failures), true
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
