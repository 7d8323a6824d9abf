package scenario

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// engine keeps the runs of one contact, as an engine without a Store would.
type engine struct {
	*world.World
	t        *testing.T
	contact  *automation.Contact
	starts   []automation.VersionRef
	payload  []byte
	runs     map[string]automation.ClaimedRun
	inFlight []automation.PlannedEffect
	due      time.Time
}

// newEngine returns an engine for Ada and an automation that "signup" starts.
func newEngine(t *testing.T, opts automation.Options, steps ...automation.Step) *engine {
	w := world.New(t, opts)
	a := w.Create(world.Flow("flow", "signup", steps...))
	ada := w.AddContact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	return &engine{
		World: w, t: t, contact: &ada, runs: map[string]automation.ClaimedRun{},
		starts: []automation.VersionRef{{AutomationID: a.ID, Version: a.Version}},
	}
}

// turn plans a turn with all runs, and keeps what it gives.
func (e *engine) turn(in automation.TurnInput) automation.Turn {
	e.t.Helper()
	in.Key, in.Contact, in.ReadAt = automation.ContactRef{ID: "ada"}, e.contact, e.Clock.Now()
	in.OutcomesBy = e.Clock.Now().Add(time.Minute)
	for _, run := range e.runs {
		in.Runs = append(in.Runs, run)
	}
	turn, err := e.Plan(e.Ctx, in)
	require.NoError(e.t, err)
	for _, c := range turn.Runs {
		run := e.runs[c.ID]
		if c.New {
			run.TriggerPayload = e.payload
		}
		if c.Served == run.Request {
			run.Request = automation.RequestNone
		}
		run.RunRecord = c.RunRecord
		e.runs[c.ID] = run
	}
	e.inFlight, e.due = append(e.inFlight, turn.Effects...), turn.Due
	return turn
}

func (e *engine) event(id, name, payload string) automation.TurnInput {
	pending := automation.PendingEvent{Event: automation.Event{
		ID: id, Name: name, ContactID: "ada", Payload: json.RawMessage(payload), AcceptedAt: e.Clock.Now(), OccurredAt: e.Clock.Now(),
	}}
	if name == "signup" {
		pending.Starts, e.payload = e.starts, pending.Payload
	}
	return automation.TurnInput{Work: automation.Work{Events: []automation.PendingEvent{pending}}}
}

// run returns the only run.
func (e *engine) run() automation.ClaimedRun {
	e.t.Helper()
	require.Len(e.t, e.runs, 1)
	for _, run := range e.runs {
		return run
	}
	panic("unreachable")
}

// request records a request about the only run.
func (e *engine) request(what automation.RunRequest) {
	run := e.run()
	run.Request = what
	e.runs[run.ID] = run
}

// perform performs the effects in flight.
func (e *engine) perform() (in automation.TurnInput) {
	for _, effect := range e.inFlight {
		in.Outcomes = append(in.Outcomes, e.Perform(e.Ctx, effect))
	}
	e.inFlight = nil
	return in
}

func TestPlan_RunsAFlowToItsEnd(t *testing.T) {
	t.Parallel()
	e := newEngine(t, automation.Options{}, world.Email("hello"), world.Pause("rest", "1 day"), world.Email("tips"))
	turn := e.turn(e.event("1", "signup", `{"plan":"pro"}`))
	require.Len(t, turn.Handled, 1)
	require.Len(t, turn.Effects, 1)
	assert.Equal(t, world.Start.Add(time.Minute), turn.Due, "the effect is in flight")
	assert.Empty(t, e.Sent(), "Plan performs nothing")
	e.turn(e.perform())
	assert.Equal(t, []string{"hello"}, e.Sent())
	assert.Equal(t, world.Start.Add(24*time.Hour), e.due)
	e.Clock.Add(24*time.Hour - time.Microsecond)
	assert.Empty(t, e.turn(automation.TurnInput{}).Runs, "nothing is due yet")
	e.Clock.Add(time.Microsecond)
	e.turn(automation.TurnInput{})
	e.turn(e.perform())
	assert.Equal(t, []string{"hello", "tips"}, e.Sent())
	assert.Equal(t, automation.RunCompleted, e.run().Status)
	assert.Zero(t, e.due)
}

func TestPlan_GivesTheSameTwice(t *testing.T) {
	t.Parallel()
	e := newEngine(t, automation.Options{}, world.Email("hello"))
	e.turn(e.event("1", "signup", `{}`))
	outcomes := e.perform()
	before := e.run()
	first := e.turn(outcomes)
	e.runs[before.ID] = before
	assert.Equal(t, first.Runs, e.turn(outcomes).Runs)
}

func TestPlan_TakesOverAnEffectWhoseOutcomeDoesNotCome(t *testing.T) {
	t.Parallel()
	for _, delivery := range []automation.Delivery{automation.AtLeastOnce, automation.AtMostOnce} {
		e := newEngine(t, automation.Options{Delivery: delivery}, world.Email("hello"))
		e.turn(e.event("1", "signup", `{}`))
		late := e.perform()
		e.Clock.Add(time.Minute - time.Microsecond)
		assert.Empty(t, e.turn(automation.TurnInput{}).Runs)
		e.Clock.Add(time.Microsecond)
		turn := e.turn(automation.TurnInput{})
		if delivery == automation.AtMostOnce {
			assert.Equal(t, automation.FailedUnknown, e.run().Error.Code)
			assert.Empty(t, turn.Effects)
			continue
		}
		require.Len(t, turn.Effects, 1)
		assert.Equal(t, 1, turn.Effects[0].Attempt, "an interrupted attempt is not counted")
		e.turn(late)
		assert.Equal(t, automation.RunCompleted, e.run().Status, "an outcome of this attempt that comes late still counts")
		assert.Empty(t, e.turn(e.perform()).Runs, "the second one has nothing left to decide")
	}
}

func TestPlan_IgnoresAnOutcomeThatTheRunDoesNotAwait(t *testing.T) {
	t.Parallel()
	e := newEngine(t, automation.Options{}, world.Email("hello"), world.Email("tips"))
	e.turn(e.event("1", "signup", `{}`))
	outcomes := e.perform()
	e.turn(outcomes)
	for _, o := range []automation.Outcome{
		outcomes.Outcomes[0],
		{RunID: e.run().ID, Step: "tips", Attempt: 2, Kind: automation.InputSucceeded},
		{RunID: e.run().ID, Step: "tips", Attempt: 1, Kind: automation.InputRetried},
		{RunID: "other", Step: "tips", Attempt: 1, Kind: automation.InputSucceeded},
	} {
		assert.Empty(t, e.turn(automation.TurnInput{Outcomes: []automation.Outcome{o}}).Runs, "%+v", o)
	}
}

func TestPlan_CancelWaitsForTheOutcomeInFlight(t *testing.T) {
	t.Parallel()
	e := newEngine(t, automation.Options{}, world.Email("hello"), world.Email("tips"))
	e.turn(e.event("1", "signup", `{}`))
	e.request(automation.RequestCancel)
	assert.Empty(t, e.turn(automation.TurnInput{}).Runs)
	turn := e.turn(e.perform())
	require.Len(t, turn.Runs, 1)
	assert.Equal(t, automation.RequestCancel, turn.Runs[0].Served)
	assert.Equal(t, automation.RunCancelled, turn.Runs[0].Status)
	assert.Equal(t, "tips", turn.Runs[0].Step)
	assert.Empty(t, turn.Effects)
	assert.Equal(t, []string{"hello"}, e.Sent())
}

func TestPlan_ExitWaitsForTheOutcomeInFlight(t *testing.T) {
	t.Parallel()
	e := newEngine(t, automation.Options{})
	a := world.Flow("dunning", "signup", world.Email("hello"), world.Email("tips"))
	a.Exit = &automation.Exit{Events: []automation.Listener{{EventName: "paid"}}}
	a = e.Create(a)
	e.starts = []automation.VersionRef{{AutomationID: a.ID, Version: a.Version}}
	assert.True(t, e.turn(e.event("1", "signup", `{}`)).Heed)
	for _, id := range []string{"2", "3"} {
		turn := e.turn(e.event(id, "paid", `{}`))
		assert.Empty(t, turn.Effects, "the effect is in flight already")
		assert.Equal(t, automation.RunRunning, e.run().Status)
	}
	require.Len(t, e.inFlight, 1)
	turn := e.turn(e.perform())
	assert.Empty(t, turn.Effects)
	assert.Equal(t, []string{"hello"}, e.Sent())
	assert.Equal(t, automation.RunCompleted, e.run().Status)
	require.NotNil(t, e.run().Exit)
	assert.Equal(t, "2", e.run().Exit.EventID)
	assert.Equal(t, "hello", e.run().Exit.Step)
}

func TestPlan_CancelsAtOnceWhatOnlyWaits(t *testing.T) {
	t.Parallel()
	e := newEngine(t, automation.Options{}, world.Pause("rest", "1 day"))
	e.turn(e.event("1", "signup", `{}`))
	e.request(automation.RequestCancel)
	e.turn(automation.TurnInput{})
	assert.Equal(t, automation.RunCancelled, e.run().Status)
}

func TestPlan_ContactThatIsGoneCancelsAfterTheOutcome(t *testing.T) {
	t.Parallel()
	e := newEngine(t, automation.Options{}, world.Email("hello"), world.Pause("rest", "1 day"))
	e.turn(e.event("1", "signup", `{}`))
	e.contact = nil
	assert.Empty(t, e.turn(automation.TurnInput{}).Runs)
	e.turn(e.perform())
	assert.Equal(t, automation.RunCancelled, e.run().Status)
	assert.Equal(t, automation.CancelledContactGone, e.run().Error.Code)
	assert.Equal(t, []string{"hello"}, e.Sent(), "the email was on its way")
}

func TestPlan_WaitMeetsItsEventWhileAnotherRunPerforms(t *testing.T) {
	t.Parallel()
	e := newEngine(t, automation.Options{}, world.Wait("wait", "paid"), world.Email("thanks"))
	e.turn(e.event("1", "signup", `{}`))
	e.turn(e.event("2", "paid", `{"amount":5}`))
	require.Len(t, e.inFlight, 1)
	e.turn(e.event("3", "signup", `{}`))
	e.turn(e.event("4", "paid", `{}`))
	assert.Len(t, e.inFlight, 2, "the second run does not wait for the email of the first")
}

func TestPlan_RefusesRunsOfOthers(t *testing.T) {
	t.Parallel()
	e := newEngine(t, automation.Options{}, world.Pause("rest", "1 day"))
	_, err := e.Plan(e.Ctx, automation.TurnInput{})
	require.ErrorIs(t, err, automation.ErrInvalid)
	_, err = e.Plan(e.Ctx, automation.TurnInput{Work: automation.Work{
		Key:  automation.ContactRef{ID: "ada"},
		Runs: []automation.ClaimedRun{{RunRecord: automation.RunRecord{ID: "1", ContactID: "linus"}}},
	}})
	require.ErrorIs(t, err, automation.ErrInvalid)
	assert.ErrorContains(t, err, `run "1" is of contact "linus"`)
}

func TestPerform_DoesNotStartWhatIsNotPlanned(t *testing.T) {
	t.Parallel()
	e := newEngine(t, automation.Options{}, world.Email("hello"))
	e.turn(e.event("1", "signup", `{}`))
	for name, change := range map[string]func(*automation.PlannedEffect){
		"another attempt": func(p *automation.PlannedEffect) { p.Attempt++ },
		"another step":    func(p *automation.PlannedEffect) { p.Step = "tips" },
		"damaged":         func(p *automation.PlannedEffect) { p.Run.State = []byte("damaged") },
		"no version":      func(p *automation.PlannedEffect) { p.Run.Version = 99 },
		"no contact":      func(p *automation.PlannedEffect) { p.Run.ContactID = "linus" },
	} {
		effect := e.inFlight[0]
		change(&effect)
		assert.Equal(t, automation.InputReleased, e.Perform(e.Ctx, effect).Kind, name)
	}
	assert.Empty(t, e.Sent())
}

func TestOutcome_KeepsTheMeaningOfItsErrorAsJSON(t *testing.T) {
	t.Parallel()
	busy := errors.New("busy")
	for name, err := range map[string]error{
		"plain": busy, "permanent": automation.Permanent(busy),
		"limited": &automation.RateLimitError{After: time.Minute, Err: busy},
		"unknown": errors.Join(busy, automation.ErrOutcomeUnknown),
		"missing": &automation.ReferenceError{Path: "event.plan"},
	} {
		text, encodeErr := json.Marshal(automation.Outcome{RunID: "1", Step: "hello", Attempt: 1, Kind: automation.InputFailed, Err: err})
		require.NoError(t, encodeErr)
		var o automation.Outcome
		require.NoError(t, json.Unmarshal(text, &o), string(text))
		assert.Equal(t, err.Error(), o.Err.Error())
		for _, sentinel := range []error{automation.ErrPermanent, automation.ErrOutcomeUnknown} {
			assert.Equal(t, errors.Is(err, sentinel), errors.Is(o.Err, sentinel), name)
		}
		var before, after *automation.RateLimitError
		require.Equal(t, errors.As(err, &before), errors.As(o.Err, &after), name)
		if before != nil {
			assert.Equal(t, before.After, after.After)
		}
		var missing, found *automation.ReferenceError
		require.Equal(t, errors.As(err, &missing), errors.As(o.Err, &found), name)
		if missing != nil {
			assert.Equal(t, missing, found)
		}
	}
	require.Error(t, json.Unmarshal([]byte(`{"kind":"vanished"}`), new(automation.Outcome)))
}

// An effect that an engine performs late does not leave outside its window. The run sleeps
// until the window opens, and no attempt is spent.
func TestPlan_WindowClosesBeforeTheEffectIsPerformed(t *testing.T) {
	t.Parallel()
	for _, delivery := range []automation.Delivery{automation.AtLeastOnce, automation.AtMostOnce} {
		e := newEngine(t, automation.Options{Delivery: delivery, Window: automation.Window{Hours: []automation.Hours{
			{From: automation.MustParseLocalTime("09:00"), To: automation.MustParseLocalTime("17:00")},
		}}}, world.Email("hello"))
		e.Clock.Set(world.Start.Add(8*time.Hour - time.Second))
		e.turn(e.event("1", "signup", `{}`))
		require.Len(t, e.inFlight, 1)
		e.Clock.Add(time.Second)
		outcomes := e.perform()
		assert.Equal(t, automation.InputReleased, outcomes.Outcomes[0].Kind)
		assert.Empty(t, e.Sent())
		e.turn(outcomes)
		e.turn(automation.TurnInput{})
		assert.Equal(t, world.Start.Add(24*time.Hour), e.due)
		e.Clock.Set(e.due)
		e.turn(automation.TurnInput{})
		require.Equal(t, 1, e.inFlight[0].Attempt)
		e.turn(e.perform())
		assert.Equal(t, []string{"hello"}, e.Sent())
		assert.Equal(t, automation.RunCompleted, e.run().Status)
	}
}

// A turn that has a run looks at a date in the contact again, although the run is not due. A
// date that has not moved changes nothing.
func TestPlan_LooksAtADateThatHasMoved(t *testing.T) {
	t.Parallel()
	e := newEngine(t, automation.Options{}, automation.Step{Key: "until", Config: automation.DelayUntil{
		At: automation.Var("contact.properties.day"), Time: automation.MustParseLocalTime("09:00"), IfPast: automation.OtherwiseContinue,
	}}, world.Email("hello"))
	e.contact.Properties = map[string]any{"day": "2026-03-10"}
	e.turn(e.event("1", "signup", `{}`))
	require.Equal(t, world.Start.Add(8*24*time.Hour), e.due)
	assert.Empty(t, e.turn(automation.TurnInput{}).Runs)
	e.contact.Properties = map[string]any{"day": "2026-03-05"}
	e.turn(automation.TurnInput{})
	assert.Equal(t, world.Start.Add(3*24*time.Hour), e.due)
	e.contact.Properties = map[string]any{"day": "2026-03-01"}
	e.turn(automation.TurnInput{})
	require.Len(t, e.inFlight, 1, "the date is past, and the run goes on")
}
