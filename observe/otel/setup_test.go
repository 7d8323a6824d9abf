package otelobserve_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	otelobserve "github.com/seed-b636437c/automation/observe/otel"
)

// process is a World whose Runner is observed, with what its SDK would export.
type process struct {
	*world.World
	telemetry *otelobserve.Telemetry
	tracer    trace.Tracer // of the host
	exporter  *tracetest.InMemoryExporter
	reader    *sdkmetric.ManualReader
}

func newProcess(t *testing.T, opts ...sdktrace.TracerProviderOption) *process {
	t.Helper()
	w := world.New(t, automation.Options{})
	return join(t, w, opts...)
}

// join returns another process on the store, the mailer and the clock of w.
func join(t *testing.T, w *world.World, opts ...sdktrace.TracerProviderOption) *process {
	t.Helper()
	p := &process{exporter: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	provider := sdktrace.NewTracerProvider(append(opts, sdktrace.WithSyncer(p.exporter))...)
	p.tracer = provider.Tracer("host")
	var err error
	p.telemetry, err = otelobserve.New(otelobserve.Options{
		TracerProvider: provider,
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(p.reader)),
	})
	require.NoError(t, err)
	observed := *w
	observed.Opts.Observer = p.telemetry
	observed.Runner, err = automation.New(p.telemetry.Store(w.Store), p.telemetry.Mailer(w.Mailer), observed.Opts)
	require.NoError(t, err)
	p.World = &observed
	return p
}

// names returns the names of all spans, in the order of their ends.
func (p *process) names() []string {
	var names []string
	for _, s := range p.exporter.GetSpans() {
		names = append(names, s.Name)
	}
	return names
}

// span returns the only span with a name.
func (p *process) span(name string) tracetest.SpanStub {
	p.T.Helper()
	spans := slices.DeleteFunc(p.exporter.GetSpans(), func(s tracetest.SpanStub) bool { return s.Name != name })
	require.Len(p.T, spans, 1, name)
	return spans[0]
}

// value returns an attribute as text, or "".
func value(attributes []attribute.KeyValue, key string) string {
	for _, a := range attributes {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}

// metric returns the data of a metric.
func (p *process) metric(name string) metricdata.Aggregation {
	p.T.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(p.T, p.reader.Collect(p.T.Context(), &all))
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name == name {
				return m.Data
			}
		}
	}
	return nil
}
