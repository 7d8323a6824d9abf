package otelobserve_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	nooptrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/observe"
	otelobserve "github.com/seed-b636437c/automation/observe/otel"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/store/storetest"
)

func TestTelemetry_CountsWhatARunnerDoes(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.telemetry.Read(observe.Sources{Lag: func(context.Context) (time.Duration, error) { return 90 * time.Second, nil }})
	p.Create(world.Flow("welcome", "signup", world.Email("hello")))
	p.Send(world.Signup("ada@example.com"))
	p.Clock.Add(3 * time.Second)
	p.Drain()

	runs, ok := p.metric("automation.runs.ended").(metricdata.Sum[int64])
	require.True(t, ok)
	require.Len(t, runs.DataPoints, 1)
	assert.True(t, runs.IsMonotonic)
	assert.Equal(t, int64(1), runs.DataPoints[0].Value)
	assert.Equal(t, attribute.NewSet(attribute.String("automation", "welcome"), attribute.String("status", "completed")),
		runs.DataPoints[0].Attributes)

	handling, ok := p.metric("automation.event.handling.duration").(metricdata.Histogram[float64])
	require.True(t, ok)
	require.Len(t, handling.DataPoints, 1)
	assert.Equal(t, 3., handling.DataPoints[0].Sum)
	assert.Contains(t, handling.DataPoints[0].Bounds, 2.5)

	for name, want := range map[string]float64{"automation.lag": 90, "automation.leases.held": 0} {
		gauge, ok := p.metric(name).(metricdata.Gauge[float64])
		require.True(t, ok, name)
		assert.Equal(t, want, gauge.DataPoints[0].Value, name)
	}
	assert.NotNil(t, p.metric("automation.store.call.duration"))
	assert.NotNil(t, p.metric("automation.email.attempt.duration"))
}

// The key of the attributes that are kept has room for four.
func TestAll_HaveFewLabels(t *testing.T) {
	t.Parallel()
	for _, m := range observe.All() {
		assert.LessOrEqual(t, len(m.Labels), 4, m.Name)
	}
}

// Without an SDK, everything works and nothing is recorded.
func TestTelemetry_WorksWithoutAnSDK(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]otelobserve.Options{
		"global": {},
		"off":    {TracerProvider: nooptrace.NewTracerProvider(), MeterProvider: noopmetric.NewMeterProvider()},
	} {
		telemetry, err := otelobserve.New(opts)
		require.NoError(t, err, name)
		w := world.New(t, automation.Options{Observer: telemetry})
		w.Runner, err = automation.New(telemetry.Store(w.Store), telemetry.Mailer(w.Mailer), w.Opts)
		require.NoError(t, err)
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Send(world.Signup("ada@example.com"))
		w.Drain()
		assert.Equal(t, []string{"hello"}, w.Sent(), name)
	}
}

func TestStore_IsAStore(t *testing.T) {
	t.Parallel()
	telemetry, err := otelobserve.New(otelobserve.Options{})
	require.NoError(t, err)
	storetest.Run(t, func(testing.TB) storetest.Target { return storetest.Sole(telemetry.Store(memory.New())) })
}

func TestMailer_IsNoInspectorIfItsMailerIsNone(t *testing.T) {
	t.Parallel()
	telemetry, err := otelobserve.New(otelobserve.Options{})
	require.NoError(t, err)
	assert.NotImplements(t, (*automation.TemplateInspector)(nil), telemetry.Mailer(capture.New()))
}

func TestNew_RefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	_, err := otelobserve.New(otelobserve.Options{Options: observe.Options{Automations: -1}})
	assert.Equal(t, []string{"Automations"}, world.Paths(world.Problems(t, err)))
}
