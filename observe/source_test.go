package observe_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/observe"
)

func TestGauges_ComeFromTheSources(t *testing.T) {
	t.Parallel()
	j := &journal{}
	m, err := observe.New(j, observe.Options{})
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{"leases.held": 0}, gauges(t, m), "before the Runner exists")

	m.Read(observe.Sources{
		Lag: func(ctx context.Context) (time.Duration, error) {
			_, bounded := ctx.Deadline()
			assert.True(t, bounded)
			return 90 * time.Second, nil
		},
		Health: func(context.Context) (automation.Health, error) {
			return automation.Health{Stats: automation.StoreStats{PendingEvents: 1, DueRuns: 2, Leases: 3, ExpiredLeases: 4, SetAside: 5}}, nil
		},
	})
	assert.Equal(t, map[string]float64{
		"leases.held": 0, "lag": 90, "pending.events": 1, "due.runs": 2, "leases.valid": 3, "leases.expired": 4, "runs.set_aside": 5,
	}, gauges(t, m))
	assert.Empty(t, j.lines(""))
}

func TestGauges_AreLeftOutIfTheirSourceFails(t *testing.T) {
	t.Parallel()
	j := &journal{}
	m, err := observe.New(j, observe.Options{})
	require.NoError(t, err)
	m.Read(observe.Sources{
		Lag:    func(context.Context) (time.Duration, error) { return 0, world.ErrOutage },
		Health: func(context.Context) (automation.Health, error) { panic("broken") },
	})
	assert.Equal(t, map[string]float64{"leases.held": 0}, gauges(t, m))
	assert.Equal(t, []string{"gauge.failures health: 1", "gauge.failures lag: 1"}, j.lines("gauge"))
}

func TestGauges_ComeFromARunner(t *testing.T) {
	t.Parallel()
	w, m, _ := measured(t, observe.Options{})
	m.Read(observe.Sources{Lag: w.Lag, Health: w.Health})
	w.Create(world.Flow("welcome", "signup"))
	w.Send(world.Signups(3)...)
	w.Clock.Add(90 * time.Second)
	assert.Equal(t, map[string]float64{
		"leases.held": 0, "lag": 90, "pending.events": 3, "due.runs": 0, "leases.valid": 0, "leases.expired": 0, "runs.set_aside": 0,
	}, gauges(t, m))
	w.Drain()
	assert.Zero(t, gauges(t, m)["lag"])
}
