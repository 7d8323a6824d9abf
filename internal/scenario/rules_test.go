package scenario_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// check returns a condition.
func check(key string, rule automation.Rule) automation.Step {
	return automation.Step{Key: key, Config: automation.Condition{Rule: rule}}
}

// branch returns the branch of the condition "check" in the only run, and its error.
func branch(w *world.World) (automation.ConnectionType, *automation.StepError) {
	w.T.Helper()
	step := world.Step(w.T, w.Run(), "check")
	return step.Branch, step.Error
}

func TestRules_NotTakesTheOtherBranchAndStillFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		payload map[string]any
		want    automation.ConnectionType
	}{
		"what holds":         {map[string]any{"plan": "free"}, automation.ConnectionConditionNotMet},
		"what does not hold": {map[string]any{"plan": "pro"}, automation.ConnectionConditionMet},
		"what fails":         {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			w.Create(world.Flow("", "signup", check("check", automation.Not(automation.Field("event.plan").Eq("free")))))
			w.Send(world.ForAda("signup", test.payload))
			w.Drain()
			got, err := branch(w)
			assert.Equal(t, test.want, got)
			if test.want == "" {
				require.NotNil(t, err)
				assert.Equal(t, automation.FailedCondition, err.Code)
			}
		})
	}
}

// A filter that cannot be evaluated matches nothing, and its opposite neither.
func TestRules_NotInAFilterDoesNotMatchWhatFails(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("", "signup", automation.Step{Key: "wait", Config: automation.WaitForEvent{
		EventName: "answer", FilterRule: automation.Not(automation.Field("event.text").Eq("no")),
	}}, world.Email("thanks")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	for _, payload := range []map[string]any{nil, {"text": "no"}, {"text": []string{"yes"}}} {
		w.Send(world.ForAda("answer", payload))
		w.Drain()
		assert.Empty(t, w.Sent())
	}
	w.Send(world.ForAda("answer", map[string]any{"text": "yes"}))
	w.Drain()
	assert.Equal(t, []string{"thanks"}, w.Sent())
}

func TestRules_InShowsItsValuesInTheOutput(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("", "signup", check("check", automation.Field("event.seats").In("5", json.Number("5.0")))))
	w.Send(world.ForAda("signup", json.RawMessage(`{"seats":5e0}`)))
	w.Drain()
	got, err := branch(w)
	assert.Nil(t, err)
	assert.Equal(t, automation.ConnectionConditionMet, got)
	assert.JSONEq(t, `{"branch":"condition_met","rules":[{"field":"event.seats","operator":"in","values":["5",5.0],"result":true}]}`,
		string(world.Step(t, w.Run(), "check").Output))
}

func TestRules_InFailsForAList(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("", "signup", check("check", automation.Field("event.tags").In("a", "b"))))
	w.Send(world.ForAda("signup", map[string]any{"tags": []string{"a"}}))
	w.Drain()
	_, err := branch(w)
	require.NotNil(t, err)
	assert.Equal(t, `field "event.tags" is of type array, which operator "in" cannot compare with a value of type list`, err.Message)
}
