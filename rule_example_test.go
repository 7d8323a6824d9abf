package automation_test

import (
	"fmt"

	"github.com/seed-b636437c/automation"
)

// Who would take the branch of a condition, before the automation is enabled.
func ExampleCompileRule() {
	rule, err := automation.CompileRule(automation.All(
		automation.Field("contact.properties.plan").Eq("pro"),
		automation.Field("contact.properties.seats").Gte(5),
	), automation.RuleOptions{})
	if err != nil {
		fmt.Println(err) // everything that is wrong with the rule
		return
	}
	for _, contact := range []automation.Contact{
		{Email: "ada@example.com", Properties: map[string]any{"plan": "pro", "seats": 12}},
		{Email: "bob@example.com", Properties: map[string]any{"plan": "pro", "seats": 2}},
		{Email: "cem@example.com"},
	} {
		held, err := rule.Holds(automation.Data{Contact: &contact})
		fmt.Println(contact.Email, held, err)
	}
	// Output:
	// ada@example.com true <nil>
	// bob@example.com false <nil>
	// cem@example.com false <nil>
}
