package automation

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestValidate_AcceptsGeneratedAutomations(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := genAutomation(t)
		if errs := Validate(a, ValidateOptions{}).Errors(); errs != nil {
			t.Fatalf("valid automation is refused:\n%s", errs)
		}
		if _, err := Compile(a, CompileOptions{}); err != nil {
			t.Fatal(err)
		}
	})
}

// anyStep draws a step other than the trigger.
func anyStep(t *rapid.T, a *Automation) *Step {
	return &a.Steps[rapid.IntRange(1, len(a.Steps)-1).Draw(t, "step")]
}

func anyConnection(t *rapid.T, a *Automation) *Connection {
	return &a.Connections[rapid.IntRange(0, len(a.Connections)-1).Draw(t, "connection")]
}

func TestValidate_FindsMutations(t *testing.T) {
	t.Parallel()
	for code, mutate := range mutations {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				a := genAutomation(t)
				if len(a.Steps) < 2 {
					t.Skip("nothing to mutate")
				}
				mutate(t, &a)
				problems := Validate(a, ValidateOptions{})
				if !slices.ContainsFunc(problems.Errors(), func(p Problem) bool { return p.Code == code }) {
					t.Fatalf("%+v\nhas no error %q:\n%s", a, code, problems)
				}
			})
		})
	}
}

func TestValidate_NeverPanics(t *testing.T) {
	t.Parallel()
	registry := pagerRegistry()
	rapid.Check(t, func(t *rapid.T) {
		a := genMess(t)
		problems := Validate(a, ValidateOptions{Registry: registry})
		assert.Equal(t, problems, Validate(a, ValidateOptions{Registry: registry}), "the same every time")
		for _, p := range problems {
			assert.NotEmpty(t, p.Message)
			assert.NotEmpty(t, p.Path)
		}
		_, err := Compile(a, CompileOptions{Registry: registry})
		assert.Equal(t, len(problems.Errors()) == 0, err == nil, "what is valid compiles: %v", err)
	})
}

// longAutomation returns an automation of n steps of many types, half of them on
// branches.
func longAutomation(n int) Automation {
	a := Automation{Name: "Long", Steps: []Step{start}}
	last := "start"
	for i := 1; i < n; i++ {
		config, typ := longConfig(i), ConnectionDefault
		key := fmt.Sprintf("%s_%d", config.StepType(), i)
		switch strings.TrimRight(last, "0123456789") {
		case "condition_":
			typ = ConnectionConditionMet
		case "wait_for_event_":
			typ = ConnectionEventReceived
		}
		a.Steps = append(a.Steps, step(key, config))
		a.Connections = append(a.Connections, Connection{From: last, To: key, Type: typ})
		last = key
	}
	return a
}

func longConfig(i int) StepConfig {
	switch i % 5 {
	case 0:
		return aDelay
	case 1:
		return Condition{Rule: All(Field("event.plan").Eq("pro"), Field("contact.properties.seats").Gte(5))}
	case 2:
		return WaitForEvent{EventName: fmt.Sprintf("event.%d", i), Timeout: oneDay, FilterRule: Field("event.id").Exists()}
	case 3:
		return SendEmail{From: "Acme <hello@acme.test>", Template: TemplateRef{ID: "t", Variables: map[string]Value{
			"plan": Var("event.plan"), "last": Var(fmt.Sprintf("wait_events.event.%d.id", i-1)),
		}}}
	default:
		return ContactUpdate{FirstName: Var("event.name"), Properties: map[string]Value{"step": Number(i)}}
	}
}

func BenchmarkValidate150Steps(b *testing.B) {
	a := longAutomation(150)
	require.Empty(b, Validate(a, ValidateOptions{}).Errors())
	b.ReportAllocs()
	for b.Loop() {
		Validate(a, ValidateOptions{})
	}
}
