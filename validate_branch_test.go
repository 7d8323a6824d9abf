package automation

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// armsOf returns a branch step whose branches have these names.
func armsOf(names ...string) Branch {
	b := Branch{Branches: []BranchRule{}}
	for _, name := range names {
		b.Branches = append(b.Branches, BranchRule{Name: name, Rule: Field("event.plan").Eq(name)})
	}
	return b
}

func TestValidate_Branch(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 65)
	for name, tt := range map[string]struct {
		config      Branch
		connections []Connection
		want        []string
	}{
		"all connected": {armsOf("pro", "team"), []Connection{{"sort", "a", "pro"}, {"sort", "b", "team"}, {From: "sort", To: "a"}}, nil},
		"two branches to one step": {
			armsOf("pro", "team"), []Connection{{"sort", "a", "pro"}, {"sort", "a", "team"}, {From: "sort", To: "b"}}, nil,
		},
		"all branches to one step": {
			armsOf("pro"), []Connection{{"sort", "a", "pro"}, {From: "sort", To: "a"}, {From: "a", To: "b"}},
			[]string{`warning branches_meet_at_once steps[1]: all branches lead to step "a"`},
		},
		"no branches": {armsOf(), []Connection{{From: "sort", To: "a"}, {From: "a", To: "b"}}, []string{
			"error missing_field steps[1].config.branches: the step has no branches: give at least one, with a name and a rule",
		}},
		"no connections for some": {armsOf("pro", "team"), []Connection{{"sort", "a", "pro"}, {From: "a", To: "b"}}, []string{
			`warning branch_unconnected steps[1].config.branches[1]: the run ends if it takes the branch "team": add a connection of type "team"`,
			`warning no_else steps[1]: the run ends if no rule holds: add a connection of type "default"`,
		}},
		"reserved": {armsOf("timeout", "past"), []Connection{{"sort", "a", "timeout"}, {"sort", "b", "past"}, {From: "sort", To: "a"}}, []string{
			`error reserved_branch_name steps[1].config.branches[0].name: the name "timeout" is reserved: choose another one for the branch and its connection`,
			`error reserved_branch_name steps[1].config.branches[1].name: the name "past" is reserved`,
		}},
		"repeated": {armsOf("pro", "pro"), []Connection{{"sort", "a", "pro"}, {From: "sort", To: "b"}}, []string{
			`error duplicate_branch steps[1].config.branches[1].name: branch 1 of the step has the name "pro" too: give every branch a name of its own`,
		}},
		"bad names": {armsOf("", long, "a\n"), []Connection{{"sort", "a", ConnectionType(long)}, {"sort", "b", "a\n"}, {From: "sort", To: "a"}}, []string{
			"error missing_field steps[1].config.branches[0].name: the branch has no name",
			`error invalid_name steps[1].config.branches[1].name: the name "nnnn`,
			`error invalid_name steps[1].config.branches[2].name: the name "a\n" must not contain control characters`,
		}},
		"a misspelt connection": {armsOf("pro", "team"), []Connection{{"sort", "a", "pro"}, {"sort", "b", "taem"}, {From: "sort", To: "a"}}, []string{
			`error invalid_connection_type connections[2].type: a step of type "branch" has no connection of type "taem": ` +
				`did you mean "team"? Otherwise use "pro" or "team" or "default"`,
		}},
		"a bad rule": {
			Branch{Branches: []BranchRule{{Name: "pro"}}}, []Connection{{"sort", "a", "pro"}, {From: "sort", To: "b"}},
			[]string{"error invalid_rule steps[1].config.branches[0].rule.field", "error invalid_rule steps[1].config.branches[0].rule.operator"},
		},
		"an event that is not waited for": {
			Branch{Branches: []BranchRule{{Name: "pro", Rule: Field("wait_events.paid.plan").Eq("pro")}}},
			[]Connection{{"sort", "a", "pro"}, {From: "sort", To: "b"}},
			[]string{"error wait_event_not_waited_for steps[1].config.branches[0].rule.field"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := Automation{
				Name: "Sort", Steps: []Step{start, step("sort", tt.config), step("a", aDelay), step("b", aDelay)},
				Connections: append(chain("start", "sort"), tt.connections...),
			}
			assertProblems(t, tt.want, Validate(a, ValidateOptions{}))
		})
	}
}

func TestValidate_BranchIsBounded(t *testing.T) {
	t.Parallel()
	names := make([]string, 21)
	for i := range names {
		names[i] = fmt.Sprint("branch ", i)
	}
	a := sequence(armsOf(names[:20]...))
	require.Empty(t, Validate(a, ValidateOptions{}).Errors())
	a = sequence(armsOf(names...))
	assertProblems(t, []string{"error limit_exceeded steps[1].config.branches: the step has 21 branches, the limit is 20: raise Limits.Branches"},
		Validate(a, ValidateOptions{}).Errors())
	require.Empty(t, Validate(a, ValidateOptions{Limits: Limits{Branches: 21}}).Errors())

	a.Connections = append(a.Connections, Connection{From: "branch", To: "trigger", Type: "nothing like it"})
	hint := Validate(a, ValidateOptions{Limits: Limits{Branches: 21}}).Errors()[1].Message
	assert.Contains(t, hint, `"branch 0" or "branch 1"`)
	assert.NotContains(t, hint, "did you mean")
}

func TestBranch_DecodesStrictly(t *testing.T) {
	t.Parallel()
	const text = `{"key":"sort","type":"branch","config":{"branches":[{"name":"pro","rule":{"type":"rule","field":"event.plan","operator":"eq","value":"pro"}}]}}`
	var s Step
	require.NoError(t, json.Unmarshal([]byte(text), &s))
	assert.Equal(t, step("sort", armsOf("pro")), s)
	again, err := json.Marshal(s)
	require.NoError(t, err)
	assert.JSONEq(t, text, string(again))
	for config, want := range map[string]string{
		`{"branch": []}`:                          `config.branch: there is no field "branch": did you mean "branches"?`,
		`{"branches": {}}`:                        "config.branches: must be an array, not an object",
		`{"branches": [{"names": "x"}]}`:          `config.branches[0].names: there is no field "names": did you mean "name"?`,
		`{"branches": [{"name": 1}]}`:             "config.branches[0].name: must be a string, not a number",
		`{"branches": [{"rule": {"fields": 1}}]}`: `config.branches[0].rule.fields: there is no field "fields"`,
	} {
		err := json.Unmarshal([]byte(`{"key": "sort", "type": "branch", "config": `+config+`}`), &s)
		require.ErrorContains(t, err, want)
	}
}
