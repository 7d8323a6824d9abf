package otelobserve

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/seed-b636437c/automation/observe"
)

// recorder is an observe.Recorder on a Meter.
type recorder struct {
	meter      metric.Meter
	counters   map[*observe.Metric]metric.Int64Counter
	histograms map[*observe.Metric]metric.Float64Histogram
	known      sync.Map // from labelling to *measuring; the values of labels are few
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
		c.Add(context.Background(), int64(n), r.attributes(m, labels).add...)
	}
}

// Record implements observe.Recorder.
func (r *recorder) Record(m *observe.Metric, value float64, labels ...string) {
	if h, ok := r.histograms[m]; ok {
		h.Record(context.Background(), value, r.attributes(m, labels).record...)
	}
}

// labelling identifies labels of a metric. No metric has more than four.
type labelling struct {
	metric *observe.Metric
	labels [4]string
}

// measuring are the options of a measurement, which are the labels as attributes.
type measuring struct {
	add    []metric.AddOption
	record []metric.RecordOption
}

// attributes returns the labels as attributes. It keeps them for the next time, because to
// sort them takes longer than to count.
func (r *recorder) attributes(m *observe.Metric, labels []string) *measuring {
	key := labelling{metric: m}
	copy(key.labels[:], labels)
	if known, ok := r.known.Load(key); ok {
		return known.(*measuring)
	}
	kvs := make([]attribute.KeyValue, len(m.Labels))
	for i, name := range m.Labels {
		kvs[i] = attribute.String(name, labels[i])
	}
	option := metric.WithAttributeSet(attribute.NewSet(kvs...))
	made := &measuring{add: []metric.AddOption{option}, record: []metric.RecordOption{option}}
	known, _ := r.known.LoadOrStore(key, made)
	return known.(*measuring)
}
