package journeys_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// Case 12: a contact keeps its variant in later runs, in a new version, under another address
// and on another node, and a run keeps the variant that it has. Twenty contacts are enough for
// both variants.
func TestSplit_VariantOfAContactStays(t *testing.T) {
	onEach(t, automation.Options{}, func(p *play) {
		flow := world.Flow("flow", "signup", automation.Step{Key: "offer", Config: automation.Split{Variants: []automation.Variant{
			{Name: "a", Weight: 1}, {Name: "b", Weight: 1}, {Name: "never", Weight: 0},
		}}})
		flow.Steps = append(flow.Steps, world.Pause("a", "1 day"), world.Pause("b", "1 day"))
		flow.Connections = append(flow.Connections,
			automation.Connection{From: "offer", To: "a", Type: "a"}, automation.Connection{From: "offer", To: "b", Type: "b"})
		created := p.Create(flow)
		p.AddContacts(20)
		p.Send(world.Signups(20)...)
		p.Drain()
		first := p.variants()
		require.Len(p.T, first, 20)
		seen := map[automation.ConnectionType]bool{}
		for contact, v := range first {
			want := []automation.ConnectionType{"a", "b"}[automation.VariantIndex("flow/offer", contact, []int{1, 1, 0})]
			require.Equal(p.T, []automation.ConnectionType{want}, v)
			seen[want] = true
			email := fmt.Sprintf("renamed-%s@example.com", contact)
			_, err := p.UpdateContact(p.Ctx, contact, automation.ContactChange{Email: &email})
			require.NoError(p.T, err)
		}
		require.Len(p.T, seen, 2)

		created.Steps[2].Config = automation.Delay{Duration: automation.MustParseDuration("2 days")}
		_, err := p.UpdateAutomation(p.Ctx, created.ID, automation.AutomationUpdate{Steps: created.Steps, Connections: created.Connections})
		require.NoError(p.T, err)
		p.restart()
		for contact := range first {
			p.Send(automation.Event{Name: "signup", ContactID: contact})
		}
		p.Pass(24 * time.Hour)
		for contact, v := range p.variants() {
			require.Equal(p.T, []automation.ConnectionType{first[contact][0], first[contact][0]}, v)
		}
	})
}

// variants returns the variants of each contact, by its id.
func (p *play) variants() map[string][]automation.ConnectionType {
	p.T.Helper()
	byContact := map[string][]automation.ConnectionType{}
	for _, run := range p.Runs() {
		byContact[run.ContactID] = append(byContact[run.ContactID], world.Step(p.T, run, "offer").Branch)
	}
	return byContact
}
