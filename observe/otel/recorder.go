package otelobserve

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/seed-b636437c/automation/observe"
)

// recorder is an observe.Recorder on a Meter.
type recorder struct {
	meter      metric.Meter
	counters   map[*observe.Metric]metric.Int64Counter
	histograms map[*observe.Metric]metric.Float64Histogram
}

func newRecorder(meter metric.Meter) (*recorder, error) {
	r := &recorder{
		meter:      meter,
		counters:   map[*observe.Metric]metric.Int64Counter{},
		histograms: map[*observe.Metric]metric.Float64Histogram{},
	}
	var errs error
	for _, m := range observe.All() {
		var err error
		switch m.Kind {
		case observe.Counter:
			r.counters[m], err = meter.Int64Counter(m.Name, metric.WithDescription(m.Help), metric.WithUnit(m.Unit))
		case observe.Histogram:
			r.histograms[m], err = meter.Float64Histogram(m.Name, metric.WithDescription(m.Help), metric.WithUnit(m.Unit),
				metric.WithExplicitBucketBoundaries(m.Buckets...))
		}
		errs = errors.Join(errs, err)
	}
	return r, errs
}

// readGauges makes the Meter read the gauges of m whenever it collects.
func (r *recorder) readGauges(m *observe.Metrics) error {
	gauges := map[*observe.Metric]metric.Float64Observable{}
	var instruments []metric.Observable
	for _, g := range observe.All() {
		if g.Kind != observe.Gauge {
			continue
		}
		instrument, err := r.meter.Float64ObservableGauge(g.Name, metric.WithDescription(g.Help), metric.WithUnit(g.Unit))
		if err != nil {
			return err
		}
		gauges[g] = instrument
		instruments = append(instruments, instrument)
	}
	_, err := r.meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		m.Gauges(ctx, func(g *observe.Metric, value float64) { o.ObserveFloat64(gauges[g], value) })
		return nil
	}, instruments...)
	return err
}

// Add implements observe.Recorder.
func (r *recorder) Add(m *observe.Metric, n int, labels ...string) {
	if c, ok := r.counters[m]; ok {
		c.Add(context.Background(), int64(n), metric.WithAttributeSet(attributes(m, labels)))
	}
}

// Record implements observe.Recorder.
func (r *recorder) Record(m *observe.Metric, value float64, labels ...string) {
	if h, ok := r.histograms[m]; ok {
		h.Record(context.Background(), value, metric.WithAttributeSet(attributes(m, labels)))
	}
}

func attributes(m *observe.Metric, labels []string) attribute.Set {
	kvs := make([]attribute.KeyValue, 0, 4)
	for i, name := range m.Labels {
		kvs = append(kvs, attribute.String(name, labels[i]))
	}
	return attribute.NewSet(kvs...)
}
