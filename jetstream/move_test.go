package jetstream_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
)

// point is a run that was brought to some point on one side, and what becomes of it on the other.
type point struct {
	flow   automation.Automation
	status automation.RunStatus
	emails []string // templates that are sent to the contact, each once
	runs   int      // of the flow, with those of other contacts
}

func (p point) contact() string { return p.flow.ID + "@example.com" }

// points are flows whose runs are at all kinds of points after they were begun.
func points() []point {
	ends := func(id string, status automation.RunStatus, emails []string, steps ...automation.Step) point {
		return point{line(id, id, steps...), status, emails, 1}
	}
	waits := func(key, event string, rule automation.Rule, lookback bool) automation.Step {
		return automation.Step{Key: key, Config: automation.WaitForEvent{EventName: event, FilterRule: rule, Lookback: lookback}}
	}
	rule := func(text string) (r automation.Rule) {
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			panic(err)
		}
		return r
	}
	return []point{
		ends("delay", automation.RunCompleted, []string{"delay-1", "delay-2"}, email("delay-1"), pause("rest", 3*time.Second), email("delay-2")),
		ends("wait", automation.RunCompleted, []string{"wait-1"}, waits("wait", "paid", automation.Rule{}, false), email("wait-1")),
		ends("filter", automation.RunCompleted, []string{"filter-1"}, waits("wait", "paid", rule(`{"type":"rule","field":"event.plan","operator":"eq","value":"pro"}`), false), email("filter-1")),
		ends("timeout", automation.RunFailed, nil, automation.Step{Key: "wait", Config: automation.WaitForEvent{EventName: "never", Timeout: automation.DurationOf(3 * time.Second)}}, email("timeout-1")),
		ends("condition", automation.RunCompleted, []string{"condition-1"}, pause("rest", 3*time.Second), automation.Step{Key: "rule", Config: automation.Condition{Rule: rule(`{"type":"rule","field":"event.plan","operator":"eq","value":"free"}`)}}, email("condition-1")),
		ends("retry", automation.RunCompleted, []string{"retry-1"}, email("retry-1")),
		ends("cancel", automation.RunCancelled, nil, pause("rest", time.Hour), email("cancel-1")),
		ends("large", automation.RunCompleted, []string{"large-1"}, automation.Step{Key: "bulky", Config: bulky{}}, waits("wait", "big", automation.Rule{}, true), pause("rest", 3*time.Second),
			automation.Step{Key: "large-1", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "large-1", Variables: map[string]automation.Value{"last": automation.Var("wait_events.big.last")}}}}),
		ends("lookback", automation.RunCompleted, []string{"lookback-1"}, pause("rest", 3*time.Second), waits("wait", "visited", automation.Rule{}, true), email("lookback-1")),
		ends("aside", automation.RunCompleted, []string{"aside-1"}, pause("rest", time.Second), automation.Step{Key: "bulky", Config: bulky{}}, email("aside-1")),
	}
}

func payload(text string) json.RawMessage { return json.RawMessage(text) }

// begin brings a run of each point to its point, with a Runner that works. It returns when they
// are there.
func (a *application) begin(r *automation.Runner, all []point) {
	a.t.Helper()
	ctx := a.t.Context()
	a.mailer.respond = func(_ context.Context, e automation.Email, call int) error {
		if e.TemplateID == "retry-1" && call == 1 {
			return errRefusedByServer
		}
		return nil
	}
	for _, p := range all {
		_, err := r.CreateAutomation(ctx, p.flow)
		require.NoError(a.t, err)
		_, err = r.CreateContact(ctx, automation.Contact{Email: p.contact()})
		require.NoError(a.t, err)
		_, err = r.Send(ctx, automation.Event{Name: p.flow.ID, Email: p.contact(), Payload: payload(`{"plan":"free"}`)})
		require.NoError(a.t, err)
	}
	big := payload(`{"text":"` + strings.Repeat("x", 10_000) + `","last":"end"}`)
	for _, e := range []automation.Event{{Name: "visited", Email: "lookback@example.com"}, {Name: "big", Email: "large@example.com", Payload: big}} {
		_, err := r.Send(ctx, e)
		require.NoError(a.t, err)
	}
	a.eventually(func() bool {
		page, err := r.ListRuns(ctx, automation.RunQuery{PageQuery: automation.PageQuery{Limit: 100}})
		require.NoError(a.t, err)
		a.mailer.mu.Lock()
		defer a.mailer.mu.Unlock()
		return len(page.Data) == len(all) && a.mailer.calls["delay-1"] == 1 && a.mailer.calls["retry-1"] >= 1
	}, "all runs have begun")
}

// end sends what the points wait for, and checks that each run has exactly one outcome.
func (a *application) end(r *automation.Runner, all []point) {
	a.t.Helper()
	for _, e := range []automation.Event{
		{Name: "paid", Email: "wait@example.com"},
		{Name: "paid", Email: "filter@example.com", Payload: payload(`{"plan":"free"}`)},
		{Name: "paid", Email: "filter@example.com", Payload: payload(`{"plan":"pro"}`)},
	} {
		_, err := r.Send(a.t.Context(), e)
		require.NoError(a.t, err)
	}
	for _, p := range all {
		a.ended(r, p.flow.ID, p.status, p.runs)
		for _, template := range p.emails {
			assert.Equal(a.t, 1, a.mailer.of(p.contact(), template), template)
		}
	}
	want := 0
	for _, p := range all {
		want += len(p.emails)
	}
	different, repeated := a.mailer.count()
	assert.Equal(a.t, want, different)
	assert.Zero(a.t, repeated)
}

// noticingLogger remembers messages.
type noticingLogger struct {
	mu    sync.Mutex
	lines strings.Builder
}

func (l *noticingLogger) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(p)
}

func (l *noticingLogger) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.lines.String(), text)
}

func without(r *automation.Options) { r.Registry = automation.NewRegistry() }

// A process on the database goes on while the others move to the engine, as in a rolling deploy.
func TestMove_ToTheEngineAndBack(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	all := points()
	log := &noticingLogger{}
	old := a.runner(a.database(), func(o *automation.Options) { o.Logger = slog.New(slog.NewTextHandler(log, nil)) })
	first := a.start(old.Run)
	a.begin(old, all)
	require.ErrorIs(t, first.stop(), context.Canceled)
	// One run is set aside by a process that lacks its step. Another one has a request.
	lacking := a.runner(a.database(), without)
	a.eventually(func() bool {
		_, err := lacking.Drain(t.Context())
		require.NoError(t, err)
		page, err := old.ListRuns(t.Context(), automation.RunQuery{AutomationID: "aside"})
		require.NoError(t, err)
		return page.Data[0].SetAside
	}, "a run is set aside")
	runs, err := old.ListRuns(t.Context(), automation.RunQuery{AutomationID: "cancel"})
	require.NoError(t, err)
	_, err = a.database().RecordRunRequest(t.Context(), runs.Data[0].ID, automation.RequestCancel, time.Now())
	require.NoError(t, err)
	_, err = old.Send(t.Context(), automation.Event{Name: "delay", Email: "stranger@example.com"})
	require.NoError(t, err) // an email that no contact has
	second := a.start(old.Run)
	store, runner := a.onEngine()
	worker := a.work(store, runner)
	require.NoError(t, store.Move(t.Context(), nil))
	a.ended(runner, "delay", automation.RunCompleted, 2)
	for _, template := range all[0].emails {
		assert.Equal(t, 1, a.mailer.of("stranger@example.com", template))
		a.mailer.forget("stranger@example.com", template)
	}
	all[0].runs = 2
	a.end(runner, all)
	_, err = old.CancelRun(t.Context(), runs.Data[0].ID)
	require.ErrorIs(t, err, automation.ErrCatalog)
	a.eventually(func() bool { return log.has("the store is the catalog of an engine") }, "the old process logs why it waits")
	assert.Empty(t, second.done, "the old process goes on")

	require.NoError(t, store.Leave(t.Context(), nil))
	require.ErrorIs(t, worker.wait(), jetstream.ErrLeft)
	_, err = runner.Send(t.Context(), automation.Event{Name: "delay", Email: "late@example.com"})
	require.NoError(t, err, "a process of the engine passes on what is sent")
	a.ended(old, "delay", automation.RunCompleted, 3)
	assert.Equal(t, 1, a.mailer.of("late@example.com", "delay-2"))
	_, err = jetstream.New(t.Context(), a.connect(), a.database(), a.opts)
	require.ErrorIs(t, err, jetstream.ErrLeft)
	require.ErrorIs(t, second.stop(), context.Canceled)
}

// Here the runs begin on the engine, and end on the database.
func TestMove_BackWithRunsInProgress(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	all := points()
	store, runner := a.onEngine()
	worker := a.work(store, runner)
	a.begin(runner, all)
	runs, err := runner.ListRuns(t.Context(), automation.RunQuery{AutomationID: "cancel"})
	require.NoError(t, err)
	require.NoError(t, store.Leave(t.Context(), nil))
	require.ErrorIs(t, worker.wait(), jetstream.ErrLeft)
	old := a.runner(a.database())
	_, err = old.CancelRun(t.Context(), runs.Data[0].ID)
	require.NoError(t, err)
	a.start(old.Run)
	a.end(old, all)

	require.NoError(t, jetstream.Forget(t.Context(), a.connect(), ""))
	again, _ := a.onEngine()
	require.NotNil(t, again, "an application can move again")
}

// An effect is in flight on the database while the engine takes over, and the other way round.
func TestMove_WaitsForEffectsInFlight(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	gate, reached := make(chan struct{}), make(chan string, 10)
	a.mailer.respond = func(ctx context.Context, e automation.Email, _ int) error {
		if !strings.HasPrefix(e.TemplateID, "slow") {
			return nil
		}
		reached <- e.TemplateID
		select {
		case <-gate:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	old := a.runner(a.database())
	working := a.start(old.Run)
	_, err := old.CreateAutomation(t.Context(), line("slow", "signup", email("slow-1"), email("fast-1")))
	require.NoError(t, err)
	_, err = old.CreateAutomation(t.Context(), line("slow back", "back", email("slow-2"), email("fast-2")))
	require.NoError(t, err)
	send := func(r *automation.Runner, name string) {
		_, err := r.Send(t.Context(), automation.Event{Name: name, Email: "ada@example.com"})
		require.NoError(t, err)
	}
	send(old, "signup")
	require.Equal(t, "slow-1", <-reached)
	store, runner := a.onEngine()
	worker := a.work(store, runner)
	send(runner, "ping")
	require.NoError(t, store.Move(t.Context(), nil))
	time.AfterFunc(2*time.Second, func() { close(gate) }) // longer than the lease that the effect began under
	a.ended(runner, "slow", automation.RunCompleted, 1)
	assert.Equal(t, 1, a.mailer.of("ada@example.com", "slow-1"))
	require.ErrorIs(t, working.stop(), context.Canceled)

	gate = make(chan struct{})
	send(runner, "back")
	require.Equal(t, "slow-2", <-reached)
	leaving := a.start(func(ctx context.Context) error { return store.Leave(ctx, nil) })
	a.eventually(func() bool {
		_, err := store.RecordRunRequest(t.Context(), "unknown", automation.RequestCancel, time.Now())
		return err != nil
	}, "the engine is asked")
	send(runner, "ping") // waits in the catalog
	close(gate)
	require.NoError(t, leaving.wait())
	require.ErrorIs(t, worker.wait(), jetstream.ErrLeft)
	a.start(old.Run)
	a.ended(old, "slow back", automation.RunCompleted, 1)
	a.eventually(func() bool {
		page, err := old.ListEvents(t.Context(), automation.EventQuery{Name: "ping", Contact: automation.ContactRef{Email: "ada@example.com"}})
		require.NoError(t, err)
		return len(page.Data) == 2 && page.Data[0].Status == automation.EventStatusHandled && page.Data[1].Status == automation.EventStatusHandled
	}, "events that came meanwhile are handled")
	for _, template := range []string{"slow-1", "fast-1", "slow-2", "fast-2"} {
		assert.Equal(t, 1, a.mailer.of("ada@example.com", template), template)
	}
}
