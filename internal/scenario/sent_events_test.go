package scenario_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// emit returns a step that sends an event with the same payload as the one that started the run.
func emit(key, event string) automation.Step {
	return automation.Step{Key: key, Config: automation.SendEvent{EventName: event, Payload: map[string]automation.Value{
		"plan": automation.Var("event.plan"), "by": automation.String(key),
	}}}
}

// sentBy returns the event that a step of a run has sent.
func sentBy(t *testing.T, w *world.World, run automation.Run, key string) automation.EventRecord {
	t.Helper()
	var out struct {
		EventID string `json:"event_id"`
	}
	require.NoError(t, json.Unmarshal(world.Step(t, run, key).Output, &out))
	e, err := w.GetEvent(t.Context(), out.EventID)
	require.NoError(t, err)
	return e
}

func runOf(t *testing.T, w *world.World, automationID string) automation.Run {
	t.Helper()
	runs, err := w.ListRuns(t.Context(), automation.RunQuery{AutomationID: automationID})
	require.NoError(t, err)
	require.Len(t, runs.Data, 1)
	run, err := w.GetRun(t.Context(), runs.Data[0].ID)
	require.NoError(t, err)
	return run
}

func TestSendEvent_StartsOtherAutomations(t *testing.T) {
	t.Parallel()
	journal := &world.Journal{}
	w := world.New(t, automation.Options{Observer: journal})
	first := w.Create(world.Flow("first", "signup", emit("tell", "told"), world.Email("thanks")))
	w.Create(world.Flow("second", "told", world.Email("news"), emit("more", "told more")))
	w.Create(world.Flow("third", "told more", world.Email("end")))
	w.Send(world.ForAda("signup", map[string]any{"plan": "pro"}))
	w.Drain()
	assert.ElementsMatch(t, []string{"thanks", "news", "end"}, w.Sent())

	run := runOf(t, w, "first")
	e := sentBy(t, w, run, "tell")
	assert.Equal(t, "told", e.Name)
	assert.Equal(t, w.Contact("ada@example.com").ID, e.ContactID)
	assert.JSONEq(t, `{"by":"tell","plan":"pro"}`, string(e.Payload))
	assert.Equal(t, &automation.Cause{RunID: run.ID, Automations: []string{first.ID}}, e.Cause)
	assert.Equal(t, []string{runOf(t, w, "second").ID}, e.Started)
	more := sentBy(t, w, runOf(t, w, "second"), "more")
	assert.Equal(t, []string{"first", "second"}, more.Cause.Automations)
	assert.Contains(t, journal.Take(), "accepted told")
}

func TestSendEvent_PayloadLeavesOutWhatHasNoValue(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		payload map[string]automation.Value
		want    string
	}{
		"no payload":   {nil, ""},
		"an empty one": {map[string]automation.Value{}, `{}`},
		"all kinds": {map[string]automation.Value{
			"a": automation.Var("event.items"), "b": automation.Var("event.absent"), "c": automation.Null(), "d": automation.Var("event.big"),
			"e": automation.Var("contact.email"),
		}, `{"a":[1,{"x":2.50}],"c":null,"d":12345678901234567890,"e":"ada@example.com"}`},
		"nothing but what has no value": {map[string]automation.Value{"b": automation.Var("event.absent")}, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			w.Create(world.Flow("", "signup", automation.Step{Key: "tell", Config: automation.SendEvent{EventName: "told", Payload: tt.payload}}))
			w.Send(automation.Event{Name: "signup", Email: "ada@example.com", Payload: []byte(`{"items":[1,{"x":2.50}],"big":12345678901234567890}`)})
			w.Drain()
			assert.Equal(t, tt.want, string(sentBy(t, w, w.Run(), "tell").Payload))
		})
	}
}

func TestSendEvent_ChecksItsSchema(t *testing.T) {
	t.Parallel()
	define := func(w *world.World, schema string) {
		_, err := w.CreateEventDefinition(w.Ctx, automation.EventDefinition{Name: "told", Schema: []byte(schema)})
		require.NoError(w.T, err)
	}
	t.Run("a mismatch fails the step", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		define(w, `{"plan":"number"}`)
		w.Create(world.Flow("", "signup", emit("tell", "told"), world.Email("never")))
		w.Send(world.ForAda("signup", map[string]any{"plan": "pro"}))
		w.Drain()
		run := w.Run()
		require.Equal(t, automation.RunFailed, run.Status)
		assert.Equal(t, automation.FailedSchema, run.Error.Code)
		assert.Contains(t, run.Error.Message, `"told"`)
		assert.Contains(t, run.Error.Message, "payload.plan")
		assert.Empty(t, w.Mailer.Emails())

		// The step sends the event once the definition admits it.
		_, err := w.UpdateEventDefinition(t.Context(), "told", []byte(`{"plan":"string"}`))
		require.NoError(t, err)
		w.Clock.Add(time.Minute)
		_, err = w.RetryRun(t.Context(), run.ID)
		require.NoError(t, err)
		w.Drain()
		assert.Equal(t, automation.RunCompleted, w.Run().Status)
		assert.Equal(t, "told", sentBy(t, w, w.Run(), "tell").Name)
	})
	t.Run("values become those of the schema", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		define(w, `{"plan":"number"}`)
		w.Create(world.Flow("", "signup", emit("tell", "told")))
		w.Send(world.ForAda("signup", map[string]any{"plan": "42"}))
		w.Drain()
		assert.JSONEq(t, `{"by":"tell","plan":42}`, string(sentBy(t, w, w.Run(), "tell").Payload))
	})
	t.Run("a payload over the limit fails the step", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{Limits: automation.Limits{PayloadBytes: 30}})
		w.Create(world.Flow("", "signup", emit("tell", "told")))
		w.Send(world.ForAda("signup", map[string]any{"plan": "0123456789"}))
		w.Drain()
		assert.Equal(t, automation.FailedPermanently, w.Run().Error.Code)
	})
}

func TestSendEvent_NoAutomationStartsItself(t *testing.T) {
	t.Parallel()
	t.Run("by itself", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("loop", "signup", world.Pause("pause", "1 minute"), emit("again", "signup")))
		w.Create(world.Flow("other", "signup"))
		w.Send(world.ForAda("signup", nil))
		w.Drain()
		w.Pass(time.Hour)
		assert.Len(t, w.Runs(), 3, "the other automation starts twice")
		e := sentBy(t, w, runOf(t, w, "loop"), "again")
		assert.Len(t, e.Started, 1)
	})
	t.Run("by way of another", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("a", "ping", emit("tell", "pong")))
		w.Create(world.Flow("b", "pong", emit("tell", "ping")))
		w.Send(world.ForAda("ping", nil))
		w.Drain()
		assert.Len(t, w.Runs(), 2)
		e := sentBy(t, w, runOf(t, w, "b"), "tell")
		assert.Empty(t, e.Started)
		assert.Equal(t, []string{"a", "b"}, e.Cause.Automations)
	})
}

func TestSendEvent_ChainEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limit, runs int
	}{
		"after ten by default": {0, 11},
		"as early as is said":  {3, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{Limits: automation.Limits{Chain: tt.limit}})
			for i := range 13 {
				w.Create(world.Flow(fmt.Sprintf("a%02d", i), fmt.Sprintf("e%02d", i), emit("tell", fmt.Sprintf("e%02d", i+1))))
			}
			// A wait for an event of a chain that is too long is not resumed either.
			w.Create(world.Flow("waits", "begin", world.Wait("wait", fmt.Sprintf("e%02d", tt.runs))))
			w.Create(world.Flow("resumed", "begin", world.Wait("wait", fmt.Sprintf("e%02d", tt.runs-1))))
			w.Send(world.ForAda("begin", nil))
			w.Drain()
			w.Clock.Add(time.Second)
			w.Send(world.ForAda("e00", nil))
			w.Drain()
			assert.Len(t, w.Runs(), tt.runs+2)
			last := sentBy(t, w, runOf(t, w, fmt.Sprintf("a%02d", tt.runs-1)), "tell")
			assert.Len(t, last.Cause.Automations, tt.runs)
			assert.Empty(t, last.Started)
			assert.Equal(t, automation.RunRunning, runOf(t, w, "waits").Status)
			assert.Equal(t, automation.RunCompleted, runOf(t, w, "resumed").Status)
		})
	}
}

func TestSendEvent_RefusalIsRecorded(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	var decided []automation.Decision
	w.Store.BeforeCommit = func(ts []automation.Transition) error {
		for _, tr := range ts {
			decided = append(decided, tr.Decisions...)
		}
		return nil
	}
	w.Create(world.Flow("a", "ping", emit("tell", "ping")))
	w.Create(world.Flow("b", "ping"))
	w.Send(world.ForAda("ping", nil))
	w.Drain()
	e := sentBy(t, w, runOf(t, w, "a"), "tell")
	assert.Equal(t, []automation.Decision{{EventID: e.ID, AutomationID: "a", Code: automation.DecisionChain, At: world.Start}}, decided)
}

func TestSendEvent_NeverTouchesTheRunThatSentIt(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]automation.Step{
		"a wait":               world.WaitUpTo("wait", "told", "1 hour"),
		"a wait with lookback": world.LookBack("wait", "told", "1 hour"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			w.Create(world.Flow("sends", "signup", emit("tell", "told"), wait))
			w.Create(world.Flow("waits", "signup", wait))
			w.Send(world.ForAda("signup", nil))
			w.Drain()
			sends, waits := runOf(t, w, "sends"), runOf(t, w, "waits")
			assert.Equal(t, automation.RunRunning, sends.Status)
			assert.Equal(t, automation.ConnectionEventReceived, world.Step(t, waits, "wait").Branch)

			w.Clock.Add(time.Second)
			w.Send(world.ForAda("told", nil))
			w.Drain()
			assert.Equal(t, automation.ConnectionEventReceived, world.Step(t, runOf(t, w, "sends"), "wait").Branch)
		})
	}
}

func TestSendEvent_KeepsTheOrder(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("sends", "signup", emit("one", "told"), emit("two", "told"), emit("three", "told")))
	w.Create(world.Flow("gets", "told", world.Email("news")))
	w.Send(world.ForAda("signup", nil))
	w.Drain()
	run := runOf(t, w, "sends")
	var ids []string
	var at []time.Time
	for _, key := range []string{"one", "two", "three"} {
		e := sentBy(t, w, run, key)
		ids, at = append(ids, e.ID), append(at, e.AcceptedAt)
	}
	assert.IsIncreasing(t, ids)
	assert.Equal(t, []time.Time{world.Start, world.Start, world.Start}, at)
	listed, err := w.ListEvents(t.Context(), automation.EventQuery{Contact: automation.ContactRef{Email: "ada@example.com"}, Name: "told"})
	require.NoError(t, err)
	require.Len(t, listed.Data, 3)
	for i, e := range listed.Data {
		assert.Equal(t, ids[2-i], e.ID)
		assert.Len(t, e.Started, 1)
	}
}

func TestSendEvent_IsSentOnce(t *testing.T) {
	t.Parallel()
	told := func(w *world.World) []automation.EventRecord {
		page, err := w.ListEvents(w.Ctx, automation.EventQuery{Contact: automation.ContactRef{Email: "ada@example.com"}, Name: "told"})
		require.NoError(w.T, err)
		return page.Data
	}
	for name, tt := range map[string]struct {
		users *world.Users
		steps []automation.Step
	}{
		"first":                    {nil, []automation.Step{emit("tell", "told"), world.Email("end")}},
		"behind an email":          {nil, []automation.Step{world.Email("before"), emit("tell", "told"), world.Email("end")}},
		"with the host's contacts": {world.NewUsers(automation.Contact{ID: "ada", Email: "ada@example.com"}), []automation.Step{world.Email("before"), emit("tell", "told"), world.Email("end")}},
	} {
		setUp := func(t *testing.T) *world.World {
			w := world.New(t, automation.Options{})
			if tt.users != nil {
				w = world.NewWithUsers(t, world.NewUsers(automation.Contact{ID: "ada", Email: "ada@example.com"}), automation.Options{})
			}
			w.Create(world.Flow("sends", "signup", tt.steps...))
			w.Create(world.Flow("gets", "told", world.Email("news")))
			w.Send(world.ForAda("signup", nil))
			return w
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setUp(t)
			w.Drain()
			require.Len(t, told(w), 1)
			assert.Len(t, told(w)[0].Started, 1)
			assert.Equal(t, automation.RunCompleted, runOf(t, w, "sends").Status)
		})
		t.Run(name+", with every commit written twice", func(t *testing.T) {
			t.Parallel()
			w := setUp(t)
			w.Store.OnCommit = func(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
				twice := make([]automation.Transition, len(ts))
				for i := range ts { // the lease must outlast the first
					twice[i] = ts[i]
					twice[i].Release, twice[i].Extend = false, ts[i].Now.Add(time.Minute)
				}
				if _, err := next.Commit(ctx, twice); err != nil {
					return nil, err
				}
				return next.Commit(ctx, ts)
			}
			w.Drain()
			require.Len(t, told(w), 1)
			assert.Len(t, told(w)[0].Started, 1)
			assert.Len(t, w.Sent(), len(tt.steps), "each email once")
		})
		// The process dies before or after each of its commits.
		for _, after := range []bool{false, true} {
			for n := range 6 {
				t.Run(fmt.Sprintf("%s, killed at commit %d, after it %t", name, n, after), func(t *testing.T) {
					t.Parallel()
					w := setUp(t)
					commits := 0
					die := func([]automation.Transition) error {
						if commits++; commits > n {
							return errKilled
						}
						return nil
					}
					if after {
						w.Store.AfterCommit = die
					} else {
						w.Store.BeforeCommit = die
					}
					_, _ = w.Runner.Drain(t.Context())
					w.Store.AfterCommit, w.Store.BeforeCommit = nil, nil
					w.Pass(2 * time.Minute)
					w.Pass(2 * time.Minute)
					require.Len(t, told(w), 1)
					assert.Len(t, told(w)[0].Started, 1)
					assert.Equal(t, automation.RunCompleted, runOf(t, w, "sends").Status)
				})
			}
		}
	}
}

func TestSendEvent_ComesAfterTheEventsBefore(t *testing.T) {
	t.Parallel()
	// The clock of the node is behind that of the sender.
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("sends", "signup", emit("tell", "told")))
	w.Clock.Add(time.Hour)
	w.Send(world.ForAda("signup", nil))
	works, err := w.Store.Claim(t.Context(), automation.ClaimParams{Now: w.Clock.Now(), Lease: time.Minute, Limit: 1, Events: 10, Runs: 10})
	require.NoError(t, err)
	require.Len(t, works, 1)
	if works[0].Key.ID == "" { // the event creates its contact first
		turn, err := w.Plan(t.Context(), automation.TurnInput{Work: works[0], ReadAt: w.Clock.Now()})
		require.NoError(t, err)
		turn.Release = true
		results, err := w.Store.Commit(t.Context(), []automation.Transition{turn.Transition})
		require.NoError(t, err)
		require.NoError(t, results[0].Err)
		works, err = w.Store.Claim(t.Context(), automation.ClaimParams{Now: w.Clock.Now(), Lease: time.Minute, Limit: 1, Events: 10, Runs: 10})
		require.NoError(t, err)
	}
	turn, err := w.Plan(t.Context(), automation.TurnInput{Work: works[0], Now: world.Start, ReadAt: world.Start})
	require.NoError(t, err)
	require.Len(t, turn.Events, 1)
	assert.Equal(t, works[0].Events[0].AcceptedAt, turn.Events[0].Event.AcceptedAt)
}
