package observe

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Sources are functions that gauges are read from, whenever a backend collects them. A nil
// function has no gauges. The functions must be safe for concurrent use. Their context ends
// after two seconds.
type Sources struct {
	// Lag returns how long the oldest work in the store is due that no Runner works on.
	Lag func(ctx context.Context) (time.Duration, error)
	// Backlog returns what waits in the store.
	Backlog func(ctx context.Context) (Backlog, error)
}

// Backlog is what waits in a store.
type Backlog struct {
	// PendingEvents is how many events are accepted and not handled.
	PendingEvents int
	// DueRuns is how many runs are due.
	DueRuns int
	// Leases is how many leases are valid, of all processes. ExpiredLeases is how many
	// expired with work left, because their process died or stalled.
	Leases, ExpiredLeases int
	// RunsSetAside is how many runs were set aside, because a process could not decode
	// them.
	RunsSetAside int
}

// sourceTimeout bounds the reading of a source. A backend usually gives up after ten seconds.
const sourceTimeout = 2 * time.Second

// sourceBox holds the sources, which come after the Runner exists.
type sourceBox struct{ p atomic.Pointer[Sources] }

// Read replaces the sources of the gauges. Call it once the Runner exists: the functions are
// usually methods of the Runner.
func (m *Metrics) Read(s Sources) { m.sources.p.Store(&s) }

// Gauges reads all gauges, and calls set with each of them that has a value. If a source
// fails, its gauges are left out, and automation.gauge.failures counts the failure.
func (m *Metrics) Gauges(ctx context.Context, set func(g *Metric, value float64)) {
	set(leasesHeld, float64(m.leases.held()))
	s := m.sources.p.Load()
	if s == nil {
		return
	}
	if d, ok := read(ctx, m, "lag", s.Lag); ok {
		set(lag, seconds(d))
	}
	if b, ok := read(ctx, m, "backlog", s.Backlog); ok {
		set(pendingEvents, float64(b.PendingEvents))
		set(dueRuns, float64(b.DueRuns))
		set(validLeases, float64(b.Leases))
		set(expiredLeases, float64(b.ExpiredLeases))
		set(runsSetAside, float64(b.RunsSetAside))
	}
}

// read calls a source. It reports false if there is none, or if it fails. A panic of the
// host's function must not end the host's page of metrics.
func read[T any](ctx context.Context, m *Metrics, name string, source func(context.Context) (T, error)) (value T, ok bool) {
	if source == nil {
		return value, false
	}
	ctx, cancel := context.WithTimeout(ctx, sourceTimeout)
	defer cancel()
	err := func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		value, err = source(ctx)
		return err
	}()
	if err != nil {
		m.recorder.Add(gaugeFailures, 1, name)
	}
	return value, err == nil
}
