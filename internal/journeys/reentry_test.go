package journeys_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

var sameCart = []automation.Match{{Event: "cart_id"}}

func cart(id any) map[string]any { return map[string]any{"cart_id": id} }

// perCart lets each cart of a contact in on its own.
func perCart(a automation.Automation, while automation.WhileRunning) automation.Automation {
	a.Entry = &automation.Entry{Reentry: automation.Reentry{Key: "event.cart_id", WhileRunning: while}}
	return a
}

// touched is a flow whose wait names the event that starts it.
func touched(while automation.WhileRunning) automation.Automation {
	return perCart(world.Flow("carts", "cart.updated", world.Email("hello"),
		automation.Step{Key: "wait", Config: automation.WaitForAny{Events: []automation.Listener{{EventName: "cart.updated", Match: sameCart}}}},
		world.Email("again")), while)
}

// whileMailing calls f once, while the mailer has the email with this number.
func (p *play) whileMailing(number int, f func()) {
	n := 0
	p.Mailer.Respond = func(_ context.Context, e automation.Email) error {
		if p.mails = append(p.mails, e); len(p.mails) == number {
			if n++; n == 1 {
				f()
			}
		}
		return nil
	}
}

// Case 1: the event is an entry of the wait of the run that it replaces, comes on two processes
// at once, and while an email is with the mailer. One run is left.
func TestRestart_LeavesOneRun(t *testing.T) {
	killed(t, automation.Options{}, func(p *play) {
		p.Create(touched(automation.ReentryRestart))
		ids := p.Send(world.ForAda("cart.updated", cart(5)))
		p.whileMailing(2, func() {
			p.elsewhere(func(r *automation.Runner) error {
				receipts, err := r.Send(p.Ctx, world.ForAda("cart.updated", cart(5.0)), world.ForAda("cart.updated", cart("5")))
				require.NoError(p.T, err)
				ids = append(ids, receipts[0].ID)
				_, err = r.Drain(p.Ctx)
				return err
			})
		})
		p.Drain()
		ids = append(ids, p.Send(world.ForAda("cart.updated", cart(5)))...)
		p.Drain()
		ids = append(ids, p.Send(world.ForAda("cart.updated", cart(5)), world.ForAda("cart.updated", cart(5)))...)
		p.elsewhere(func(r *automation.Runner) error {
			_, err := r.Drain(p.Ctx)
			return err
		})
		p.Settle(time.Hour)

		require.Len(p.T, p.In(automation.RunRunning), 2, "one for each cart")
		replaced := 0
		for _, id := range ids {
			if run := p.Of(id); run.Status == automation.RunRunning {
				assert.Equal(p.T, "wait", run.Step)
			} else {
				replaced++
				assert.Equal(p.T, automation.RunCancelled, run.Status)
				assert.Equal(p.T, automation.CancelledReplaced, run.Error.Code)
			}
		}
		assert.Equal(p.T, len(ids)-1, replaced)
		assert.NotContains(p.T, p.Sent(), "again", "a run that is replaced does not act on the event before")
		p.checkEmails()
	})
}

func TestIgnore_StartsOneRun(t *testing.T) {
	killed(t, automation.Options{}, func(p *play) {
		p.Create(perCart(world.Flow("carts", "cart.updated", world.Email("hello"), world.Pause("rest", "1 day"), world.Email("bye")), automation.ReentryIgnore))
		first := p.Send(world.ForAda("cart.updated", cart(5)))[0]
		var refused []string
		p.whileMailing(1, func() {
			p.elsewhere(func(r *automation.Runner) error {
				receipts, err := r.Send(p.Ctx, world.ForAda("cart.updated", cart(5.0)))
				require.NoError(p.T, err)
				refused = append(refused, receipts[0].ID)
				_, err = r.Drain(p.Ctx)
				return err
			})
		})
		p.Drain()
		refused = append(refused, p.Send(world.ForAda("cart.updated", cart(5)), world.ForAda("cart.updated", cart(5)))...)
		p.Settle(time.Hour)
		require.Len(p.T, p.Runs(), 1)
		require.Equal(p.T, first, p.Run().EventID)
		for _, id := range refused {
			assert.Equal(p.T, []automation.DecisionCode{automation.DecisionRunning}, p.Decided(id))
		}
		p.Settle(48 * time.Hour)
		again := p.Send(world.ForAda("cart.updated", cart(5)))[0]
		p.Settle(48 * time.Hour)
		assert.Equal(p.T, automation.RunCompleted, p.Of(again).Status)
		assert.Equal(p.T, []string{"hello", "bye", "hello", "bye"}, p.Sent())
		p.checkEmails()
	})
}
