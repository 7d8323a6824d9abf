package otelobserve

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/observe"
)

// scope is the name of the instrumentation.
const scope = "github.com/seed-b636437c/automation/observe/otel"

// Options configure a Telemetry. The zero value works.
type Options struct {
	observe.Options
	// TracerProvider and MeterProvider make the traces and the metrics. Nil means the
	// global ones of package otel. Those of the packages trace/noop and metric/noop turn
	// one of the two off.
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
}

// Telemetry is an automation.Observer. Its methods Store, Writer and Mailer wrap what a
// Runner works with. All methods are safe for concurrent use.
type Telemetry struct {
	metrics *observe.Metrics
	traces  *tracing
}

var _ automation.Observer = (*Telemetry)(nil)

// New returns a Telemetry. The error is an *automation.ValidationError if
// Options.Automations is negative, or an error of the MeterProvider.
func New(opts Options) (*Telemetry, error) {
	if opts.TracerProvider == nil {
		opts.TracerProvider = otel.GetTracerProvider()
	}
	if opts.MeterProvider == nil {
		opts.MeterProvider = otel.GetMeterProvider()
	}
	r, err := newRecorder(opts.MeterProvider.Meter(scope))
	if err != nil {
		return nil, err
	}
	m, err := observe.New(r, opts.Options)
	if err != nil {
		return nil, err
	}
	if err := r.readGauges(m); err != nil {
		return nil, err
	}
	return &Telemetry{metrics: m, traces: newTracing(opts.TracerProvider.Tracer(scope))}, nil
}

// Observe implements automation.Observer.
func (t *Telemetry) Observe(n automation.Notice) {
	t.metrics.Observe(n)
	t.traces.observe(n)
}

// Store returns a store that does what next does, and whose calls are measured. It links
// the span that sends an event with the trace of the event. A Runner finds the optional
// interfaces that next has; see observe.WrapStore.
func (t *Telemetry) Store(next automation.Store) automation.Store {
	return observe.WrapStore(t.metrics.Store(next), t.traces.hooks())
}

// Writer returns a writer that links the span that sends an event with the trace of the
// event. next writes inside the host's own transaction: it is the result of the method Tx of
// a store. The link stays even if the transaction is rolled back. Writer keeps the
// automation.TxCarrier of next.
func (t *Telemetry) Writer(next automation.EventWriter) automation.EventWriter {
	return observe.WrapWriter(next, t.traces.hooks())
}

// Mailer returns a mailer that sends with next, measures each attempt, and gives it a span.
// It is an automation.TemplateInspector if next is one.
func (t *Telemetry) Mailer(next automation.Mailer) automation.Mailer {
	return t.traces.mailer(t.metrics.Mailer(next))
}

// Read replaces the sources of the gauges of what waits in the store. Call it once the
// Runner exists.
func (t *Telemetry) Read(s observe.Sources) { t.metrics.Read(s) }
