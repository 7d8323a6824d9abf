package journeys_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
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

// limited lets a contact in so often.
func limited(a automation.Automation, limit int, per string) automation.Automation {
	r := automation.Reentry{Limit: limit}
	if per != "" {
		r.Per = automation.MustParseDuration(per)
	}
	a.Entry = &automation.Entry{Reentry: r}
	return a
}

// Case 2: a thousand copies of an event, by the contact's email in any letter case and by its
// id, on three processes at once. There is one run for ever.
func TestLimit_OnceForEver(t *testing.T) {
	onEach(t, automation.Options{}, func(p *play) {
		once := p.Create(limited(world.Flow("once", "signup", world.Email("hello")), 1, ""))
		ada := p.AddContact(automation.Contact{Email: "ada@example.com"})
		refs := []automation.Event{
			{Name: "signup", Email: "ada@example.com"}, {Name: "signup", Email: "ADA@Example.com"}, {Name: "signup", ContactID: ada.ID},
		}
		copies := func(n int) []automation.Event {
			events := make([]automation.Event, n)
			for i := range events {
				events[i] = refs[i%len(refs)]
			}
			return events
		}
		var nodes sync.WaitGroup
		for range 3 {
			node := p.On(&world.Store{Store: p.base}, p.Opts)
			nodes.Go(func() {
				for range 3 {
					_, err := node.Send(p.Ctx, copies(100)...)
					assert.NoError(p.T, err)
					_, err = node.Drain(p.Ctx)
					assert.NoError(p.T, err)
				}
			})
		}
		nodes.Wait()
		p.Send(copies(100)...)
		p.Settle(time.Hour)
		require.Len(p.T, p.Runs(), 1)

		p.Clock.Add(100 * 24 * time.Hour)
		pruned, err := p.Prune(p.Ctx, time.Hour)
		require.NoError(p.T, err)
		assert.Equal(p.T, 1000, pruned.Events)
		require.Empty(p.T, p.Runs())
		ids := p.Send(refs...)
		p.Drain()
		_, err = p.StopAutomation(p.Ctx, once.ID, automation.StopOptions{})
		require.NoError(p.T, err)
		enabled := automation.StatusEnabled
		_, err = p.UpdateAutomation(p.Ctx, once.ID, automation.AutomationUpdate{Status: &enabled})
		require.NoError(p.T, err)
		ids = append(ids, p.Send(refs...)...)
		p.Drain()
		next := limited(world.Flow("once", "signup", world.Email("hello"), world.Email("more")), 1, "")
		_, err = p.UpdateAutomation(p.Ctx, once.ID, automation.AutomationUpdate{Steps: next.Steps, Connections: next.Connections})
		require.NoError(p.T, err)
		ids = append(ids, p.Send(refs...)...)
		p.Drain()
		assert.Empty(p.T, p.Runs())
		for _, id := range ids {
			assert.Equal(p.T, []automation.DecisionCode{automation.DecisionLimit}, p.Decided(id))
		}
		assert.Equal(p.T, []string{"hello"}, p.Sent())
	})
}

// Case 2, with a process that dies.
func TestLimit_OnceForEverWithKills(t *testing.T) {
	killed(t, automation.Options{}, func(p *play) {
		p.Create(limited(world.Flow("once", "signup", world.Email("hello"), world.Pause("rest", "1 day"), world.Email("bye")), 1, ""))
		p.Send(world.Signup("ada@example.com"), world.Signup("ADA@example.com"))
		p.whileMailing(1, func() {
			p.elsewhere(func(r *automation.Runner) error {
				_, err := r.Send(p.Ctx, world.Signup("Ada@example.com"))
				require.NoError(p.T, err)
				_, err = r.Drain(p.Ctx)
				return err
			})
		})
		p.Settle(48 * time.Hour)
		p.Send(world.Signup("ada@example.com"))
		p.Settle(48 * time.Hour)
		assert.Len(p.T, p.Runs(), 1)
		assert.Equal(p.T, []string{"hello", "bye"}, p.Sent())
		p.checkEmails()
	})
}

// Case 21: the commit that starts a run is refused, because the automation was disabled or has
// changed since the claim, or it is written twice.
func TestLimit_CountsTheStartsThatThereAre(t *testing.T) {
	limit := func() automation.Automation {
		return limited(world.Flow("twice", "signup", world.Email("hello")), 2, "")
	}
	disabled, enabled := automation.StatusDisabled, automation.StatusEnabled
	for name, tt := range map[string]struct {
		meanwhile func(p *play)
		starts    bool // the first event starts a run all the same
	}{
		"disabled": {func(p *play) {
			_, err := p.UpdateAutomation(p.Ctx, "twice", automation.AutomationUpdate{Status: &disabled})
			require.NoError(p.T, err)
		}, false},
		"disabled and enabled": {func(p *play) {
			for _, status := range []*automation.Status{&disabled, &enabled} {
				_, err := p.UpdateAutomation(p.Ctx, "twice", automation.AutomationUpdate{Status: status})
				require.NoError(p.T, err)
			}
		}, true},
		"changed": {func(p *play) {
			next := world.Flow("twice", "signup", world.Email("hello"), world.Email("more"))
			_, err := p.UpdateAutomation(p.Ctx, "twice", automation.AutomationUpdate{Steps: next.Steps, Connections: next.Connections})
			require.NoError(p.T, err)
		}, true},
		"pruned": {func(p *play) {
			for i := range 60 {
				next := world.Flow("twice", "signup", world.Email(fmt.Sprintf("hello-%d", i)))
				_, err := p.UpdateAutomation(p.Ctx, "twice", automation.AutomationUpdate{Steps: next.Steps, Connections: next.Connections})
				require.NoError(p.T, err)
			}
			_, err := p.Prune(p.Ctx, 0)
			require.NoError(p.T, err)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, automation.Options{}, func(p *play) {
				p.Create(limit())
				p.AddContact(automation.Contact{Email: "ada@example.com"})
				first := p.Send(world.ForAda("signup", nil))[0]
				once := false
				p.Store.BeforeCommit = func([]automation.Transition) error {
					if !once {
						once = true
						tt.meanwhile(p)
					}
					return nil
				}
				p.Drain()
				if _, err := p.UpdateAutomation(p.Ctx, "twice", automation.AutomationUpdate{Status: &enabled}); err != nil {
					require.NoError(p.T, err)
				}
				p.Settle(time.Hour)
				started := 0
				if tt.starts {
					started = 1
				}
				assert.Len(p.T, p.RunsOf(first), started)
				p.Send(world.ForAda("signup", nil), world.ForAda("signup", nil), world.ForAda("signup", nil))
				p.Settle(time.Hour)
				assert.Len(p.T, p.Runs(), 2)
			})
		})
	}
	t.Run("written twice", func(t *testing.T) {
		onEach(t, automation.Options{}, func(p *play) {
			p.Create(limit())
			p.Store.OnCommit = func(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
				if _, err := next.Commit(ctx, ts); err != nil {
					return nil, err
				}
				return next.Commit(ctx, ts)
			}
			for range 4 {
				p.Send(world.ForAda("signup", nil))
				_, err := p.Runner.Drain(p.Ctx)
				if err != nil {
					require.ErrorIs(p.T, err, automation.ErrLeaseLost)
				}
				p.Clock.Add(cutOff)
			}
			p.Store.OnCommit = nil
			p.Settle(time.Hour)
			assert.Len(p.T, p.Runs(), 2)
			assert.Len(p.T, p.Sent(), 2)
		})
	})
}

// Case 21: no process works for a week. What counts is when the events were accepted.
func TestLimit_CountsABacklogByAcceptance(t *testing.T) {
	killed(t, automation.Options{}, func(p *play) {
		p.Create(limited(world.Flow("daily", "signup", world.Email("hello")), 1, "1 day"))
		p.AddContact(automation.Contact{Email: "ada@example.com"})
		var ids []string
		for range 7 {
			ids = append(ids, p.Send(world.ForAda("signup", nil), world.ForAda("signup", nil))...)
			p.Clock.Add(24 * time.Hour)
		}
		p.Settle(time.Hour)
		for i, id := range ids {
			if i%2 == 0 {
				assert.Len(p.T, p.RunsOf(id), 1, i)
				continue
			}
			assert.Empty(p.T, p.RunsOf(id), i)
			assert.Equal(p.T, []automation.DecisionCode{automation.DecisionLimit}, p.Decided(id))
		}
		p.checkEmails()
	})
}

// Case 22: what is one unit, and what is none.
func TestKey_IsComparedByValueAndType(t *testing.T) {
	onEach(t, automation.Options{}, func(p *play) {
		p.Create(untilPaid(perCart(world.Flow("carts", "cart.updated", world.Pause("rest", "1 day")), automation.ReentryIgnore)))
		p.AddContact(automation.Contact{Email: "ada@example.com"})
		send := func(event, id string) string {
			return p.Send(automation.Event{Name: event, Email: "ada@example.com", Payload: []byte(`{"cart_id": ` + id + `}`)})[0]
		}
		long := `"` + strings.Repeat("x", 200<<10) + `"`
		units := [][]string{
			{"5", "5.0", "5e0", "50e-1"}, {`"5"`}, {"9007199254740993"}, {"9007199254740992", "9007199254740992.0"},
			{"true"}, {`"true"`}, {"0", "-0", "0.0"}, {`""`}, {long},
		}
		for _, unit := range units {
			first := ""
			for _, id := range unit {
				e := send("cart.updated", id)
				p.Drain()
				if first == "" {
					first = e
					require.Len(p.T, p.RunsOf(e), 1, "%.20s", id)
					continue
				}
				assert.Equal(p.T, []automation.DecisionCode{automation.DecisionRunning}, p.Decided(e), id)
			}
		}
		require.Len(p.T, p.Runs(), len(units))
		for _, none := range []string{"null", "{}", "[5]", `{"a": 5}`} {
			e := send("cart.updated", none)
			paid := send("order.paid", none)
			p.Drain()
			assert.Equal(p.T, []automation.DecisionCode{automation.DecisionKeyMissing}, p.Decided(e), none)
			handled, err := p.GetEvent(p.Ctx, paid)
			require.NoError(p.T, err)
			assert.Empty(p.T, handled.Ended, none)
		}
		for i, unit := range units {
			paid := send("order.paid", unit[len(unit)-1])
			p.Drain()
			e, err := p.GetEvent(p.Ctx, paid)
			require.NoError(p.T, err)
			assert.Len(p.T, e.Ended, 1, "%.20s", unit[0])
			assert.Len(p.T, p.In(automation.RunRunning), len(units)-1-i)
		}
	})
}
