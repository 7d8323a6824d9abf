package journeys_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// untilPaid ends the runs of a cart when it is paid.
func untilPaid(a automation.Automation) automation.Automation {
	a.Exit = &automation.Exit{Events: []automation.Listener{{Name: "paid", EventName: "order.paid", Match: sameCart}}}
	return a
}

// pay sends the event that ends the runs of a cart, from another process.
func (p *play) pay(id any) {
	p.T.Helper()
	_, err := p.World.Runner.Send(p.Ctx, world.ForAda("order.paid", cart(id)))
	require.NoError(p.T, err)
}

// Case 3: runs of two carts, wherever they stand, and what is no match.
func TestExit_EndsTheRunsOfOneCart(t *testing.T) {
	onEach(t, automation.Options{Retry: automation.RetryPolicy{Jitter: -1, Initial: time.Hour}}, func(p *play) {
		p.Create(untilPaid(world.Flow("waits", "cart.updated", world.WaitUpTo("wait", "other", "9 days"))))
		p.Create(untilPaid(world.Flow("delays", "cart.updated", world.Pause("rest", "9 days"))))
		p.Create(untilPaid(world.Flow("backs-off", "cart.updated", world.Email("busy"), world.Pause("rest", "9 days"))))
		p.Create(untilPaid(world.Flow("holds", "cart.updated", automation.Step{Key: "late", Config: automation.SendEmail{
			Template: automation.TemplateRef{ID: "late"},
			Window:   automation.Window{Hours: []automation.Hours{{From: automation.MustParseLocalTime("20:00"), To: automation.MustParseLocalTime("21:00")}}},
		}}, world.Pause("rest", "9 days"))))
		p.Mailer.Respond = func(_ context.Context, e automation.Email) error {
			if e.TemplateID == "busy" {
				return errors.New("busy")
			}
			return nil
		}
		a := p.Send(world.ForAda("cart.updated", cart(5)))[0]
		b := p.Send(world.ForAda("cart.updated", cart(6)))[0]
		p.Drain()
		require.Len(p.T, p.In(automation.RunRunning), 8)
		for _, payload := range []any{nil, cart(nil), cart("5"), cart(true), cart([]int{5}), map[string]any{"cart": 5}} {
			id := p.Send(world.ForAda("order.paid", payload))[0]
			p.Drain()
			e, err := p.GetEvent(p.Ctx, id)
			require.NoError(p.T, err)
			assert.Empty(p.T, e.Ended, "%v", payload)
			assert.Empty(p.T, p.Decided(id))
		}
		require.Len(p.T, p.In(automation.RunRunning), 8)
		paid := p.Send(world.ForAda("order.paid", cart(5.0)))[0]
		p.Drain()
		for _, run := range p.RunsOf(a) {
			assert.Equal(p.T, automation.RunCompleted, run.Status, run.AutomationID)
			if assert.NotNil(p.T, run.Exit, run.AutomationID) {
				assert.Equal(p.T, automation.RunExit{Reason: automation.ExitEvent, Name: "paid", EventID: paid, Step: run.Step, At: p.Clock.Now()}, *run.Exit)
				assert.Equal(p.T, automation.StepCancelled, world.Step(p.T, run, run.Step).Status)
			}
		}
		for _, run := range p.RunsOf(b) {
			assert.Equal(p.T, automation.RunRunning, run.Status, run.AutomationID)
		}
		e, err := p.GetEvent(p.Ctx, paid)
		require.NoError(p.T, err)
		assert.Len(p.T, e.Ended, 4)
	})
}

// Case 4: one event ends a run, ends the wait of another and starts one. Each happens once, in
// that order: what ends does not act on the event, and what starts does not take it.
func TestEvent_EndsResumesAndStarts(t *testing.T) {
	killed(t, automation.Options{}, func(p *play) {
		p.Create(untilPaid(world.Flow("ends", "cart.updated", world.Wait("wait", "order.paid"), world.Email("never"))))
		p.Create(world.Flow("resumes", "cart.updated", world.Wait("wait", "order.paid"), world.Email("thanks")))
		p.Create(untilPaid(world.Flow("starts", "order.paid", world.Email("receipt"), world.Wait("wait", "order.paid"), world.Email("second"))))
		all := perCart(untilPaid(world.Flow("all", "cart.updated", world.Wait("wait", "order.paid"), world.Email("never, too"))), automation.ReentryIgnore)
		all.Entry.Triggers = []automation.EntryTrigger{{EventName: "order.paid"}}
		p.Create(all)
		begun := p.Send(world.ForAda("cart.updated", cart(5)))[0]
		p.Drain()
		paid := p.Send(world.ForAda("order.paid", cart(5)))[0]
		p.Settle(time.Hour)

		e, err := p.GetEvent(p.Ctx, paid)
		require.NoError(p.T, err)
		assert.Len(p.T, e.Ended, 2)
		assert.Len(p.T, e.Resumed, 1)
		assert.Len(p.T, e.Started, 2, "the run that the event has ended does not stand in the way")
		assert.Empty(p.T, p.Decided(paid))
		for _, run := range p.RunsOf(begun) {
			assert.Equal(p.T, run.AutomationID != "resumes", run.Exit != nil, run.AutomationID)
			assert.Equal(p.T, automation.RunCompleted, run.Status)
		}
		for _, run := range p.RunsOf(paid) {
			assert.Equal(p.T, automation.RunRunning, run.Status, run.AutomationID)
		}
		assert.ElementsMatch(p.T, []string{"thanks", "receipt"}, p.Sent())

		second := p.Send(world.ForAda("order.paid", cart(5)))[0]
		p.Settle(time.Hour)
		assert.ElementsMatch(p.T, []string{"thanks", "receipt", "receipt"}, p.Sent())
		for _, run := range p.RunsOf(paid) {
			assert.NotNil(p.T, run.Exit, run.AutomationID)
		}
		assert.Len(p.T, p.RunsOf(second), 2)
		p.checkEmails()
	})
}

// Case 5: the exit comes while the mailer has the email.
func TestExit_WhileTheMailerHasTheEmail(t *testing.T) {
	for _, delivery := range []automation.Delivery{automation.AtLeastOnce, automation.AtMostOnce} {
		t.Run(string(delivery), func(t *testing.T) {
			killed(t, automation.Options{Delivery: delivery}, func(p *play) {
				p.Create(untilPaid(world.Flow("carts", "cart.updated", world.Email("one"), world.Email("two"))))
				id := p.Send(world.ForAda("cart.updated", cart(5)))[0]
				p.whileMailing(1, func() { p.pay(5) })
				p.Settle(time.Hour)
				run := p.Of(id)
				unknown := run.Status == automation.RunFailed && run.Error.Code == automation.FailedUnknown
				if delivery == automation.AtMostOnce && unknown {
					assert.Nil(p.T, run.Exit)
					p.Retry(run.ID)
					p.Settle(time.Hour)
					run = p.Of(id)
				}
				assert.Equal(p.T, automation.RunCompleted, run.Status)
				assert.NotNil(p.T, run.Exit)
				assert.Equal(p.T, []string{"one"}, p.Sent())
				p.checkEmails()
			})
		})
	}
}

// Case 5: the exit comes between two attempts, and to a run that has failed.
func TestExit_BetweenAttemptsAndAfterAFailure(t *testing.T) {
	killed(t, automation.Options{Retry: automation.RetryPolicy{Jitter: -1, Initial: 10 * time.Minute, MaxAttempts: 2}}, func(p *play) {
		p.Create(untilPaid(world.Flow("carts", "cart.updated", world.Email("one"), world.Email("two"))))
		p.Mailer.Respond = func(_ context.Context, e automation.Email) error { return errors.New("busy") }
		failed := p.Send(world.ForAda("cart.updated", cart(6)))[0]
		p.Settle(24 * time.Hour)
		require.Equal(p.T, automation.RunFailed, p.Of(failed).Status)
		backsOff := p.Send(world.ForAda("cart.updated", cart(5)))[0]
		p.Drain()
		require.Equal(p.T, automation.RunRunning, p.Of(backsOff).Status)
		p.Send(world.ForAda("order.paid", cart(5)), world.ForAda("order.paid", cart(6)))
		p.Mailer.Respond = nil
		p.Drain()
		assert.NotNil(p.T, p.Of(backsOff).Exit)
		assert.NotEmpty(p.T, world.Step(p.T, p.Of(backsOff), "one").Attempts)
		run := p.Of(failed)
		assert.Equal(p.T, automation.RunFailed, run.Status, "a run that has failed is left alone")
		p.Retry(run.ID)
		p.Settle(24 * time.Hour)
		run = p.Of(failed)
		assert.Equal(p.T, automation.RunCompleted, run.Status)
		if assert.NotNil(p.T, run.Exit) {
			assert.Equal(p.T, "paid", run.Exit.Name)
		}
		assert.Equal(p.T, automation.StepFailed, world.Step(p.T, run, "one").Status)
		assert.Empty(p.T, p.Sent())
		p.checkEmails()
	})
}

// Case 16: ten emails in a row under one lease, and the exit comes while the third is with the
// mailer.
func TestExit_NoFourthEmail(t *testing.T) {
	row := make([]automation.Step, 10)
	for i := range row {
		row[i] = world.Email(fmt.Sprint(i + 1))
	}
	for name, tt := range map[string]struct {
		retry automation.RetryPolicy
		busy  bool          // the second email is refused at first
		stall time.Duration // of the process while the mailer has the third
	}{
		"at once":               {},
		"in back-off of zero":   {retry: automation.RetryPolicy{Initial: 1}, busy: true},
		"after a longer stall":  {stall: cutOff},
		"after a shorter stall": {stall: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			opts := automation.Options{Retry: tt.retry}
			opts.Retry.Jitter = -1
			killed(t, opts, func(p *play) {
				p.Create(untilPaid(world.Flow("carts", "cart.updated", row...)))
				id := p.Send(world.ForAda("cart.updated", cart(5)))[0]
				paid, refused := false, false
				p.Mailer.Respond = func(_ context.Context, e automation.Email) error {
					if tt.busy && e.TemplateID == "2" && !refused {
						refused = true
						return errors.New("busy")
					}
					if e.TemplateID != "3" || paid {
						return nil
					}
					paid = true
					p.pay(5)
					if tt.stall > 0 {
						p.Clock.Add(tt.stall)
						p.elsewhere(func(r *automation.Runner) error {
							_, err := r.Drain(p.Ctx)
							return err
						})
					}
					return nil
				}
				p.Settle(24 * time.Hour)
				assert.Equal(p.T, []string{"1", "2", "3"}, p.Sent())
				assert.NotNil(p.T, p.Of(id).Exit)
				p.checkEmails()
			})
		})
	}
}

// Case 17: a process dies with a begun run, and more other runs of the contact are due than one
// claim brings. The exit is found all the same, before the next email.
func TestExit_OfABegunRunBehindManyThatAreDue(t *testing.T) {
	killed(t, automation.Options{}, func(p *play) {
		p.runsPerClaim = 2
		p.restart()
		p.Create(world.Flow("others", "cart.viewed", world.Pause("rest", "1 minute"), world.Email("other")))
		p.Create(untilPaid(world.Flow("carts", "cart.updated", world.Email("one"), world.Email("two"), world.Email("three"))))
		for range 5 {
			p.Send(world.ForAda("cart.viewed", nil))
		}
		p.Drain()
		p.Clock.Add(time.Minute) // they are due, and before the run that begins now
		id := p.Send(world.ForAda("cart.updated", cart(5)))[0]
		p.Clock.Add(time.Second)
		p.Mailer.Respond = func(_ context.Context, e automation.Email) error {
			if e.TemplateID == "one" && p.mails == nil {
				p.mails = append(p.mails, e)
				p.pay(5)
			}
			return nil
		}
		p.Settle(24 * time.Hour)
		assert.NotNil(p.T, p.Of(id).Exit)
		assert.ElementsMatch(p.T, []string{"one", "other", "other", "other", "other", "other"}, p.Sent())
		p.checkEmails()
	})
}

// Case 9: what does not hold at the entry, while a run sleeps, when it wakes, and between two
// attempts.
func TestWhileRule_IsReadWhenTheRunActs(t *testing.T) {
	onEach(t, automation.Options{Retry: automation.RetryPolicy{Jitter: -1, Initial: time.Hour}}, func(p *play) {
		a := world.Flow("trial", "signup", world.Pause("rest", "1 day"), world.Email("one"), world.Email("two"))
		a.Exit = &automation.Exit{WhileRule: automation.Field("contact.properties.paid").Neq(true)}
		p.Create(a)
		set := func(paid bool) {
			c := p.Contact("ada@example.com")
			_, err := p.UpdateContact(p.Ctx, c.ID, automation.ContactChange{Properties: map[string]any{"paid": paid}})
			require.NoError(p.T, err)
		}
		p.AddContact(automation.Contact{Email: "ada@example.com", Properties: map[string]any{"paid": true}})
		refused := p.Send(world.ForAda("signup", nil))[0]
		p.Drain()
		assert.Empty(p.T, p.Runs())
		assert.Equal(p.T, []automation.DecisionCode{automation.DecisionAudience}, p.Decided(refused))

		set(false)
		back := p.Send(world.ForAda("signup", nil))[0]
		p.Drain()
		set(true)
		p.Pass(12 * time.Hour)
		require.Equal(p.T, automation.RunRunning, p.Of(back).Status, "a run that sleeps is not read")
		set(false)
		p.Pass(12 * time.Hour)
		require.Equal(p.T, automation.RunCompleted, p.Of(back).Status)
		assert.Nil(p.T, p.Of(back).Exit, "it holds again by then")
		require.Equal(p.T, []string{"one", "two"}, p.Sent())

		wakes := p.Send(world.ForAda("signup", nil))[0]
		p.Drain()
		set(true)
		p.Pass(24 * time.Hour)
		run := p.Of(wakes)
		if assert.NotNil(p.T, run.Exit) {
			assert.Equal(p.T, automation.RunExit{Reason: automation.ExitCondition, Step: run.Step, At: p.Clock.Now()}, *run.Exit)
		}
		assert.Equal(p.T, automation.StepSkipped, world.Step(p.T, run, "two").Status)

		set(false)
		retries := p.Send(world.ForAda("signup", nil))[0]
		p.Mailer.Respond = func(context.Context, automation.Email) error { return errors.New("busy") }
		p.Drain()
		p.Pass(24 * time.Hour)
		require.Equal(p.T, automation.RunRunning, p.Of(retries).Status)
		set(true)
		p.Mailer.Respond = nil
		p.Pass(time.Hour)
		assert.NotNil(p.T, p.Of(retries).Exit)
		assert.Equal(p.T, []string{"one", "two"}, p.Sent())

		// It stops to hold while the first of two emails is with the mailer.
		set(false)
		mails := p.Send(world.ForAda("signup", nil))[0]
		p.Drain()
		p.Mailer.Respond = func(context.Context, automation.Email) error {
			set(true)
			return nil
		}
		p.Pass(24 * time.Hour)
		assert.NotNil(p.T, p.Of(mails).Exit)
		assert.Equal(p.T, []string{"one", "two", "one"}, p.Sent())
		p.checkEmails()
	})
}
