package health

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/options"
	"github.com/seed-b636437c/automation/internal/redact"
)

// Checker finds out whether automations make progress. *automation.Runner implements it.
type Checker interface {
	// Health returns what is known, also if it returns an error. If it does, one of the
	// problems makes the process unready.
	Health(ctx context.Context) (automation.Health, error)
}

var _ Checker = (*automation.Runner)(nil)

// Options configure a Handler. The zero value works.
type Options struct {
	// NeedsRun makes the process unready while Run does not work: before it begins, and
	// once its context has ended. Set it in a process that calls Runner.Run, and leave it
	// out in one that only sends events.
	NeedsRun bool
	// Timeout bounds a check. A check that takes longer has failed. The default is 2
	// seconds. It should be shorter than the timeout of the probe.
	Timeout time.Duration
	// MaxAge is how long the Handler repeats an answer without another check, so that
	// many requests cost the store no more than a few. The default is 1 second.
	MaxAge time.Duration
	// Logger receives a WARN when the process becomes unready, with the error of the
	// store, and an INFO when it is ready again. Nil discards both.
	Logger *slog.Logger
}

// Handler answers readiness probes: 200 if Health.Ready reports true, and 503 if it does not.
// The body is the Health as JSON, with no personal data and no texts of the store's errors.
// It shows how much work there is: keep it from the public if that is a secret. GET and HEAD
// are allowed. A Handler is safe for concurrent use.
type Handler struct {
	checker Checker
	opts    Options

	checking chan struct{} // contains a value during a check; guards the fields below
	checked  time.Time     // when answer was made; zero: never
	ready    bool
	answer   []byte
}

// New returns a Handler. The error is an *automation.ValidationError that lists all invalid
// arguments.
func New(checker Checker, opts Options) (*Handler, error) {
	var problems automation.Problems
	c := options.New(&problems, automation.CodeInvalidOption)
	c.Required("checker", checker)
	c.Duration("Timeout", &opts.Timeout, 2*time.Second)
	c.Duration("MaxAge", &opts.MaxAge, time.Second)
	if err := problems.Err("health"); err != nil {
		return nil, err
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Handler{checker: checker, opts: opts, checking: make(chan struct{}, 1), ready: true}, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !allowed(w, r) {
		return
	}
	ready, answer := h.check(r.Context())
	status := http.StatusOK
	if !ready {
		status = http.StatusServiceUnavailable
	}
	write(w, status, answer)
}

// check returns the last answer, or makes another one if it is too old.
func (h *Handler) check(ctx context.Context) (ready bool, answer []byte) {
	h.checking <- struct{}{}
	defer func() { <-h.checking }()
	if !h.checked.IsZero() && time.Since(h.checked) < h.opts.MaxAge {
		return h.ready, h.answer
	}
	// Without the request's end, because other requests wait for the answer too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.opts.Timeout)
	defer cancel()
	found, err := h.checker.Health(ctx)
	if h.opts.NeedsRun && !found.Running {
		found.Problems = slices.Insert(found.Problems, 0, automation.HealthProblem{
			Severity: automation.SeverityError, Code: automation.HealthNotRunning,
			Message: "Run does not work in this process: it has not begun, or it ends",
		})
	}
	h.log(ctx, found, err)
	answer, _ = json.Marshal(found) // numbers, times and texts can be encoded
	h.ready, h.answer, h.checked = found.Ready(), append(answer, '\n'), time.Now()
	return h.ready, h.answer
}

// log logs that the process has become ready or unready.
func (h *Handler) log(ctx context.Context, found automation.Health, err error) {
	ready := found.Ready()
	switch {
	case ready == h.ready:
	case ready:
		h.opts.Logger.InfoContext(ctx, "health: ready again")
	default:
		attrs := []slog.Attr{slog.Any("problems", found.Problems)}
		if err != nil {
			attrs = append(attrs, slog.Any("error", redact.Error(err)))
		}
		h.opts.Logger.LogAttrs(ctx, slog.LevelWarn, "health: not ready", attrs...)
	}
}

// Live answers liveness probes: always 200, because the process serves HTTP. It calls
// nothing.
func Live(w http.ResponseWriter, r *http.Request) {
	if allowed(w, r) {
		write(w, http.StatusOK, []byte(`{"live":true}`+"\n"))
	}
}

// allowed refuses requests that are no reads.
func allowed(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	http.Error(w, "only GET and HEAD are allowed", http.StatusMethodNotAllowed)
	return false
}

func write(w http.ResponseWriter, status int, answer []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(answer) // a client that is gone needs no answer
}
