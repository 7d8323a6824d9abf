package promobserve_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/observe"
	promobserve "github.com/seed-b636437c/automation/observe/prometheus"
)

// collected returns a World whose Runner has a collector in a registry of its own.
func collected(t *testing.T, opts promobserve.Options) (*world.World, *promobserve.Collector, *prometheus.Registry) {
	t.Helper()
	c, err := promobserve.New(opts)
	require.NoError(t, err)
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(c))
	w := world.New(t, automation.Options{Observer: c})
	w.Runner, err = automation.New(c.Store(w.Store), c.Mailer(w.Mailer), w.Opts)
	require.NoError(t, err)
	return w, c, registry
}

// play lets one email arrive after one that fails.
func play(w *world.World) {
	fails := 1
	w.Mailer.Respond = func(context.Context, automation.Email) error {
		if fails--; fails >= 0 {
			return world.ErrOutage
		}
		return nil
	}
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Clock.Add(3 * time.Second)
	w.Drain()
	w.Pass(2 * time.Second)
}

func TestCollector_CountsWhatARunnerDoes(t *testing.T) {
	t.Parallel()
	w, c, registry := collected(t, promobserve.Options{})
	c.Read(observe.Sources{Lag: func(context.Context) (time.Duration, error) { return 90 * time.Second, nil }})
	play(w)
	want := `
# HELP automation_event_handling_duration_seconds Time from the acceptance of an event until it is handled.
# TYPE automation_event_handling_duration_seconds histogram
automation_event_handling_duration_seconds_bucket{le="0.0005"} 0
automation_event_handling_duration_seconds_bucket{le="0.001"} 0
automation_event_handling_duration_seconds_bucket{le="0.0025"} 0
automation_event_handling_duration_seconds_bucket{le="0.005"} 0
automation_event_handling_duration_seconds_bucket{le="0.01"} 0
automation_event_handling_duration_seconds_bucket{le="0.025"} 0
automation_event_handling_duration_seconds_bucket{le="0.05"} 0
automation_event_handling_duration_seconds_bucket{le="0.1"} 0
automation_event_handling_duration_seconds_bucket{le="0.25"} 0
automation_event_handling_duration_seconds_bucket{le="0.5"} 0
automation_event_handling_duration_seconds_bucket{le="1"} 0
automation_event_handling_duration_seconds_bucket{le="2.5"} 0
automation_event_handling_duration_seconds_bucket{le="5"} 1
automation_event_handling_duration_seconds_bucket{le="10"} 1
automation_event_handling_duration_seconds_bucket{le="30"} 1
automation_event_handling_duration_seconds_bucket{le="60"} 1
automation_event_handling_duration_seconds_bucket{le="300"} 1
automation_event_handling_duration_seconds_bucket{le="+Inf"} 1
automation_event_handling_duration_seconds_sum 3
automation_event_handling_duration_seconds_count 1
# HELP automation_events_accepted_total Events that Runner.Send accepted.
# TYPE automation_events_accepted_total counter
automation_events_accepted_total 1
# HELP automation_lag_seconds How long the oldest work in the store is due that no process works on. The same in every process.
# TYPE automation_lag_seconds gauge
automation_lag_seconds 90
# HELP automation_runs_ended_total Runs that are completed, failed or cancelled. A run that is retried ends again.
# TYPE automation_runs_ended_total counter
automation_runs_ended_total{automation="welcome",status="completed"} 1
# HELP automation_step_failures_total Failures by code. The outcome is retried for an attempt that is tried again, and failed for the failure that ended its step.
# TYPE automation_step_failures_total counter
automation_step_failures_total{automation="welcome",code="effect_failed",outcome="retried",type="send_email"} 1
# HELP automation_steps_ended_total Steps that are completed, failed, skipped or cancelled.
# TYPE automation_steps_ended_total counter
automation_steps_ended_total{automation="welcome",status="completed",type="send_email"} 1
automation_steps_ended_total{automation="welcome",status="completed",type="trigger"} 1
`
	assert.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(want),
		"automation_event_handling_duration_seconds", "automation_events_accepted_total", "automation_lag_seconds",
		"automation_runs_ended_total", "automation_step_failures_total", "automation_steps_ended_total"))
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	assert.Empty(t, problems)
}

// scrape returns the page that Prometheus reads.
func scrape(t *testing.T, registry *prometheus.Registry) string {
	t.Helper()
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer server.Close()
	response, err := http.Get(server.URL)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, string(body))
	return string(body)
}

func TestCollector_IsScrapedOverHTTP(t *testing.T) {
	t.Parallel()
	w, _, registry := collected(t, promobserve.Options{})
	play(w)
	page := scrape(t, registry)
	for _, line := range []string{
		`automation_runs_started_total{automation="welcome"} 1`,
		`automation_email_attempt_duration_seconds_count{result="failed"} 1`,
		`automation_email_attempt_duration_seconds_count{result="sent"} 1`,
		`automation_store_call_duration_seconds_count{method="AppendEvents",result="ok"} 1`,
		`automation_store_batch_size_sum{method="AppendEvents"} 1`,
		`automation_leases_held 0`,
	} {
		assert.Contains(t, page, line+"\n")
	}
	for _, secret := range []string{"ada", w.Run().ID, w.Contact("ada@example.com").ID} {
		assert.NotContains(t, page, secret)
	}
}

func TestCollector_WorksWhileRunnersRun(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		c, err := promobserve.New(promobserve.Options{})
		require.NoError(t, err)
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(c)
		w := world.InBubble(t, automation.Options{Observer: c})
		for range 2 {
			runner, err := automation.New(c.Store(w.Memory), c.Mailer(w.Mailer), w.Opts)
			require.NoError(t, err)
			w.Serve(runner)
		}
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		for _, e := range world.Signups(50) {
			w.Send(e)
			_, err := registry.Gather()
			require.NoError(t, err)
		}
		synctest.Wait()
		assert.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP automation_leases_held Leases that this process holds.
# TYPE automation_leases_held gauge
automation_leases_held 0
# HELP automation_runs_ended_total Runs that are completed, failed or cancelled. A run that is retried ends again.
# TYPE automation_runs_ended_total counter
automation_runs_ended_total{automation="welcome",status="completed"} 50
`), "automation_leases_held", "automation_runs_ended_total"))
	})
}

// A store that is down must not hide the metrics that show it.
func TestCollector_SurvivesASourceThatFails(t *testing.T) {
	t.Parallel()
	_, c, registry := collected(t, promobserve.Options{})
	c.Read(observe.Sources{Lag: func(context.Context) (time.Duration, error) { return 0, world.ErrOutage }})
	page := scrape(t, registry)
	assert.NotContains(t, page, "automation_lag_seconds")
	assert.Contains(t, page, `automation_gauge_failures_total{source="lag"} 1`)
	assert.Contains(t, page, "automation_events_accepted_total 0\n")
}

func TestCollector_SurvivesALabelThatIsNotUTF8(t *testing.T) {
	t.Parallel()
	_, c, registry := collected(t, promobserve.Options{})
	c.Observe(&automation.RunStarted{Run: automation.Run{AutomationID: "a\xff"}})
	assert.Contains(t, scrape(t, registry), "automation_runs_started_total{automation=\"a\ufffd\"} 1\n")
}

func TestCollector_SharesARegistryWithAnother(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	for _, name := range []string{"one", "two"} {
		c, err := promobserve.New(promobserve.Options{ConstLabels: prometheus.Labels{"runner": name}})
		require.NoError(t, err)
		require.NoError(t, registry.Register(c))
		c.Observe(&automation.EventAccepted{})
	}
	page := scrape(t, registry)
	assert.Contains(t, page, `automation_events_accepted_total{runner="one"} 1`)
	assert.Contains(t, page, `automation_events_accepted_total{runner="two"} 1`)
}

func TestNew_RefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	for path, opts := range map[string]promobserve.Options{
		"Automations": {Options: observe.Options{Automations: -1}},
		"ConstLabels": {ConstLabels: prometheus.Labels{"automation": "x"}},
	} {
		_, err := promobserve.New(opts)
		assert.Equal(t, []string{path}, world.Paths(world.Problems(t, err)))
	}
}
