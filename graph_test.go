package automation

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCompile_RefusesWhatValidateRefuses(t *testing.T) {
	t.Parallel()
	a := sequence(hour)
	a.Connections[0].To = "nowhere"
	_, err := Compile(a, CompileOptions{})
	require.ErrorIs(t, err, ErrInvalid)
	var invalid *ValidationError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, Validate(a, ValidateOptions{}).Errors(), invalid.Problems)
	assert.ErrorContains(t, err, `automation "Sequence"`)
}

func TestCompile_AcceptsWarnings(t *testing.T) {
	t.Parallel()
	a := sequence(ContactDelete{}, hour)
	require.NotEmpty(t, Validate(a, ValidateOptions{}).Warnings())
	g, err := Compile(a, CompileOptions{})
	require.NoError(t, err)
	assert.Equal(t, "user.created", g.Event())
}

func TestCompile_UnknownStepTypes(t *testing.T) {
	t.Parallel()
	a := sequence(RawConfig{Type: "acme.slack", Config: json.RawMessage(`{"channel":"c"}`)})
	_, err := Compile(a, CompileOptions{})
	require.ErrorIs(t, err, ErrInvalid)

	_, err = compile(a, CompileOptions{})
	require.ErrorIs(t, err, ErrNewerVersion, "what was stored is left to a process that knows the type")
	_, err = compile(a, CompileOptions{Registry: slackRegistry()})
	require.NoError(t, err)
}

func TestCompile_StoredConfigThatDoesNotFitIsFromAnotherVersion(t *testing.T) {
	t.Parallel()
	a := sequence(RawConfig{Type: "acme.slack", Config: json.RawMessage(`{"chanel":"c"}`)})
	_, err := compile(a, CompileOptions{Registry: slackRegistry()})
	require.ErrorIs(t, err, ErrNewerVersion)
	var invalid *ValidationError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, "chanel", invalid.Problems[0].Path)
	assert.EqualError(t, err, `step "acme.slack": the stored config does not fit step type "acme.slack": `+
		`chanel: there is no field "chanel": did you mean "channel"?: written by another version`)
}

// A stored automation continues to run under narrower limits.
func TestCompile_StoredAutomationsAreNotHeldToLimits(t *testing.T) {
	t.Parallel()
	opts := CompileOptions{Limits: Limits{Steps: 1}}
	_, err := Compile(sequence(hour), opts)
	require.ErrorIs(t, err, ErrInvalid)
	_, err = compile(sequence(hour), opts)
	require.NoError(t, err)
}

func TestCompile_StoredAutomationsThatAreDamaged(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(a *Automation){
		"a connection to nowhere": func(a *Automation) { a.Connections[0].To = "nowhere" },
		"a duration":              func(a *Automation) { a.Steps[1].Config = Delay{Duration: DurationOf(-1)} },
		"a path":                  func(a *Automation) { a.Steps[1].Config = Condition{Rule: Field("nothing").Exists()} },
		"a filter":                func(a *Automation) { a.Steps[1].Config = WaitForEvent{FilterRule: Field("x").Exists()} },
		"a variable": func(a *Automation) {
			a.Steps[1].Config = SendEmail{Template: TemplateRef{Variables: map[string]Value{"A": Var("x")}}}
		},
		"a property": func(a *Automation) {
			a.Steps[1].Config = ContactUpdate{Properties: map[string]Value{"a": Var("x")}}
		},
		"a name": func(a *Automation) { a.Steps[1].Config = ContactUpdate{FirstName: Var("x")} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := sequence(hour)
			change(&a)
			_, err := compile(a, CompileOptions{Registry: slackRegistry()})
			require.Error(t, err)
			require.NotErrorIs(t, err, ErrNewerVersion)
		})
	}
}

func TestCompile_DeliveryOfAStep(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		runner Delivery
		config StepConfig
		want   Delivery
	}{
		"default":             {"", welcome, AtLeastOnce},
		"the runner's":        {AtMostOnce, welcome, AtMostOnce},
		"the step's":          {AtMostOnce, SendEmail{Template: TemplateRef{ID: "t"}, Delivery: AtLeastOnce}, AtLeastOnce},
		"the step type's":     {AtLeastOnce, slack{Channel: "c"}, AtMostOnce},
		"of a contact change": {AtMostOnce, AddToSegment{SegmentID: "s"}, AtMostOnce},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFlow(t, sequence(tc.config), CompileOptions{Delivery: tc.runner, Registry: slackRegistry()}, "")
			assert.Equal(t, tc.want, f.action.Delivery)
		})
	}
}

func TestGraph_OrderIsTopologicalAndComplete(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := genAutomation(t)
		g, err := Compile(a, CompileOptions{})
		require.NoError(t, err)
		require.Len(t, g.order, len(a.Steps))
		require.Zero(t, g.order[0], "the trigger comes first")
		place := make([]int, len(g.order))
		for i, step := range g.order {
			place[step] = i
		}
		for i := range g.steps {
			for _, e := range g.steps[i].edges {
				require.Less(t, place[i], place[e.to])
			}
		}
		require.Len(t, slices.Compact(slices.Sorted(slices.Values(g.order))), len(a.Steps))
	})
}
