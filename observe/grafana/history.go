package grafana

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// History holds what was scraped, and answers queries with the engine of Prometheus. It is
// for one goroutine.
type History struct {
	engine *promql.Engine
	series map[string]*series // by the text of their labels
}

type series struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// NewHistory returns a History without samples.
func NewHistory() *History {
	return &History{
		engine: promql.NewEngine(promql.EngineOpts{MaxSamples: 1 << 26, Timeout: time.Minute, EnableAtModifier: true}),
		series: map[string]*series{},
	}
}

// Scrape reads a page of metrics, as Prometheus does at a time, from an instance of the job
// "app".
func (h *History) Scrape(ctx context.Context, url, instance string, at time.Time) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("scrape %s: %s", url, response.Status)
	}
	target := labels.FromStrings("job", "app", "instance", instance)
	decoder := expfmt.NewDecoder(response.Body, expfmt.ResponseFormat(response.Header))
	samples := &expfmt.SampleDecoder{Dec: decoder, Opts: &expfmt.DecodeOptions{Timestamp: model.TimeFromUnixNano(at.UnixNano())}}
	for {
		var page model.Vector
		switch err := samples.Decode(&page); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		for _, s := range page {
			h.add(s, target)
		}
	}
}

func (h *History) add(s *model.Sample, target labels.Labels) {
	b := labels.NewBuilder(target)
	for name, value := range s.Metric {
		b.Set(string(name), string(value))
	}
	ls := b.Labels()
	key := ls.String()
	if h.series[key] == nil {
		h.series[key] = &series{labels: ls}
	}
	h.series[key].samples = append(h.series[key].samples, sample{int64(s.Timestamp), float64(s.Value)})
}

// Names returns the names of all series.
func (h *History) Names() []string {
	var names []string
	for _, s := range h.series {
		names = append(names, s.labels.Get(model.MetricNameLabel))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Query returns the values of an expression from one time to another.
func (h *History) Query(ctx context.Context, expr string, from, to time.Time, step time.Duration) (promql.Matrix, error) {
	query, err := h.engine.NewRangeQuery(ctx, h, nil, expr, from, to, step)
	if err != nil {
		return nil, err
	}
	defer query.Close()
	matrix, err := query.Exec(ctx).Matrix()
	if err != nil {
		return nil, err
	}
	return slices.Clone(matrix), nil
}

// Querier implements storage.Queryable.
func (h *History) Querier(from, to int64) (storage.Querier, error) {
	return querier{h, from, to}, nil
}

type querier struct {
	history  *History
	from, to int64 // in milliseconds since 1970
}

// Select implements storage.Querier.
func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []storage.Series
	for _, s := range q.history.series {
		if !matches(s.labels, matchers) {
			continue
		}
		var within []chunks.Sample
		for _, v := range s.samples {
			if q.from <= v.T() && v.T() <= q.to {
				within = append(within, v)
			}
		}
		found = append(found, storage.NewListSeries(s.labels, within))
	}
	slices.SortFunc(found, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return &seriesSet{series: found}
}

func matches(ls labels.Labels, matchers []*labels.Matcher) bool {
	return !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(ls.Get(m.Name)) })
}

// LabelValues implements storage.Querier. The engine does not call it.
func (querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errors.ErrUnsupported
}

// LabelNames implements storage.Querier. The engine does not call it.
func (querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errors.ErrUnsupported
}

// Close implements storage.Querier.
func (querier) Close() error { return nil }

// seriesSet is a storage.SeriesSet of a slice.
type seriesSet struct {
	series []storage.Series
	at     int
}

func (s *seriesSet) Next() bool                        { s.at++; return s.at <= len(s.series) }
func (s *seriesSet) At() storage.Series                { return s.series[s.at-1] }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// sample is a value at a time in milliseconds since 1970.
type sample struct {
	at    int64
	value float64
}

func (s sample) T() int64                      { return s.at }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.value }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

// Legend returns the name of a series in a panel: the format with the values of labels.
func (t Target) Legend(ls labels.Labels) string {
	name := t.LegendFormat
	ls.Range(func(l labels.Label) { name = strings.ReplaceAll(name, "{{"+l.Name+"}}", l.Value) })
	return name
}

// HasValue reports whether a series has a value that is a number.
func HasValue(s promql.Series) bool {
	return slices.ContainsFunc(s.Floats, func(p promql.FPoint) bool { return !math.IsNaN(p.F) })
}
