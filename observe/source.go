package observe

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/seed-b636437c/automation"
)

// Sources are functions that gauges are read from, whenever a backend collects them. A nil
// function has no gauges. The functions must be safe for concurrent use. Their context ends
// after two seconds.
type Sources struct {
	// Lag is usually Runner.Lag.
	Lag func(ctx context.Context) (time.Duration, error)
	// Health is usually Runner.Health. Its gauges are those of Health.Stats.
	Health func(ctx context.Context) (automation.Health, error)
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
	if h, ok := read(ctx, m, "health", s.Health); ok {
		set(pendingEvents, float64(h.Stats.PendingEvents))
		set(dueRuns, float64(h.Stats.DueRuns))
		set(validLeases, float64(h.Stats.Leases))
		set(expiredLeases, float64(h.Stats.ExpiredLeases))
		set(runsSetAside, float64(h.Stats.SetAside))
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
