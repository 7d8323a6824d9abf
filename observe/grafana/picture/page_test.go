package main

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/observe/grafana"
	promobserve "github.com/seed-b636437c/automation/observe/prometheus"
)

func TestPage_HasEveryPanel(t *testing.T) {
	t.Parallel()
	metrics, err := promobserve.New(promobserve.Options{})
	require.NoError(t, err)
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics)
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer server.Close()

	dashboard, err := grafana.Load()
	require.NoError(t, err)
	h, from := grafana.NewHistory(), time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	to := from.Add(10 * time.Minute)
	for at := from; at.Before(to); at = at.Add(15 * time.Second) {
		metrics.Observe(&automation.EventAccepted{})
		require.NoError(t, h.Scrape(t.Context(), server.URL, "one", at))
	}
	html, err := page{dashboard: dashboard, history: h, from: from, to: to, step: 15 * time.Second, note: "A <note>"}.html(t.Context())
	require.NoError(t, err)
	for _, p := range dashboard.Panels {
		assert.Contains(t, html, ">"+p.Title+"<")
	}
	assert.Contains(t, html, "A &lt;note&gt;")
	assert.Contains(t, html, "No data")
	assert.NotRegexp(t, `NaN|Inf|%!`, html)
}

func TestTick_MakesAFewLines(t *testing.T) {
	t.Parallel()
	for largest, want := range map[float64]float64{1: .5, 3: 1, 4: 1, 4.1: 2, 17: 5, 0.03: .01} {
		assert.InDelta(t, want, tick(largest), 1e-9, largest)
	}
}

func TestNumber_HasAUnit(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"12.5 ms", "0 s", "90 s", "2.5/s", "1200"}, []string{
		number(.0125, "s"), number(0, "s"), number(90, "s"), number(2.5, "ops"), number(1200, "short"),
	})
}
