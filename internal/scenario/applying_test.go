package scenario_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// everything is an automation with every kind of config, in its shortest form.
func everything() automation.Automation {
	return automation.Automation{
		ID: "all", Name: "All", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "signup"}},
			{Key: "check", Config: automation.Condition{Rule: automation.Any(
				automation.Field("event.n").Gt(1.50), automation.Rule{Field: "contact.email", Operator: automation.OpExists})}},
			{Key: "rest", Config: automation.Delay{Duration: automation.MustParseDuration("36h")}},
			{Key: "wait", Config: automation.WaitForEvent{EventName: "confirm", Timeout: automation.MustParseDuration("1 week"), Lookback: true}},
			{Key: "mail", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "<&>", Variables: map[string]automation.Value{
				"B": automation.Var("event.b"), "A": automation.Null(),
			}}}},
			{Key: "update", Config: automation.ContactUpdate{Properties: map[string]automation.Value{"n": automation.ValueOf(1e21)}}},
			{Key: "segment", Config: automation.AddToSegment{SegmentID: "s"}},
			{Key: "delete", Config: automation.ContactDelete{}},
		},
		Connections: []automation.Connection{
			{From: "start", To: "check"}, {From: "check", To: "rest", Type: automation.ConnectionConditionMet},
			{From: "rest", To: "wait", Type: automation.ConnectionDefault}, {From: "wait", To: "mail"},
			{From: "mail", To: "update"}, {From: "update", To: "segment"}, {From: "segment", To: "delete"},
		},
	}
}

func TestApply_IsIdempotent(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	first, err := w.Apply(w.Ctx, everything())
	require.NoError(t, err)
	w.Clock.Add(time.Hour)
	again, err := w.Apply(w.Ctx, everything())
	require.NoError(t, err)
	assert.Equal(t, automation.ApplyCreated, first.Outcome)
	assert.Equal(t, automation.ApplyResult{Automation: first.Automation, Outcome: automation.ApplyUnchanged}, again)
	fromStore, err := w.Apply(w.Ctx, again.Automation)
	require.NoError(t, err)
	assert.Equal(t, again, fromStore)

	text, err := json.Marshal(everything())
	require.NoError(t, err)
	parsed, err := automation.Parse(text, nil)
	require.NoError(t, err)
	fromFile, err := w.Apply(w.Ctx, parsed)
	require.NoError(t, err)
	assert.Equal(t, again, fromFile)
}

func TestApply_ChangesWhatDiffers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change            func(a *automation.Automation)
		version, revision int
	}{
		"nothing":     {func(*automation.Automation) {}, 1, 1},
		"name":        {func(a *automation.Automation) { a.Name = "Other" }, 1, 2},
		"status":      {func(a *automation.Automation) { a.Status = automation.StatusDisabled }, 1, 2},
		"steps":       {func(a *automation.Automation) { a.Steps[1] = world.Email("hello"); a.Steps[1].Key = "mail" }, 2, 2},
		"connections": {func(a *automation.Automation) { a.Steps, a.Connections = a.Steps[:1], nil }, 2, 2},
		"retry":       {func(a *automation.Automation) { a.Retry.For = time.Hour }, 2, 2},
	}
	for label, tt := range tests {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			flow := world.Flow("welcome", "signup", world.Email("mail"))
			_, err := w.Apply(w.Ctx, flow)
			require.NoError(t, err)
			tt.change(&flow)
			applied, err := w.Apply(w.Ctx, flow)
			require.NoError(t, err)
			a := applied.Automation
			assert.Equal(t, tt.revision == 2, applied.Outcome == automation.ApplyChanged)
			assert.Equal(t, []int{tt.version, tt.revision}, []int{a.Version, a.Revision})
			assert.Equal(t, flow.Name, a.Name)
			assert.Equal(t, flow.Steps, a.Steps)
		})
	}
}

// A process of the former release that starts once more brings its graph back, as a version
// of its own. The next start of the new release changes it again.
func TestApply_ProcessThatStartsLastWins(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	former, next := world.Flow("welcome", "signup", world.Email("old")), world.Flow("welcome", "signup", world.Email("new"))
	for i, flow := range []automation.Automation{former, next, former, next} {
		applied, err := w.Apply(w.Ctx, flow)
		require.NoError(t, err)
		assert.Equal(t, i+1, applied.Automation.Version)
		w.Send(world.Signup("ada@example.com"))
		w.Drain()
	}
	assert.Equal(t, []string{"old", "new", "old", "new"}, w.Sent())
}

// An automation whose id was changed in the code is another one. The former one goes on.
func TestApply_LeavesWhatTheCodeNoLongerHas(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	for _, id := range []string{"welcome", "onboarding"} {
		_, err := w.Apply(w.Ctx, world.Flow(id, "signup", world.Email(id)))
		require.NoError(t, err)
	}
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	assert.ElementsMatch(t, []string{"welcome", "onboarding"}, w.Sent())
}

func TestApply_RefusesWhatIsInvalid(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	_, err := w.Apply(w.Ctx, world.Flow("", "signup", world.Email("hello")))
	assert.Equal(t, []string{"id"}, world.Paths(world.Problems(t, err)))

	flow := w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	_, err = w.Apply(w.Ctx, automation.Automation{ID: "welcome", Name: "welcome", Status: automation.StatusEnabled})
	assert.Equal(t, automation.CodeNoTrigger, world.Problems(t, err)[0].Code)
	a, err := w.GetAutomation(w.Ctx, "welcome")
	require.NoError(t, err)
	assert.Equal(t, flow, a)
}

func TestApply_ManyProcessesAtOnceAgree(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	second := everything()
	second.Steps[4] = world.Email("mail")
	for version, flow := range []automation.Automation{everything(), second} {
		var wg sync.WaitGroup
		for range 16 {
			node := w.Node(w.Opts)
			wg.Go(func() {
				applied, err := node.Apply(w.Ctx, flow)
				if assert.NoError(t, err) {
					assert.Equal(t, version+1, applied.Automation.Version)
					assert.Equal(t, version+1, applied.Automation.Revision)
				}
			})
		}
		wg.Wait()
	}
}

// When two different automations are applied at the same time, one of them is the result,
// and not a mixture.
func TestApply_DifferentOnesAtOnceEndInOne(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	flows := []automation.Automation{world.Flow("welcome", "signup", world.Email("one")), world.Flow("welcome", "joined", world.Email("two"))}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			_, err := w.Apply(w.Ctx, flows[i%2])
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	a, err := w.GetAutomation(w.Ctx, "welcome")
	require.NoError(t, err)
	assert.Contains(t, [][]automation.Step{flows[0].Steps, flows[1].Steps}, a.Steps)
}

// An error of the store does not mean that the automation does not exist.
func TestApply_ReturnsTheStoresErrors(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Store.OnFindAutomation = func(context.Context, automation.Store, string) (automation.AutomationRecord, error) {
		return automation.AutomationRecord{}, world.ErrOutage
	}
	_, err := w.Apply(w.Ctx, world.Flow("welcome", "signup", world.Email("hello")))
	require.ErrorIs(t, err, world.ErrOutage)
	assert.False(t, errors.Is(err, automation.ErrNotFound))
}
