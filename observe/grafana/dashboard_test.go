package grafana_test

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/observe"
	"github.com/seed-b636437c/automation/observe/grafana"
	otelobserve "github.com/seed-b636437c/automation/observe/otel"
	promobserve "github.com/seed-b636437c/automation/observe/prometheus"
)

// backend is a way to get metrics into a registry of Prometheus.
type backend interface {
	automation.Observer
	Store(automation.Store) automation.Store
	Mailer(automation.Mailer) automation.Mailer
	Read(observe.Sources)
}

func collector(t *testing.T, registry *prometheus.Registry) backend {
	t.Helper()
	c, err := promobserve.New(promobserve.Options{})
	require.NoError(t, err)
	require.NoError(t, registry.Register(c))
	return c
}

func exporter(t *testing.T, registry *prometheus.Registry) backend {
	t.Helper()
	e, err := otelprometheus.New(otelprometheus.WithRegisterer(registry))
	require.NoError(t, err)
	telemetry, err := otelobserve.New(otelobserve.Options{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(e))})
	require.NoError(t, err)
	return telemetry
}

var backends = map[string]func(*testing.T, *prometheus.Registry) backend{"prometheus": collector, "otel": exporter}

// every is how often the tests scrape.
const every = 15 * time.Second

// play lets a Runner work for some minutes, with failures of everything, and scrapes its
// metrics.
func play(t *testing.T, start func(*testing.T, *prometheus.Registry) backend) (h *grafana.History, from, to time.Time) {
	t.Helper()
	registry := prometheus.NewRegistry()
	b := start(t, registry)
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	t.Cleanup(server.Close)
	w := world.New(t, automation.Options{Observer: b})
	var err error
	w.Runner, err = automation.New(b.Store(w.Store), b.Mailer(w.Mailer), w.Opts)
	require.NoError(t, err)
	emails := 0
	w.Mailer.Respond = func(context.Context, automation.Email) error {
		if emails++; emails%2 == 0 {
			return automation.Permanent(world.ErrOutage)
		}
		return nil
	}
	broken := false
	b.Read(observe.Sources{
		Lag: func(context.Context) (time.Duration, error) {
			if broken = !broken; broken {
				return 0, world.ErrOutage
			}
			return time.Second, nil
		},
		Health: w.Health,
	})
	w.Create(world.Flow("welcome", "signup", world.Pause("rest", "10 seconds"), world.Email("hello")))

	h, from = grafana.NewHistory(), w.Clock.Now()
	for range 20 {
		w.Send(world.Signups(3)...)
		w.Store.WorkDown.Store(true)
		_, err := w.Runner.Drain(w.Ctx)
		require.ErrorIs(t, err, world.ErrOutage)
		w.Store.WorkDown.Store(false)
		w.Drain()
		w.Pass(every)
		require.NoError(t, h.Scrape(t.Context(), server.URL, "one", w.Clock.Now()))
	}
	return h, from, w.Clock.Now()
}

// Every query of the dashboard is valid, and has an answer, with metrics of the collector and
// with those of OpenTelemetry's exporter.
func TestDashboard_ShowsWhatARunnerDoes(t *testing.T) {
	t.Parallel()
	dashboard, err := grafana.Load()
	require.NoError(t, err)
	for name, start := range backends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, from, to := play(t, start)
			for _, p := range dashboard.Panels {
				for _, target := range p.Targets {
					matrix, err := h.Query(t.Context(), target.Query(), from, to, every)
					require.NoError(t, err, "%s: %s", p.Title, target.Expr)
					require.True(t, slices.ContainsFunc(matrix, grafana.HasValue), "%s: %s has no answer", p.Title, target.Expr)
					for _, series := range matrix {
						assert.NotContains(t, target.Legend(series.Metric), "{{", p.Title)
					}
				}
			}
		})
	}
}

// Queries use only metrics and labels that exist: Prometheus answers others with nothing.
func TestDashboard_UsesMetricsAndLabelsThatExist(t *testing.T) {
	t.Parallel()
	dashboard, err := grafana.Load()
	require.NoError(t, err)
	labels := map[string][]string{}
	for _, m := range observe.All() {
		known := append(slices.Clone(m.Labels), "__name__", "job", "instance")
		if m.Kind != observe.Histogram {
			labels[m.PrometheusName()] = known
			continue
		}
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			labels[m.PrometheusName()+suffix] = append(slices.Clone(known), "le")
		}
	}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			expr, err := parser.ParseExpr(target.Query())
			require.NoError(t, err, target.Expr)
			used := usedIn(expr)
			for metric := range used.metrics {
				require.Contains(t, labels, metric, "%s: %s", p.Title, target.Expr)
				assert.Subset(t, labels[metric], used.labels, "%s: %s", p.Title, target.Expr)
			}
		}
	}
}

type usage struct {
	metrics map[string]bool
	labels  []string
}

// usedIn returns the metrics of an expression, and the labels by which it selects or groups.
func usedIn(expr parser.Expr) usage {
	u := usage{metrics: map[string]bool{}}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			u.metrics[n.Name] = true
			for _, m := range n.LabelMatchers {
				u.labels = append(u.labels, m.Name)
			}
		case *parser.AggregateExpr:
			u.labels = append(u.labels, n.Grouping...)
		}
		return nil
	})
	return u
}

// Both backends have the same metrics, and the dashboard shows each of them.
func TestBackends_HaveTheSameMetrics(t *testing.T) {
	t.Parallel()
	var want []string
	for _, m := range observe.All() {
		want = append(want, m.PrometheusName())
	}
	slices.Sort(want)
	dashboard, err := grafana.Load()
	require.NoError(t, err)
	var shown strings.Builder
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			shown.WriteString(target.Expr)
		}
	}
	for _, name := range want {
		assert.Contains(t, shown.String(), name)
	}
	for name, start := range backends {
		h, _, _ := play(t, start)
		var got []string
		for _, metric := range h.Names() {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				metric = strings.TrimSuffix(metric, suffix)
			}
			if strings.HasPrefix(metric, "automation_") {
				got = append(got, metric)
			}
		}
		assert.Equal(t, want, slices.Compact(got), name)
	}
}
