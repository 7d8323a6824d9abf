package scenario_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// approval is a custom step with branches of its own.
type approval struct {
	Verdict automation.ConnectionType `json:"verdict"`
}

func (approval) StepType() automation.StepType { return "acme.approval" }

func approvals() *automation.Registry {
	reg := automation.NewRegistry()
	automation.Handle(reg, func(_ context.Context, _ automation.Call, c approval) (automation.Result, error) {
		return automation.Result{Branch: c.Verdict, Output: map[string]any{"branch": "condition_met"}}, nil
	}, automation.StepOptions{Branches: []automation.ConnectionType{"approved", "rejected"}})
	return reg
}

func TestBranch_IsThatOfTheStepsOutcome(t *testing.T) {
	t.Parallel()
	condition := automation.Step{Key: "step", Config: automation.Condition{Rule: automation.Field("event.yes").Exists()}}
	sorts := automation.Step{Key: "step", Config: automation.Branch{Branches: []automation.BranchRule{
		{Name: "yes", Rule: automation.Field("event.yes").Exists()},
	}}}
	waits := automation.Step{Key: "step", Config: automation.WaitForEvent{
		EventName: "done", Timeout: automation.MustParseDuration("1 hour"),
	}}
	for name, tt := range map[string]struct {
		step    automation.Step
		payload any
		done    bool
		want    automation.ConnectionType
	}{
		"a condition that is met":     {condition, map[string]any{"yes": 1}, false, automation.ConnectionConditionMet},
		"a condition that is not met": {condition, nil, false, automation.ConnectionConditionNotMet},
		"a wait that received":        {waits, nil, true, automation.ConnectionEventReceived},
		"a wait that timed out":       {waits, nil, false, automation.ConnectionTimeout},
		"a branch step":               {sorts, map[string]any{"yes": 1}, false, "yes"},
		"a branch step by default":    {sorts, nil, false, automation.ConnectionDefault},
		"a custom step":               {automation.Step{Key: "step", Config: approval{"rejected"}}, nil, false, "rejected"},
		"a custom step by default":    {automation.Step{Key: "step", Config: approval{}}, nil, false, ""},
		"an email":                    {world.Email("step"), nil, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{Registry: approvals()})
			flow := world.Flow("flow", "signup", tt.step)
			flow.Steps = append(flow.Steps, world.Pause("end", "1 second"))
			flow.Connections = append(flow.Connections, automation.Connection{From: "step", To: "end", Type: connectionFor(tt.want)})
			w.Create(flow)
			event := world.Signup("ada@example.com")
			event.Payload = automation.Payload(tt.payload)
			w.Send(event)
			w.Drain()
			if tt.done {
				w.Send(automation.Event{Name: "done", Email: "ada@example.com"})
			}
			w.Pass(2 * time.Hour)
			assert.Equal(t, tt.want, world.Step(t, w.Run(), "step").Branch)
		})
	}
}

func connectionFor(branch automation.ConnectionType) automation.ConnectionType {
	if branch == "" {
		return automation.ConnectionDefault
	}
	return branch
}

// A wait in progress has no outcome yet.
func TestBranch_OfAStepInProgressIsEmpty(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("flow", "signup", world.WaitUpTo("step", "done", "30 days")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	step := world.Step(t, w.Run(), "step")
	require.Equal(t, automation.StepWaiting, step.Status)
	assert.Empty(t, step.Branch)
}

// The rules see the contact as it is when the run comes to the step, and a failed branch step
// can be retried.
func TestBranch_StepReadsTheContactAsItIsThen(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	flow := world.Flow("flow", "signup", world.Pause("pause", "1 day"), automation.Step{Key: "sort", Config: automation.Branch{
		Branches: []automation.BranchRule{
			{Name: "vip", Rule: automation.Field("contact.properties.vip").Eq(true)},
			{Name: "large", Rule: automation.Field("contact.properties.seats").Gt(5)},
		},
	}})
	flow.Steps = append(flow.Steps, world.Email("large"), world.Email("small"))
	flow.Connections = append(flow.Connections,
		automation.Connection{From: "sort", To: "large", Type: "large"}, automation.Connection{From: "sort", To: "small"})
	w.Create(flow)
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	update := func(seats any) {
		_, err := w.UpdateContact(t.Context(), w.Run().ContactID, automation.ContactChange{Properties: map[string]any{"seats": seats}})
		require.NoError(t, err)
	}
	update("many")
	w.Pass(24 * time.Hour)
	run := w.Run()
	require.Equal(t, automation.RunFailed, run.Status)
	assert.Equal(t, automation.FailedCondition, run.Error.Code)
	assert.Contains(t, run.Error.Message, `branch "large": field "contact.properties.seats" is of type string`)

	update(6)
	_, err := w.RetryRun(t.Context(), run.ID)
	require.NoError(t, err)
	w.Drain()
	run = w.Run()
	assert.Equal(t, automation.RunCompleted, run.Status)
	assert.Equal(t, automation.ConnectionType("large"), world.Step(t, run, "sort").Branch)
	assert.Equal(t, automation.StepSkipped, world.Step(t, run, "small").Status)
	assert.JSONEq(t, `{"branch": "large", "branches": [
		{"name": "vip", "rules": [{"field": "contact.properties.vip", "operator": "eq", "value": true, "result": false}]},
		{"name": "large", "rules": [{"field": "contact.properties.seats", "operator": "gt", "value": 5, "result": true}]}
	]}`, string(world.Step(t, run, "sort").Output))
}
