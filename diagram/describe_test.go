package diagram

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
)

func TestDescribe_WritesRulesAsTheyAreRead(t *testing.T) {
	t.Parallel()
	a, b := automation.Field("event.a").Eq(1), automation.Field("event.b").Exists()
	for want, rule := range map[string]automation.Rule{
		"event.a = 1": a,
		"event.a = 1 and (event.b exists or event.a = 1)": automation.All(a, automation.Any(b, a)),
		"not (event.a = 1)": automation.Not(a),
		"event.b exists and not (event.a = 1 or event.b exists)":                     automation.All(b, automation.Not(automation.Any(a, b))),
		"not (event.a = 1 and event.b exists)":                                       {Type: automation.RuleNot, Rules: []automation.Rule{a, b}},
		`event.a in ("x", 1, null)`:                                                  automation.Field("event.a").In("x", 1, nil),
		`event.a in (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, …)`: automation.Field("event.a").In(slices.Repeat([]any{1}, 1000)...),
		"event.a > contact.created_at":                                               automation.Field("event.a").Gt(automation.Var("contact.created_at")),
		"event.a > now - 7 days":                                                     automation.Field("event.a").Gt(automation.Now("-7 days")),
		"event.a ≤ now + 36h":                                                        automation.Field("event.a").Lte(automation.Now("36h")),
		"not ()":                                                                     {Type: automation.RuleNot},
	} {
		_, about := Describe(automation.Step{Key: "s", Config: automation.Condition{Rule: rule}})
		assert.Equal(t, want, about)
	}
}
