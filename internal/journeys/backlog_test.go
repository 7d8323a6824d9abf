package journeys_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// One claim brings the event that starts a run and the one that ends it. No attempt begins.
func TestExit_InTheClaimThatStartsTheRun(t *testing.T) {
	for _, delivery := range []automation.Delivery{automation.AtLeastOnce, automation.AtMostOnce} {
		t.Run(string(delivery), func(t *testing.T) {
			killed(t, automation.Options{Delivery: delivery}, func(p *play) {
				p.Create(untilPaid(world.Flow("carts", "cart.updated", world.Email("one"), world.Email("two"))))
				p.AddContact(automation.Contact{Email: "ada@example.com"})
				ids := p.Send(world.ForAda("cart.updated", cart(5)), world.ForAda("order.paid", cart(5)))
				p.Settle(time.Hour)
				run := p.Of(ids[0])
				assert.NotNil(p.T, run.Exit)
				assert.Empty(p.T, p.Sent())
				assert.Empty(p.T, world.Step(p.T, run, "one").Attempts, "no attempt was cut off")
				assert.Equal(p.T, automation.StepCancelled, world.Step(p.T, run, "one").Status)
				p.checkEmails()
			})
		})
	}
}

// One claim brings the events that start a run and the one that replaces it.
func TestRestart_InTheClaimThatStartsTheRun(t *testing.T) {
	for _, delivery := range []automation.Delivery{automation.AtLeastOnce, automation.AtMostOnce} {
		t.Run(string(delivery), func(t *testing.T) {
			killed(t, automation.Options{Delivery: delivery}, func(p *play) {
				p.Create(perCart(world.Flow("carts", "cart.updated", world.Email("one")), automation.ReentryRestart))
				p.AddContact(automation.Contact{Email: "ada@example.com"})
				ids := p.Send(world.ForAda("cart.updated", cart(5)), world.ForAda("cart.updated", cart(5)), world.ForAda("cart.updated", cart(6)))
				p.Settle(time.Hour)
				run := p.Of(ids[0])
				assert.Equal(p.T, automation.RunCancelled, run.Status)
				assert.Empty(p.T, world.Step(p.T, run, "one").Attempts, "no attempt was cut off")
				if delivery == automation.AtLeastOnce {
					assert.Equal(p.T, []string{"one", "one"}, p.Sent())
				}
				p.checkEmails()
			})
		})
	}
}
