package automation

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sorting takes "pro" if the plan is "pro", and "large" if there are more than 5 seats.
var sorting = Branch{Branches: []BranchRule{
	{Name: "pro", Rule: Field("event.plan").Eq("pro")},
	{Name: "large", Rule: All(Field("event.seats").Exists(), Field("event.seats").Gt(5))},
}}

func TestAdvance_Branch(t *testing.T) {
	t.Parallel()
	all := []ConnectionType{"pro", "large", ConnectionDefault}
	const free = `{"name":"pro","rules":[{"field":"event.plan","operator":"eq","value":"pro","result":false}]}`
	for name, tc := range map[string]struct {
		payload  string
		branches []ConnectionType
		step     string
		branch   ConnectionType
		output   string
	}{
		"the first, and no rule after it is read": {
			`{"plan":"pro","seats":"many"}`, all, "pro", "pro",
			`{"branch":"pro","branches":[{"name":"pro","rules":[{"field":"event.plan","operator":"eq","value":"pro","result":true}]}]}`,
		},
		"the second": {
			`{"plan":"free","seats":6}`, all, "large", "large",
			`{"branch":"large","branches":[` + free + `,{"name":"large","rules":[` +
				`{"field":"event.seats","operator":"exists","result":true},{"field":"event.seats","operator":"gt","value":5,"result":true}]}]}`,
		},
		"none": {
			`{"plan":"free"}`, all, "default", ConnectionDefault,
			`{"branch":"default","branches":[` + free + `,{"name":"large","rules":[` +
				`{"field":"event.seats","operator":"exists","result":false},{"field":"event.seats","operator":"gt","value":5,"result":null}]}]}`,
		},
		"a branch without a connection does not take the default one": {`{"plan":"pro"}`, all[1:], "", "pro", ""},
		"none, without a default connection":                          {`{"plan":"free"}`, all[:2], "", ConnectionDefault, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFlow(t, fork(sorting, tc.branches...), CompileOptions{}, tc.payload)
			sorted := f.step("branch")
			assert.Equal(t, StepCompleted, sorted.Status)
			assert.Equal(t, tc.branch, sorted.Branch)
			if tc.output != "" {
				assert.Equal(t, tc.output, string(sorted.Output))
			}
			if tc.step == "" {
				f.requireEnd(RunCompleted, "")
			} else {
				assert.Equal(t, tc.step, f.action.Step)
			}
			reached := 0
			for _, b := range tc.branches {
				if !f.step(string(b)).StartedAt.IsZero() {
					reached++
				}
			}
			assert.Equal(t, reached == 1, tc.step != "", "a run takes one branch")
			f.state = restored(t, f.state)
			assert.Equal(t, sorted, f.step("branch"))
		})
	}
}

func TestAdvance_ARuleThatErrorsFailsTheBranchStepAndNamesItsBranch(t *testing.T) {
	t.Parallel()
	f := startFlow(t, fork(sorting, "pro", "large", ConnectionDefault), CompileOptions{}, `{"plan":"free","seats":"many"}`)
	f.requireEnd(RunFailed, FailedCondition)
	assert.Equal(t, `branch "large": field "event.seats" is of type string, which operator "gt" cannot compare with a value of type number`,
		f.state.failure().Message)
	assert.Empty(t, f.step("branch").Branch)
	assert.Nil(t, f.step("branch").Output)

	f.data.Event["seats"] = 7
	f.do(Input{Kind: InputRetried})
	assert.Equal(t, "large", f.action.Step)
	assert.Equal(t, ConnectionType("large"), f.step("branch").Branch)
}

// The state of a run keeps what happened, and not the rules.
func TestBranch_TakesFewBytesOfTheState(t *testing.T) {
	t.Parallel()
	b := armsOf("a", "b", "c")
	for i := range b.Branches {
		b.Branches[i].Rule = Field("event." + strings.Repeat("long", 20)).Eq(strings.Repeat("text", 20))
	}
	f := startFlow(t, fork(b, ConnectionDefault), CompileOptions{}, `{"`+strings.Repeat("long", 20)+`":"x"}`)
	require.Equal(t, ConnectionDefault, f.step("branch").Branch)
	assert.Less(t, len(stateBytes(t, f.state)), 100)
	assert.Greater(t, len(f.step("branch").Output), 500)
}

// Erasing a contact removes what the rules found, and leaves the branch.
func TestBranch_ErasedStateStillFits(t *testing.T) {
	t.Parallel()
	f := startFlow(t, fork(sorting, "pro"), CompileOptions{}, `{"plan":"pro"}`)
	f.state.own()
	f.state.scrub()
	f.state = restored(t, f.state)
	assert.Nil(t, f.step("branch").Output)
	assert.Equal(t, ConnectionType("pro"), f.step("branch").Branch)
}
