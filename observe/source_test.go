package observe_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
		Backlog: func(context.Context) (observe.Backlog, error) {
			return observe.Backlog{PendingEvents: 1, DueRuns: 2, Leases: 3, ExpiredLeases: 4, RunsSetAside: 5}, nil
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
		Lag:     func(context.Context) (time.Duration, error) { return 0, world.ErrOutage },
		Backlog: func(context.Context) (observe.Backlog, error) { panic("broken") },
	})
	assert.Equal(t, map[string]float64{"leases.held": 0}, gauges(t, m))
	assert.Equal(t, []string{"gauge.failures backlog: 1", "gauge.failures lag: 1"}, j.lines("gauge"))
}
