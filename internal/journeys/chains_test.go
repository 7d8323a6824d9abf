package journeys_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// tell returns a step that sends an event with the run's cart.
func tell(key, event string) automation.Step {
	return automation.Step{Key: key, Config: automation.SendEvent{
		EventName: event, Payload: map[string]automation.Value{"cart_id": automation.Var("event.cart_id")},
	}}
}

// Case 14: two automations send for each other. What one has sent names an exit and a wait of
// the run that sent it, and of another run.
func TestSendEvent_NeverComesBack(t *testing.T) {
	killed(t, automation.Options{}, func(p *play) {
		p.Create(untilPaid(world.Flow("a", "ping", world.Email("a"), tell("tell", "pong"), tell("pay", "order.paid"),
			world.WaitUpTo("wait", "order.paid", "1 hour"), world.Email("late"))))
		p.Create(world.Flow("b", "pong", world.Email("b"), tell("tell", "ping"), tell("again", "pong")))
		p.Create(untilPaid(world.Flow("ends", "begin", world.Wait("wait", "ping"), world.Email("never"))))
		p.Create(world.Flow("resumes", "begin", world.Wait("wait", "order.paid"), world.Email("thanks")))
		begun := p.Send(world.ForAda("begin", cart(5)))[0]
		p.Drain()
		p.Send(world.ForAda("ping", cart(6))) // resumes the wait of "ends"
		p.Settle(30 * time.Minute)
		require.Len(p.T, p.Runs(), 4, "neither automation has started twice")
		byFlow := map[string]automation.Run{}
		for _, run := range p.Runs() {
			byFlow[run.AutomationID] = run
		}
		assert.Equal(p.T, "wait", byFlow["a"].Step)
		assert.Nil(p.T, byFlow["a"].Exit)
		assert.Equal(p.T, automation.RunCompleted, byFlow["resumes"].Status)
		assert.Equal(p.T, begun, byFlow["ends"].EventID)
		assert.ElementsMatch(p.T, []string{"never", "a", "b", "thanks"}, p.Sent())

		page, err := p.ListEvents(p.Ctx, automation.EventQuery{Contact: automation.ContactRef{ID: byFlow["a"].ContactID}})
		require.NoError(p.T, err)
		sent, chains := 0, 0
		for _, e := range page.Data {
			if e.Cause == nil {
				continue
			}
			sent++
			for _, code := range p.Decided(e.ID) {
				assert.Equal(p.T, automation.DecisionChain, code)
				chains++
			}
		}
		assert.Equal(p.T, 4, sent, "each event is sent once")
		assert.Equal(p.T, 2, chains)
		p.checkEmails()
	})
}

// Case 14: eleven automations in a row start, and the twelfth does not.
func TestSendEvent_ChainHasAnEnd(t *testing.T) {
	killed(t, automation.Options{}, func(p *play) {
		for i := range 13 {
			p.Create(world.Flow(fmt.Sprintf("a%02d", i), fmt.Sprintf("e%02d", i), tell("tell", fmt.Sprintf("e%02d", i+1))))
		}
		p.Create(untilPaid(world.Flow("listens", "begin", world.Wait("wait", "e11"))))
		p.Send(world.ForAda("begin", cart(5)))
		p.Drain()
		p.Send(world.ForAda("e00", cart(5)))
		p.Settle(time.Hour)
		runs := p.Runs()
		assert.Len(p.T, runs, 12)
		for _, run := range runs {
			if run.AutomationID == "listens" {
				assert.Equal(p.T, automation.RunRunning, run.Status, "an event of a chain that is too long resumes nothing")
			} else {
				assert.Equal(p.T, automation.RunCompleted, run.Status)
			}
		}
		page, err := p.ListEvents(p.Ctx, automation.EventQuery{Contact: automation.ContactRef{ID: runs[0].ContactID}})
		require.NoError(p.T, err)
		assert.Len(p.T, page.Data, 13)
	})
}

// Case 11: a wait for any of two events that were accepted before it began, and two waits in a
// row that look back and have one event.
func TestWaitForAny_LooksBack(t *testing.T) {
	wait := func(key string) automation.Step {
		return automation.Step{Key: key, Config: automation.WaitForAny{
			Events: []automation.Listener{
				{Name: "paid", EventName: "order.paid", Match: sameCart}, {Name: "left", EventName: "cart.emptied", Match: sameCart},
			},
			Timeout: automation.MustParseDuration("4 hours"), Lookback: true,
		}}
	}
	killed(t, automation.Options{}, func(p *play) {
		a := world.Flow("carts", "cart.updated", world.Email("hello"), wait("first"), wait("second"))
		a.Connections[len(a.Connections)-1].Type = "left"
		p.Create(a)
		id := p.Send(world.ForAda("cart.updated", cart(5)))[0]
		p.whileMailing(1, func() {
			_, err := p.World.Runner.Send(p.Ctx, world.ForAda("order.paid", cart(6)), world.ForAda("cart.emptied", cart(5)))
			require.NoError(p.T, err)
		})
		p.Drain()
		run := p.Of(id)
		assert.Equal(p.T, automation.ConnectionType("left"), world.Step(p.T, run, "first").Branch)
		assert.Equal(p.T, "second", run.Step, "an event ends one wait of a run")
		assert.Equal(p.T, automation.RunRunning, run.Status)
		p.Send(world.ForAda("order.paid", cart(5)), world.ForAda("cart.emptied", cart(5)))
		p.Settle(5 * time.Hour)
		run = p.Of(id)
		assert.Equal(p.T, automation.ConnectionType("paid"), world.Step(p.T, run, "second").Branch)
		assert.Equal(p.T, automation.RunCompleted, run.Status)
		p.checkEmails()
	})
}
