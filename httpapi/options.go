package httpapi

import (
	"log/slog"
	"math"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/options"
)

// Options tune a Handler. Keys are needed, unless AuthenticatedByHost is set;
// every other zero value works.
type Options struct {
	// Keys are the API keys that are accepted.
	Keys []Key
	// AuthenticatedByHost means that the host authenticates each request before the
	// Handler gets it. The Handler then checks no key, and Keys must be empty.
	AuthenticatedByHost bool
	// Contacts also serves the calls that create, read, update, list and delete
	// contacts, and the calls about segments.
	Contacts bool
	// Templates holds the templates of the calls about templates. With nil these calls
	// are not served.
	Templates Templates
	// MaxBody is how many bytes the body of a request may have: 1 MiB by default.
	MaxBody int64
	// Timeout bounds the work on one request: 30 seconds by default. The ReadTimeout
	// of the http.Server bounds how long a client may take to send its body.
	Timeout time.Duration
	// MaxImport and ImportTimeout are MaxBody and Timeout for POST /contacts/imports: 200
	// MB and 10 minutes by default. A body longer than MaxBody is kept in a temporary file
	// during the request. The WriteTimeout of the http.Server must not be shorter than
	// ImportTimeout.
	MaxImport     int64
	ImportTimeout time.Duration
	// Rate limits the requests of each key, or with AuthenticatedByHost all requests
	// together. Requests without a valid key are not counted. The zero Rate sets no
	// limit.
	Rate Rate
	// Clock is the clock of Rate: the system's clock by default.
	Clock automation.Clock
	// Logger logs the requests that are answered with 500. Nil discards the log.
	Logger *slog.Logger
}

// Rate is a limit with room for bursts.
type Rate struct {
	// PerSecond is how many requests a second are accepted in the long run.
	// Zero means no limit.
	PerSecond float64
	// Burst is how many requests are accepted at once. Zero means as many as in one
	// second, and at least one.
	Burst int
}

// withDefaults returns o with its zero fields filled in, and reports to c what is wrong
// with the other fields. Keys are validated by newKeyring.
func (o Options) withDefaults(c *options.Check) Options {
	c.Bytes("MaxBody", &o.MaxBody, 1<<20)
	c.Duration("Timeout", &o.Timeout, 30*time.Second)
	c.Bytes("MaxImport", &o.MaxImport, 200e6)
	c.Duration("ImportTimeout", &o.ImportTimeout, 10*time.Minute)
	o.Rate = o.Rate.withDefaults(c)
	if o.Clock == nil {
		o.Clock = automation.SystemClock()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func (r Rate) withDefaults(c *options.Check) Rate {
	c.Rate("Rate.PerSecond", r.PerSecond)
	if r.Burst > 0 && r.PerSecond == 0 {
		c.Add("Rate.Burst", "limits nothing without PerSecond: set both, or none")
	}
	c.Count("Rate.Burst", &r.Burst, max(1, int(math.Ceil(r.PerSecond))))
	return r
}
