package automation

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// trial has 8 steps: start → welcome → paid? → thanks | is_pro → call | tips → bye.
func trial() Automation {
	return Automation{
		Name: "Trial",
		Steps: []Step{
			start, step("welcome", email("welcome", nil)), step("paid?", forPaid),
			step("thanks", email("thanks", map[string]Value{"amount": Var("wait_events.order.paid.amount")})),
			step("is_pro", isPro), step("call", AddToSegment{SegmentID: "sales"}), step("tips", aDelay), step("bye", email("bye", nil)),
		},
		Connections: []Connection{
			{From: "start", To: "welcome"}, {From: "welcome", To: "paid?"},
			{"paid?", "thanks", ConnectionEventReceived}, {"paid?", "is_pro", ConnectionTimeout},
			{"is_pro", "call", ConnectionConditionMet}, {"is_pro", "tips", ConnectionConditionNotMet}, {From: "tips", To: "bye"},
		},
	}
}

func TestValidate_ReportsAMisspeltKeyOnly(t *testing.T) {
	t.Parallel()
	assert.Empty(t, Validate(trial(), ValidateOptions{}))
	for i, conn := range trial().Connections {
		for end, key := range map[string]string{"from": conn.From, "to": conn.To} {
			t.Run(fmt.Sprintf("%s of %s to %s", end, conn.From, conn.To), func(t *testing.T) {
				t.Parallel()
				a := trial()
				misspelt := key[:1] + strings.ToUpper(key[1:2]) + key[2:] + "s"
				if end == "from" {
					a.Connections[i].From = misspelt
				} else {
					a.Connections[i].To = misspelt
				}
				assertProblems(t, []string{
					fmt.Sprintf("error unknown_step connections[%d].%s: there is no step %q: did you mean %q?", i, end, misspelt, key),
				}, Validate(a, ValidateOptions{}))
			})
		}
	}
}

// What a mistake in a connection does not explain is reported after the mistake.
func TestValidate_CausesComeFirst(t *testing.T) {
	t.Parallel()
	const toTips, toGhost = 5, "there is no step \"ghost\": name the key of a step"
	tests := []struct {
		name   string
		change func(a *Automation)
		want   []string
	}{
		{"the key of a step is misspelt", func(a *Automation) { a.Steps[4].Key = "is_por" }, []string{
			`error unknown_step connections[3].to: there is no step "is_pro": did you mean "is_por"?`,
			`error unknown_step connections[4].from: there is no step "is_pro": did you mean "is_por"?`,
			`error unknown_step connections[5].from: there is no step "is_pro": did you mean "is_por"?`,
		}},
		{"a key has no likeness", func(a *Automation) { a.Connections[toTips].To = "ghost" }, []string{
			"error unknown_step connections[5].to: " + toGhost,
		}},
		{"a connection comes from nowhere", func(a *Automation) { a.Connections[0].From = "ghost" }, []string{
			`error unknown_step connections[0].from: there is no step "ghost"`,
		}},
		{"a step leads to itself instead of to the next one", func(a *Automation) { a.Connections[0].To = "start" }, []string{
			"error self_connection connections[0].to",
		}},
		{"a step leads back to the trigger instead of to the next one", func(a *Automation) { a.Connections[1].To = "start" }, []string{
			"error connection_to_trigger connections[1].to",
		}},
		{"another step is not connected, and more follow it", func(a *Automation) {
			a.Connections[0].To = "welcom"
			a.Steps = append(a.Steps, step("lost", aDelay), step("lost_2", aDelay), step("lost_3", aDelay))
			a.Connections = append(a.Connections, chain("lost", "lost_2", "lost_3")...)
		}, []string{
			`error unknown_step connections[0].to: there is no step "welcom": did you mean "welcome"?`,
			"error unreachable_step steps[8]: no path leads from the trigger to the step and the 2 steps behind it: connect it, or remove them all",
		}},
		{"there are more steps than the mistake explains", func(a *Automation) {
			a.Connections[toTips].To = "ghost"
			a.Steps = append(a.Steps, step("island", aDelay))
		}, []string{
			"error unknown_step connections[5].to: " + toGhost,
			"error unreachable_step steps[6]: no path leads from the trigger to the step and the step behind it: connect it, or remove both",
			"error unreachable_step steps[8]: no path leads from the trigger to the step: connect it",
		}},
		{"a connection is missing", func(a *Automation) { a.Connections = a.Connections[1:] }, []string{
			"error unreachable_step steps[1]: no path leads from the trigger to the step and the 6 steps behind it",
		}},
		{"a branch is missing beside a misspelt one", func(a *Automation) {
			a.Connections[toTips].From = "is_por"
			a.Connections = append(a.Connections[:4], a.Connections[5:]...)
		}, []string{
			`error unknown_step connections[4].from: there is no step "is_por": did you mean "is_pro"?`,
			`warning one_branch steps[4]: the condition has one branch only, and the run ends otherwise: add a connection of type "condition_met"`,
			`error unreachable_step steps[5]`,
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := trial()
			test.change(&a)
			assertProblems(t, test.want, Validate(a, ValidateOptions{}))
		})
	}
}

// Of several keys that are equally near, the key of a step is meant that lacks the
// connection.
func TestValidate_SuggestsAStepThatIsFree(t *testing.T) {
	t.Parallel()
	a := Automation{
		Name:        "Test",
		Steps:       []Step{start, step("mail_1", aDelay), step("mail_2", aDelay), step("mail_4", aDelay), step("mail_5", aDelay)},
		Connections: chain("start", "mail_1", "mail_2", "mail_3"),
	}
	a.Connections = append(a.Connections, Connection{From: "mail_6", To: "mail_5"})
	assertProblems(t, []string{
		`error unknown_step connections[2].to: there is no step "mail_3": did you mean "mail_4"?`,
		`error unknown_step connections[3].from: there is no step "mail_6": did you mean "mail_4"?`,
	}, Validate(a, ValidateOptions{}))
}

// A guess never adds a problem: a valid automation with one wrong key has one error.
func TestValidate_OneWrongKeyIsOneError(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := genAutomation(t)
		if len(a.Connections) == 0 {
			t.Skip("nothing to misspell")
		}
		conn := anyConnection(t, &a)
		end := rapid.SampledFrom([]*string{&conn.From, &conn.To}).Draw(t, "end")
		*end += rapid.SampledFrom([]string{"s", "_", "ghost"}).Draw(t, "mistake")
		problems := Validate(a, ValidateOptions{})
		assert.Len(t, problems.Errors(), 1, "%s", problems)
		assert.Equal(t, CodeUnknownStep, problems.Errors()[0].Code)
	})
}

// Nothing is expensive to refuse: Validate looks for the meaning of a few keys only.
func TestValidate_GuessesAFewKeysOnly(t *testing.T) {
	t.Parallel()
	a := Automation{Name: "Test", Steps: []Step{start, step("welcome", aDelay)}, Connections: chain("start", "welcome")}
	for range 10 * maxGuesses {
		a.Connections = append(a.Connections, Connection{From: "welcom", To: "wellcome"})
	}
	hints := 0
	for _, p := range Validate(a, ValidateOptions{}) {
		if strings.Contains(p.Message, "did you mean") {
			hints++
		}
	}
	assert.LessOrEqual(t, hints, maxGuesses+1)
	assert.NotZero(t, hints)
}
