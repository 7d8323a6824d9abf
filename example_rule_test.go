package automation_test

import (
	"encoding/json"
	"fmt"

	"github.com/seed-b636437c/automation"
)

// A compiled rule shows which contacts would take a branch, before the automation is
// enabled.
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

// All and Any group comparisons. In JSON the groups have the types "and" and "or".
func ExampleAll() {
	rule := automation.All(
		automation.Field("event.plan").Eq("pro"),
		automation.Any(
			automation.Field("contact.properties.seats").Gte(5),
			automation.Field("contact.email").EndsWith("@acme.example"),
		),
	)
	encoded, err := json.MarshalIndent(rule, "", "  ")
	must(err)
	fmt.Println(string(encoded))
	// Output:
	// {
	//   "type": "and",
	//   "rules": [
	//     {
	//       "type": "rule",
	//       "field": "event.plan",
	//       "operator": "eq",
	//       "value": "pro"
	//     },
	//     {
	//       "type": "or",
	//       "rules": [
	//         {
	//           "type": "rule",
	//           "field": "contact.properties.seats",
	//           "operator": "gte",
	//           "value": 5
	//         },
	//         {
	//           "type": "rule",
	//           "field": "contact.email",
	//           "operator": "ends_with",
	//           "value": "@acme.example"
	//         }
	//       ]
	//     }
	//   ]
	// }
}

// A wait takes the event only if its filter holds.
func ExampleField() {
	wait := automation.WaitForEvent{
		EventName:  "setup.progress",
		Timeout:    automation.MustParseDuration("3 days"),
		FilterRule: automation.Field("event.percent").Gte(100),
	}
	encoded, err := json.Marshal(wait)
	must(err)
	fmt.Println(string(encoded))
	// Output:
	// {"event_name":"setup.progress","timeout":"3 days","filter_rule":{"type":"rule","field":"event.percent","operator":"gte","value":100}}
}
