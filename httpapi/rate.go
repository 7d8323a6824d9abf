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

// throttle spends one request of the caller, and fails if the caller has none left. It
// sets headers with the limit, the requests that are left, and the seconds until all of
// them are available again; after a failure also the seconds until the next one is.
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
	after := seconds(max(1-tokens, 1e-9)) // another request may have advanced the limiter meanwhile
	header.Set("Retry-After", after)
	return &failure{http.StatusTooManyRequests, nameRateLimit, fmt.Sprintf("too many requests: try again in %s s", after)}
}
