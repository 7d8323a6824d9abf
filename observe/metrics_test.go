package observe_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/observe"
)

func TestMetrics_CountEventsRunsAndSteps(t *testing.T) {
	t.Parallel()
	w, _, j := measured(t, observe.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello"), world.WaitUpTo("confirmed", "confirm", "30 days"), world.Email("bye")))
	w.Send(world.Signup("ada@example.com"))
	w.Clock.Add(2 * time.Second)
	w.Drain()
	w.Clock.Add(time.Hour)
	w.Send(automation.Event{Name: "confirm", Email: "ada@example.com"}, automation.Event{Name: "ignored", Email: "ada@example.com"})
	w.Drain()

	assert.Equal(t, []string{
		"events.accepted: 3",
		"events.handled none: 1", "events.handled resumed: 1", "events.handled started: 1",
		"runs.ended welcome completed: 1", "runs.started welcome: 1",
		"steps.ended welcome send_email completed: 2", "steps.ended welcome trigger completed: 1",
		"steps.ended welcome wait_for_event completed: 1",
	}, j.lines("events", "runs", "step"))
	assert.Equal(t, []float64{2, 0, 0}, j.of("event.handling.duration"))
	assert.Equal(t, []float64{3600}, j.of("step.duration wait_for_event"))
	assert.Len(t, j.of("email.attempt.duration sent"), 2)
	assert.Equal(t, []float64{1, 2}, j.of("store.batch.size AppendEvents"))
	assert.NotEmpty(t, j.of("store.batch.size Claim"))
	assert.NotEmpty(t, j.of("store.batch.size Commit"))
	assert.NotEmpty(t, j.of("store.call.duration Commit ok"))
}

func TestMetrics_CountFailuresByCode(t *testing.T) {
	t.Parallel()
	w, _, j := measured(t, observe.Options{})
	answers := []error{world.ErrOutage, &automation.RateLimitError{After: time.Second}, automation.Permanent(world.ErrOutage)}
	w.Mailer.Respond = func(context.Context, automation.Email) error {
		err := answers[0]
		answers = answers[1:]
		return err
	}
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	w.Pass(time.Minute)
	w.Pass(time.Minute)

	assert.Equal(t, []string{
		"runs.ended welcome failed: 1", "runs.started welcome: 1",
		"step.failures welcome send_email effect_failed retried: 1",
		"step.failures welcome send_email permanent_error failed: 1",
		"step.failures welcome send_email rate_limited retried: 1",
		"steps.ended welcome send_email failed: 1", "steps.ended welcome trigger completed: 1",
	}, j.lines("runs", "step"))
	for _, result := range []string{"failed", "rate_limited", "permanent"} {
		assert.Len(t, j.of("email.attempt.duration "+result), 1, result)
	}

	_, err := w.RetryRun(w.Ctx, w.Run().ID)
	require.NoError(t, err)
	answers = []error{nil}
	w.Drain()
	assert.Equal(t, []string{
		"step.failures welcome send_email effect_failed retried: 1",
		"step.failures welcome send_email permanent_error failed: 1",
		"step.failures welcome send_email rate_limited retried: 1",
	}, j.lines("step.failures"), "a retry is no failure")
	assert.Equal(t, []string{"runs.ended welcome completed: 1", "runs.ended welcome failed: 1"}, j.lines("runs.ended"))
}

// An application that makes automations without end must not make metrics without end.
func TestMetrics_BoundTheNumberOfLabels(t *testing.T) {
	t.Parallel()
	w, _, j := measured(t, observe.Options{Automations: 2})
	for _, id := range []string{"a", "b", "c", "d"} {
		w.Create(world.Flow(id, id))
		w.Send(automation.Event{Name: id, Email: "ada@example.com"})
		w.Drain()
	}
	assert.Equal(t, []string{"runs.started a: 1", "runs.started b: 1", "runs.started other: 2"}, j.lines("runs.started"))
}

func TestMetrics_HaveNoPersonalData(t *testing.T) {
	t.Parallel()
	w, _, j := measured(t, observe.Options{})
	w.Create(world.Flow("welcome", "signup", world.SetFirstName("Ada"), world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	contact := w.Contact("ada@example.com")
	for _, key := range j.keys() {
		for _, secret := range []string{"ada", "Ada", contact.ID, w.Run().ID, "signup"} {
			assert.NotContains(t, key, secret)
		}
	}
}

func TestAll_DescribesEachMetricOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, m := range observe.All() {
		name := m.PrometheusName()
		assert.False(t, seen[name], name)
		seen[name] = true
		assert.Regexp(t, `^automation_[a-z_]+$`, name)
		assert.NotEmpty(t, m.Help, name)
		assert.True(t, m.Unit == "s" || strings.HasPrefix(m.Unit, "{"), name)
		assert.Equal(t, m.Kind == observe.Histogram, len(m.Buckets) > 0, name)
		assert.IsIncreasing(t, append([]float64{-1}, m.Buckets...), name)
	}
}

func TestNew_RefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	_, err := observe.New(nil, observe.Options{Automations: -1})
	assert.Equal(t, []string{"recorder", "Automations"}, world.Paths(world.Problems(t, err)))
}

func TestTee_PassesEachNoticeToAll(t *testing.T) {
	t.Parallel()
	var seen []string
	note := func(name string) automation.Observer {
		return world.Observe(func(automation.Notice) { seen = append(seen, name) })
	}
	observe.Tee(note("a"), nil, note("b")).Observe(&automation.RunStarted{})
	assert.Equal(t, []string{"a", "b"}, seen)
}
