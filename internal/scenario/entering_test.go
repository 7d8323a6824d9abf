package scenario_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// entering is a flow whose runs sleep for a day, with these rules of entry.
func entering(e automation.Entry) automation.Automation {
	a := world.Flow("cart", "cart.left", world.Pause("pause", "1 day"), world.Email("reminder"))
	a.Entry = &e
	return a
}

func leftCart(id any) automation.Event {
	return world.ForAda("cart.left", map[string]any{"cart_id": id})
}

// decided returns the codes of the decisions about an event.
func decided(t *testing.T, w *world.World, event string) (codes []automation.DecisionCode) {
	decisions, err := w.ListDecisions(t.Context(), event)
	require.NoError(t, err)
	for _, d := range decisions {
		codes = append(codes, d.Code)
	}
	return codes
}

// statuses returns how many runs there are of each status.
func statuses(w *world.World) map[automation.RunStatus]int {
	counts := map[automation.RunStatus]int{}
	for _, r := range w.Runs() {
		counts[r.Status]++
	}
	return counts
}

func TestEntry_IgnoresAnEventWhileARunOfItsUnitIsRunning(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(entering(automation.Entry{Reentry: automation.Reentry{Key: "event.cart_id", WhileRunning: automation.ReentryIgnore}}))
	// All five come in one claim: a run that an earlier one starts counts.
	sent := w.Send(leftCart(5), leftCart(5.0), leftCart("5"), leftCart(nil), leftCart(6))
	w.Drain()
	assert.Equal(t, map[automation.RunStatus]int{automation.RunRunning: 3}, statuses(w))
	for i, want := range [][]automation.DecisionCode{
		nil, {automation.DecisionRunning}, nil, {automation.DecisionKeyMissing}, nil,
	} {
		assert.Equal(t, want, decided(t, w, sent[i].ID), "event %d", i)
		e, err := w.GetEvent(t.Context(), sent[i].ID)
		require.NoError(t, err)
		assert.Equal(t, want != nil, e.Reason == automation.ReasonRefused)
	}
	w.Pass(24 * time.Hour)
	w.Send(leftCart(5))
	w.Drain()
	assert.Equal(t, map[automation.RunStatus]int{automation.RunCompleted: 3, automation.RunRunning: 1}, statuses(w))
}

// A run of an older version, which had no rule, is of the unit too.
func TestEntry_RestartReplacesRunsOfAllVersions(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	created := w.Create(entering(automation.Entry{}))
	w.Send(leftCart(5), leftCart(6))
	w.Drain()
	_, err := w.UpdateAutomation(t.Context(), created.ID, automation.AutomationUpdate{
		Entry: &automation.Entry{Reentry: automation.Reentry{Key: "event.cart_id", WhileRunning: automation.ReentryRestart}},
	})
	require.NoError(t, err)
	w.Pass(time.Hour)
	w.Send(leftCart(5), leftCart(5))
	w.Drain()
	assert.Equal(t, map[automation.RunStatus]int{automation.RunRunning: 2, automation.RunCancelled: 2}, statuses(w))
	runs := w.Runs() // newest first
	slices.SortFunc(runs, func(a, b automation.Run) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for _, r := range runs {
		if r.Status != automation.RunCancelled {
			continue
		}
		run, err := w.GetRun(t.Context(), r.ID)
		require.NoError(t, err)
		assert.Equal(t, automation.CancelledReplaced, run.Error.Code)
		step := world.Step(t, run, "pause")
		assert.Equal(t, automation.StepCancelled, step.Status)
		assert.Contains(t, string(step.Output), "replaced_by")
		_, err = w.RetryRun(t.Context(), r.ID)
		require.ErrorIs(t, err, automation.ErrConflict)
	}
	w.Pass(24 * time.Hour)
	assert.Len(t, w.Mailer.Emails(), 2)
}

// Counts outlive the runs, are counted by the acceptance of events, and go with the contact.
func TestEntry_CountsStarts(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(entering(automation.Entry{Reentry: automation.Reentry{Limit: 2, Per: automation.MustParseDuration("30 days")}}))
	w.Send(leftCart(1), leftCart(2), leftCart(3))
	w.Drain()
	w.Pass(24 * time.Hour)
	assert.Equal(t, map[automation.RunStatus]int{automation.RunCompleted: 2}, statuses(w))
	w.Pass(48 * time.Hour)
	_, err := w.Prune(t.Context(), time.Hour)
	require.NoError(t, err)
	require.Empty(t, w.Runs())
	late := w.Send(leftCart(4))[0].ID
	w.Pass(28 * 24 * time.Hour) // three days of them have passed
	assert.Equal(t, []automation.DecisionCode{automation.DecisionLimit}, decided(t, w, late))
	w.Send(leftCart(5))
	w.Drain()
	assert.Len(t, w.Runs(), 1)
}

func TestEntry_DecidesAboutAnEmailThatBelongsToNoContact(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	a := entering(automation.Entry{FilterRule: automation.Field("event.cart_id").Gt(1), AudienceRule: automation.Field("contact.email").EndsWith("example.com")})
	w.Create(a)
	refused := w.Send(leftCart(1))[0].ID
	w.Drain()
	assert.Equal(t, []automation.DecisionCode{automation.DecisionTriggerFilter}, decided(t, w, refused))
	_, err := w.GetContact(t.Context(), automation.ContactRef{Email: "ada@example.com"})
	require.ErrorIs(t, err, automation.ErrNotFound)
	sent := w.Send(leftCart(1), leftCart(2), leftCart(1))
	w.Drain()
	assert.Len(t, w.Runs(), 1)
	for i, n := range []int{1, 0, 1} {
		assert.Len(t, decided(t, w, sent[i].ID), n)
	}
}

func TestEntry_HasSeveralTriggers(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	a := world.Flow("cart", "cart.left", automation.Step{Key: "sort", Config: automation.Branch{Branches: []automation.BranchRule{
		{Name: "saved", Rule: automation.Field("run.trigger").Eq("cart.saved")},
	}}}, world.Email("other"))
	a.Entry = &automation.Entry{Triggers: []automation.EntryTrigger{{EventName: "cart.saved"}}}
	w.Create(a)
	w.Send(world.ForAda("cart.saved", nil), leftCart(1))
	w.Drain()
	branches := map[string]automation.ConnectionType{}
	for _, r := range w.Runs() {
		run, err := w.GetRun(t.Context(), r.ID)
		require.NoError(t, err)
		branches[run.EventName] = world.Step(t, run, "sort").Branch
	}
	assert.Equal(t, map[string]automation.ConnectionType{"cart.saved": "saved", "cart.left": automation.ConnectionDefault}, branches)
}

// An update of the entry alone makes a version, and leaves the graph alone, also one with steps
// that this process does not know.
func TestEntry_IsUpdatedAlone(t *testing.T) {
	t.Parallel()
	reg := automation.NewRegistry()
	automation.Handle(reg, func(context.Context, automation.Call, approval) (automation.Result, error) {
		return automation.Result{}, nil
	}, automation.StepOptions{})
	w := world.New(t, automation.Options{Registry: reg})
	a := world.Flow("flow", "signup", automation.Step{Key: "approve", Config: approval{}})
	a.Exit = &automation.Exit{MaxAge: automation.MustParseDuration("1 day")}
	created := w.Create(a)
	stranger := w.Node(automation.Options{})

	once := &automation.Entry{Reentry: automation.Reentry{Limit: 1}}
	updated, err := stranger.UpdateAutomation(t.Context(), "flow", automation.AutomationUpdate{Entry: once})
	require.NoError(t, err)
	assert.Equal(t, created.Version+1, updated.Version)
	assert.Equal(t, once, updated.Entry)
	assert.Equal(t, a.Exit, updated.Exit)
	now, err := w.GetAutomation(t.Context(), "flow")
	require.NoError(t, err)
	assert.Equal(t, a.Steps, now.Steps)

	_, err = stranger.UpdateAutomation(t.Context(), "flow", automation.AutomationUpdate{Entry: &automation.Entry{Reentry: automation.Reentry{Limit: 101}}})
	require.ErrorIs(t, err, automation.ErrInvalid)
	cleared, err := w.UpdateAutomation(t.Context(), "flow", automation.AutomationUpdate{Entry: &automation.Entry{}, Exit: &automation.Exit{}})
	require.NoError(t, err)
	assert.Nil(t, cleared.Entry)
	assert.Nil(t, cleared.Exit)
	renamed := "Renamed"
	after, err := w.UpdateAutomation(t.Context(), "flow", automation.AutomationUpdate{Name: &renamed})
	require.NoError(t, err)
	assert.Equal(t, cleared.Version, after.Version)
}

func TestEntry_IsAppliedAndDuplicated(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	a := entering(automation.Entry{Reentry: automation.Reentry{Limit: 1}})
	apply := func(want automation.ApplyOutcome) automation.Automation {
		res, err := w.Apply(t.Context(), a)
		require.NoError(t, err)
		require.Equal(t, want, res.Outcome)
		return res.Automation
	}
	apply(automation.ApplyCreated)
	apply(automation.ApplyUnchanged)
	a.Exit = &automation.Exit{MaxAge: automation.MustParseDuration("2 days")}
	assert.Equal(t, 2, apply(automation.ApplyChanged).Version)
	copied, err := w.DuplicateAutomation(t.Context(), a.ID)
	require.NoError(t, err)
	assert.Equal(t, a.Entry, copied.Entry)
	assert.Equal(t, a.Exit, copied.Exit)
	a.Entry = nil
	assert.Nil(t, apply(automation.ApplyChanged).Entry)
	version, err := w.GetAutomationVersion(t.Context(), a.ID, 2)
	require.NoError(t, err)
	assert.Equal(t, 1, version.Entry.Reentry.Limit)
}

func TestExit_EndsRunsOfItsOwnCart(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	a := entering(automation.Entry{})
	a.Exit = &automation.Exit{Events: []automation.Listener{{Name: "paid", EventName: "order.paid", Match: []automation.Match{{Event: "cart_id"}}}}}
	w.Create(a)
	w.Send(leftCart("A"), leftCart("B"))
	w.Drain()
	require.Equal(t, []string{"order.paid"}, w.Runs()[0].Listens)
	paid := w.Send(world.ForAda("order.paid", map[string]any{"cart_id": "A"}))[0].ID
	w.Drain()
	assert.Equal(t, map[automation.RunStatus]int{automation.RunRunning: 1, automation.RunCompleted: 1}, statuses(w))
	e, err := w.GetEvent(t.Context(), paid)
	require.NoError(t, err)
	assert.Empty(t, e.Reason)
	require.Len(t, e.Ended, 1)
	run, err := w.GetRun(t.Context(), e.Ended[0])
	require.NoError(t, err)
	assert.Equal(t, &automation.RunExit{Reason: automation.ExitEvent, Name: "paid", EventID: paid, Step: "pause", At: run.CompletedAt}, run.Exit)
	assert.Equal(t, automation.StepSkipped, world.Step(t, run, "reminder").Status)
}

// A failed run is left alone by an exit event, and cannot be retried past it.
func TestExit_OfARunThatFailedAndIsRetried(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Mailer.Respond = func(context.Context, automation.Email) error { return automation.Permanent(errors.New("refused")) }
	a := world.Flow("cart", "cart.left", world.Email("reminder"), world.Pause("pause", "1 day"))
	a.Exit = &automation.Exit{Events: []automation.Listener{{EventName: "order.paid"}}}
	w.Create(a)
	w.Send(world.ForAda("order.paid", nil), leftCart(1))
	w.Drain()
	require.Equal(t, automation.RunFailed, w.Run().Status, "an event from before the start ends nothing")
	_, err := w.RetryRun(t.Context(), w.Run().ID)
	require.NoError(t, err)
	w.Drain()
	require.Equal(t, automation.RunFailed, w.Run().Status)
	w.Pass(time.Minute)
	w.Send(world.ForAda("order.paid", nil))
	w.Drain()
	require.Equal(t, automation.RunFailed, w.Run().Status)
	w.Mailer.Respond = nil
	_, err = w.RetryRun(t.Context(), w.Run().ID)
	require.NoError(t, err)
	w.Drain()
	assert.Equal(t, automation.RunCompleted, w.Run().Status)
	assert.NotNil(t, w.Run().Exit)
	assert.Empty(t, w.Mailer.Emails())
}

// The Observer learns how a failed run ends anew, also if its retry ends at an exit event from
// before.
func TestExit_OfARunThatIsRetriedIsNoticed(t *testing.T) {
	t.Parallel()
	journal := &world.Journal{}
	w := world.New(t, automation.Options{Observer: journal})
	w.Mailer.Respond = func(context.Context, automation.Email) error { return automation.Permanent(errors.New("refused")) }
	a := world.Flow("cart", "cart.left", world.Email("reminder"))
	a.Exit = &automation.Exit{Events: []automation.Listener{{EventName: "order.paid"}}}
	w.Create(a)
	w.Send(leftCart(1))
	w.Drain()
	w.Pass(time.Minute)
	w.Send(world.ForAda("order.paid", nil))
	w.Drain()
	require.Contains(t, journal.Take(), "ended failed")
	_, err := w.RetryRun(t.Context(), w.Run().ID)
	require.NoError(t, err)
	w.Drain()
	assert.Equal(t, automation.RunCompleted, w.Run().Status)
	assert.Equal(t, []string{"ended completed"}, journal.Take())
}

// An exit event that is still to be handled when a failed run is retried ends the run as any
// other, and its record has the run.
func TestExit_OfARunThatIsRetriedWhileTheEventIsPending(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]int{"in the claim": 0, "behind more events than a claim brings": 300} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			w.Mailer.Respond = func(context.Context, automation.Email) error { return automation.Permanent(errors.New("refused")) }
			a := world.Flow("cart", "cart.left", world.Email("reminder"))
			a.Exit = &automation.Exit{Events: []automation.Listener{{EventName: "order.paid"}}}
			w.Create(a)
			w.Send(leftCart(1))
			w.Drain()
			w.Mailer.Respond = nil
			w.Pass(time.Minute)
			for range before {
				w.Send(world.ForAda("page.viewed", nil))
			}
			paid := w.Send(world.ForAda("order.paid", nil))[0].ID
			_, err := w.RetryRun(t.Context(), w.Run().ID)
			require.NoError(t, err)
			w.Drain()
			assert.Equal(t, automation.RunCompleted, w.Run().Status)
			assert.NotNil(t, w.Run().Exit)
			assert.Empty(t, w.Mailer.Emails())
			e, err := w.GetEvent(t.Context(), paid)
			require.NoError(t, err)
			assert.Equal(t, []string{w.Run().ID}, e.Ended)
			assert.Empty(t, e.Reason)
		})
	}
}

// An event that arrives while the mailer answers the first email of several ends the run before
// the second.
func TestExit_NoFurtherEmailBegins(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	a := world.Flow("cart", "cart.left", world.Email("one"), world.Email("two"), world.Email("three"))
	a.Exit = &automation.Exit{Events: []automation.Listener{{Name: "paid", EventName: "order.paid"}}}
	w.Create(a)
	w.Mailer.Respond = func(ctx context.Context, e automation.Email) error {
		if e.StepKey == "one" {
			_, err := w.Runner.Send(ctx, world.ForAda("order.paid", nil))
			return err
		}
		return nil
	}
	w.Send(leftCart(1))
	w.Drain()
	assert.Equal(t, []string{"one"}, w.Sent())
	assert.Equal(t, automation.RunCompleted, w.Run().Status)
	assert.Equal(t, "paid", w.Run().Exit.Name)
	assert.Equal(t, "two", w.Run().Exit.Step)
	assert.Equal(t, automation.StepCompleted, world.Step(t, w.Run(), "one").Status)
}

// A filter that cannot be evaluated ends nothing, and leaves a decision.
func TestExit_FilterThatCannotBeEvaluated(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	a := entering(automation.Entry{})
	a.Exit = &automation.Exit{Events: []automation.Listener{{EventName: "order.paid", FilterRule: automation.Field("event.total").Gt(1)}}}
	w.Create(a)
	w.Send(leftCart(1))
	w.Drain()
	paid := w.Send(world.ForAda("order.paid", map[string]any{"total": "much"}))[0].ID
	w.Drain()
	assert.Equal(t, automation.RunRunning, w.Run().Status)
	decisions, err := w.ListDecisions(t.Context(), paid)
	require.NoError(t, err)
	require.Len(t, decisions, 1)
	assert.Equal(t, automation.DecisionExitFilterError, decisions[0].Code)
	evidence := decisions[0].DecodeEvidence()
	assert.Equal(t, w.Run().ID, evidence.RunID)
	assert.Contains(t, evidence.Error, "event.total")
	assert.NotContains(t, evidence.Error, "much")
}

func TestListDecisions_OfAnEventThatDoesNotExist(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	assert.Empty(t, decided(t, w, "nothing"))
	sent := w.Send(leftCart(1))
	assert.Empty(t, decided(t, w, sent[0].ID), "it is pending")
}
