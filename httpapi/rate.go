package httpapi

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/time/rate"
)

func newLimiter(r Rate) *rate.Limiter {
	if r.PerSecond == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(r.PerSecond), r.Burst)
}

// throttle spends one request of the caller's, or fails if there is none left.
// The headers say how many there are, and in how many seconds there will be all
// of them again; after a failure, when to try again.
func (c *caller) throttle(header http.Header, now time.Time) error {
	if c.limiter == nil {
		return nil
	}
	accepted := c.limiter.AllowN(now, 1)
	tokens := c.limiter.TokensAt(now)
	seconds := func(missing float64) string {
		return strconv.Itoa(int(math.Ceil(missing / float64(c.limiter.Limit()))))
	}
	header.Set("RateLimit-Limit", strconv.Itoa(c.limiter.Burst()))
	header.Set("RateLimit-Remaining", strconv.Itoa(int(tokens)))
	header.Set("RateLimit-Reset", seconds(float64(c.limiter.Burst())-tokens))
	if accepted {
		return nil
	}
	after := seconds(max(1-tokens, 1e-9)) // somebody else may have moved the clock on
	header.Set("Retry-After", after)
	return &failure{http.StatusTooManyRequests, nameRateLimit, fmt.Sprintf("too many requests: try again in %s s", after)}
}
