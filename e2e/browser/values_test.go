package browser_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// A second variable cannot take the name of the first: both keep their values, and the reason
// is beside the field until another name is chosen.
func TestEditor_KeepsTheValuesOfTwoVariablesWithOneName(t *testing.T) {
	t.Parallel()
	b := editing(t, world.Flow("welcome", "signup", automation.Step{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{
		ID: "hello", Variables: map[string]automation.Value{"PLAN": automation.String("pro"), "SEATS": automation.String("five")},
	}}}))
	b.click(`[data-step="hello"]`)
	b.fill("Name of variable 2", "PLAN")
	b.reads(".member .problem", "PLAN")
	assert.Equal(t, "PLAN", eval[string](b, fieldOf("Name of variable 2")+".value"), "what was typed stays")
	b.accessible("a name that is taken")
	b.fill("variable SEATS", "six")
	b.fill("variable PLAN", "team")
	b.reads(".member .problem", "PLAN")
	b.fill("Name of variable 2", "PLACES")
	b.until("!document.querySelector('.problem')")
	a := b.saves("welcome")
	want := map[string]automation.Value{"PLAN": automation.String("team"), "PLACES": automation.String("six")}
	assert.Equal(t, want, a.Steps[1].Config.(automation.SendEmail).Template.Variables)
}
