package diagram_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/diagram"
)

func TestDescribeEntry_HasALineForEachRule(t *testing.T) {
	t.Parallel()
	assert.Nil(t, diagram.DescribeEntry(nil))
	assert.Empty(t, diagram.DescribeEntry(&automation.Entry{}))
	assert.Equal(t, []string{
		`also on cart.shared if event.by = "friend"`,
		"only if event.total > 0",
		`audience: not (contact.segments contains "staff")`,
		"per cart_id: restarts, 3 times in 30 days",
	}, diagram.DescribeEntry(cart.Entry))
	for want, r := range map[string]automation.Reentry{
		"per contact: once":                {Limit: 1},
		"per contact: one at a time, once": {Limit: 1, WhileRunning: automation.ReentryIgnore},
		"per contact: queue":               {WhileRunning: "queue"},
		"only with id":                     {Key: "event.id", WhileRunning: automation.ReentryParallel},
		"per a b: once":                    {Key: "event.a\nb", Limit: 1},
	} {
		assert.Equal(t, []string{want}, diagram.DescribeEntry(&automation.Entry{Reentry: r}))
	}
}

func TestDescribeExit_HasALineForEachRule(t *testing.T) {
	t.Parallel()
	assert.Nil(t, diagram.DescribeExit(nil))
	assert.Equal(t, []string{
		"ends on order.paid with the same cart_id, order.team = contact.properties.team",
		"ends on cart.emptied if event.items = 0",
		"ends unless contact.properties.blocked ≠ true",
		"ends after 14 days",
	}, diagram.DescribeExit(cart.Exit))
}

func TestDrawings_OfARunHaveTheExitsAndNoRulesOfEntry(t *testing.T) {
	t.Parallel()
	text := diagram.Mermaid(cart, diagram.Options{Run: &automation.Run{Status: automation.RunRunning}})
	assert.Contains(t, text, "ends on order.paid")
	assert.NotContains(t, text, "only if")
	without := cart
	without.Entry, without.Exit = nil, nil
	assert.False(t, strings.Contains(diagram.Mermaid(without, diagram.Options{}), "ends"))
}
