package promobserve

import (
	"context"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/observe"
)

// Options configure a Collector. The zero value works.
type Options struct {
	observe.Options
	// ConstLabels are labels that all metrics have, such as those of several Runners in
	// one process.
	ConstLabels prometheus.Labels
}

// Collector is a prometheus.Collector and an automation.Observer. Its methods Store and
// Mailer wrap what a Runner works with, and Read adds gauges of what waits in the store. All
// methods are safe for concurrent use.
type Collector struct {
	*observe.Metrics
	recorder *recorder
}

var _ prometheus.Collector = (*Collector)(nil)

// New returns a Collector. Register it in a registry, and give it to a Runner. The error is
// an *automation.ValidationError if Options.Automations is negative, or if ConstLabels has a
// name that is invalid or that a metric has as a label.
func New(opts Options) (*Collector, error) {
	r := newRecorder(opts.ConstLabels)
	m, err := observe.New(r, opts.Options)
	if err != nil {
		return nil, err
	}
	c := &Collector{Metrics: m, recorder: r}
	if err := prometheus.NewRegistry().Register(c); err != nil {
		var problems automation.Problems
		problems.Add(automation.CodeInvalidOption, "ConstLabels", "%s", err)
		return nil, problems.Err("options")
	}
	r.zero()
	return c, nil
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(descs chan<- *prometheus.Desc) {
	for _, v := range c.recorder.counters {
		v.Describe(descs)
	}
	for _, v := range c.recorder.histograms {
		v.Describe(descs)
	}
	for _, d := range c.recorder.gauges {
		descs <- d
	}
}

// Collect implements prometheus.Collector. It reads the sources of gauges.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	// First, because a source that fails is counted.
	c.Gauges(context.Background(), func(g *observe.Metric, value float64) {
		if m, err := prometheus.NewConstMetric(c.recorder.gauges[g], prometheus.GaugeValue, value); err == nil {
			metrics <- m
		}
	})
	for _, v := range c.recorder.counters {
		v.Collect(metrics)
	}
	for _, v := range c.recorder.histograms {
		v.Collect(metrics)
	}
}

// recorder is an observe.Recorder that keeps everything in vectors.
type recorder struct {
	counters   map[*observe.Metric]*prometheus.CounterVec
	histograms map[*observe.Metric]*prometheus.HistogramVec
	gauges     map[*observe.Metric]*prometheus.Desc
}

func newRecorder(constant prometheus.Labels) *recorder {
	r := &recorder{
		counters:   map[*observe.Metric]*prometheus.CounterVec{},
		histograms: map[*observe.Metric]*prometheus.HistogramVec{},
		gauges:     map[*observe.Metric]*prometheus.Desc{},
	}
	for _, m := range observe.All() {
		name := m.PrometheusName()
		switch m.Kind {
		case observe.Counter:
			r.counters[m] = prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: m.Help, ConstLabels: constant}, m.Labels)
		case observe.Histogram:
			r.histograms[m] = prometheus.NewHistogramVec(prometheus.HistogramOpts{
				Name: name, Help: m.Help, ConstLabels: constant, Buckets: m.Buckets,
			}, m.Labels)
		case observe.Gauge:
			r.gauges[m] = prometheus.NewDesc(name, m.Help, nil, constant)
		}
	}
	return r
}

// zero makes the metrics without labels, so that they are zero and not absent at first.
func (r *recorder) zero() {
	for m, v := range r.counters {
		if len(m.Labels) == 0 {
			v.WithLabelValues()
		}
	}
	for m, v := range r.histograms {
		if len(m.Labels) == 0 {
			v.WithLabelValues()
		}
	}
}

// Add implements observe.Recorder.
func (r *recorder) Add(m *observe.Metric, n int, labels ...string) {
	v, ok := r.counters[m]
	if !ok {
		return // a metric of a later version
	}
	if c, err := v.GetMetricWithLabelValues(valid(labels)...); err == nil {
		c.Add(float64(n))
	}
}

// Record implements observe.Recorder.
func (r *recorder) Record(m *observe.Metric, value float64, labels ...string) {
	v, ok := r.histograms[m]
	if !ok {
		return
	}
	if h, err := v.GetMetricWithLabelValues(valid(labels)...); err == nil {
		h.Observe(value)
	}
}

// valid replaces what is not UTF-8 in labels, which Prometheus refuses.
func valid(labels []string) []string {
	for i, l := range labels {
		labels[i] = strings.ToValidUTF8(l, "\ufffd")
	}
	return labels
}
