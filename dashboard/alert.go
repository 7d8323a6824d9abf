package dashboard

import (
	"context"
	"sync"
	"time"
)

// warning is shown on every page while work is due that is not done.
type warning struct{ Heading, Advice string }

// warningAge is how long a warning, or that there is none, is remembered.
const warningAge = 5 * time.Second

// lookout remembers for a few seconds whether work is done, because every page shows it.
type lookout struct {
	mu    sync.Mutex
	until time.Time
	last  *warning
}

// warning returns what every page warns of, or nil. One request in a few seconds reads it,
// and all others get what that one has found.
func (h *Handler) warning(ctx context.Context) *warning {
	l := &h.lookout
	now := h.opts.Clock.Now()
	l.mu.Lock()
	if now.Before(l.until) {
		defer l.mu.Unlock()
		return l.last
	}
	l.until = now.Add(warningAge)
	l.mu.Unlock()
	found, err := h.look(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.last = found
	}
	return l.last
}

// look finds out whether work is done.
func (h *Handler) look(ctx context.Context) (*warning, error) {
	ctx, cancel := context.WithTimeout(ctx, h.opts.Timeout)
	defer cancel()
	lag, err := h.runner.Lag(ctx)
	if err != nil || lag <= h.opts.MaxLag {
		return nil, err
	}
	health, err := h.runner.Health(ctx)
	if err != nil {
		return nil, err
	}
	due := ": something has been due for " + took(lag.Truncate(time.Second))
	if health.Running || health.Stats.Leases > 0 {
		return &warning{"Runners are behind" + due, "If that time grows, run more processes, or look in the log for what slows them down."}, nil
	}
	return &warning{"No Runner is at work" + due, "Start a process that calls Runner.Run, or look in the logs for why it stopped."}, nil
}
