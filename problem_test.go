package automation_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestProblem_StringNamesItsSubject(t *testing.T) {
	t.Parallel()
	edge := &automation.Connection{From: "a", To: "b"}
	tests := map[string]struct {
		problem automation.Problem
		want    string
	}{
		"a step":        {automation.Problem{Step: "wait", Path: "steps[1]", Message: "is wrong"}, `step "wait": is wrong`},
		"a connection":  {automation.Problem{Connection: edge, Path: "connections[0]", Message: "is wrong"}, `connection "a" to "b": is wrong`},
		"a path":        {automation.Problem{Path: "name", Message: "is wrong"}, "name: is wrong"},
		"nothing known": {automation.Problem{Message: "is wrong"}, "is wrong"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, tt.problem.String())
		})
	}
}

func TestProblems_SeparateErrorsFromWarnings(t *testing.T) {
	t.Parallel()
	wrong := automation.Problem{Severity: automation.SeverityError, Code: automation.CodeCycle, Message: "turns"}
	odd := automation.Problem{Severity: automation.SeverityWarning, Code: automation.CodeOneBranch, Message: "lacks a branch"}
	all := automation.Problems{odd, wrong, odd}

	assert.Equal(t, automation.Problems{wrong}, all.Errors())
	assert.Equal(t, automation.Problems{odd, odd}, all.Warnings())
	assert.Equal(t, "warning one_branch: lacks a branch\nerror cycle: turns\nwarning one_branch: lacks a branch\n", all.String())
}

func TestProblems_WarningsAreNoError(t *testing.T) {
	t.Parallel()
	odd := automation.Problem{Severity: automation.SeverityWarning, Message: "odd"}
	wrong := automation.Problem{Severity: automation.SeverityError, Message: "wrong"}
	require.NoError(t, automation.Problems(nil).Err("event"))
	require.NoError(t, automation.Problems{odd}.Err("event"))

	err := automation.Problems{odd, wrong}.Err("event")
	require.EqualError(t, err, "automation: event: wrong")
	assert.Equal(t, automation.Problems{wrong}, world.Problems(t, err))
}
