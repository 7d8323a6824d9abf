package enginetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

func exitChecks() []Check {
	return []Check{
		check("exits/an event ends the runs that it matches, wherever they are", exitAnywhere),
		check("exits/an event during an email ends the run after the outcome", exitInFlight),
		check("exits/no email begins after an exit was accepted", exitBetweenEmails),
		check("exits/a run ends when it acts and its rule does not hold", exitByRule),
		check("exits/a run is cancelled when it is too old", exitByAge),
		check("exits/a failed run cannot be retried past an exit", exitBeforeRetry),
	}
}

// leaving returns the automation with rules of exit.
func leaving(a automation.Automation, rules automation.Exit) automation.Automation {
	a.Exit = &rules
	return a
}

// atPayment ends a run when its cart is paid.
var atPayment = automation.Exit{Events: []automation.Listener{{Name: "paid", EventName: "paid", Match: []automation.Match{{Event: "cart"}}}}}

// exited waits until the run has ended at an event.
func (f *fixture) exited(run, eventID, step string) {
	r := f.ended(run, automation.RunCompleted)
	if r.Exit == nil {
		f.failf("the run should have ended at an event; it is %s", runText(r))
	}
	f.equal("exit", fmt.Sprint(r.Exit.Reason, " ", r.Exit.Name, " ", r.Exit.EventID, " ", r.Exit.Step), fmt.Sprint("event paid ", eventID, " ", step))
}

// exitAnywhere begins runs for two carts, of which one is paid.
func exitAnywhere(f *fixture) {
	f.opts.Retry.Initial, f.opts.Retry.Max = longTime, longTime
	f.mailer.respond = func(_ context.Context, e automation.Email) error {
		if e.TemplateID == "try" {
			return errors.New("try again")
		}
		return nil
	}
	f.start(leaving(flow("delay", "cart", pause("rest", longTime), email("delayed")), atPayment),
		leaving(flow("wait", "cart", wait("rest", "answer", 0), email("answered")), atPayment),
		leaving(flow("tries", "cart", email("try"), email("tried")), atPayment))
	const to = "ada@example.com"
	steps := map[string]string{"delay": "rest", "wait": "rest", "tries": "try"}
	begin := func(cart int) []string {
		runs := f.handled(f.send("cart", to, cartOf(cart))).Started
		f.equal("number of runs", len(runs), 3)
		for _, id := range runs {
			f.reached(id, "rest", func(r automation.Run) bool {
				s := stepOf(r, r.Step)
				return r.Step == steps[r.AutomationID] && (s.Status == automation.StepWaiting || len(s.Attempts) == 1)
			})
		}
		return runs
	}
	paid, open := begin(1), begin(2)
	e := f.handled(f.send("paid", to, cartOf(1)))
	slices.Sort(paid)
	f.equal("runs that the event ended", slices.Sorted(slices.Values(e.Ended)), paid)
	f.equal("reason", e.Reason, "")
	for _, id := range paid {
		f.exited(id, e.ID, steps[f.run(id).AutomationID])
	}
	other := f.handled(f.send("paid", to, cartOf("2"))) // of another type
	f.equal("runs that another cart ended", len(other.Ended), 0)
	for _, id := range open {
		f.equal("status", f.run(id).Status, automation.RunRunning)
	}
	f.equal("number of emails", len(f.mailer.sent("")), 0)
}

func exitInFlight(f *fixture) {
	gate := f.gate("first")
	f.start(leaving(flow("cart", "cart", email("first"), email("second")), atPayment))
	id := f.send("cart", "ada@example.com", cartOf(1))
	gate.reached(1)
	paid := f.send("paid", "ada@example.com", cartOf(1))
	gate.open()
	run := f.ended(f.started(id), automation.RunCompleted)
	f.equal("status of the email that was in flight", stepOf(run, "first").Status, automation.StepCompleted)
	f.equal("runs that the event ended", f.handled(paid).Ended, []string{run.ID})
	f.exited(run.ID, paid, run.Step)
	f.caughtUp("ada@example.com")
	f.equal("emails", f.mailer.sentTo("ada@example.com"), []string{"first"})
}

// exitBetweenEmails sends the exit of each run while its third email of many is with the mailer.
func exitBetweenEmails(f *fixture) {
	const n = 30
	f.mailer.respond = func(ctx context.Context, e automation.Email) error {
		if e.TemplateID != "email-3" {
			return nil
		}
		_, err := f.Runner.Send(ctx, event("paid", e.To, cartOf(1)))
		return err
	}
	var emails []automation.Step
	for i := range 6 {
		emails = append(emails, email(fmt.Sprint("email-", i+1)))
	}
	f.start(leaving(flow("cart", "cart", emails...), atPayment))
	carts := make([]automation.Event, n)
	for i := range carts {
		carts[i] = event("cart", address(i), cartOf(1))
	}
	for i, id := range f.sendAll(carts...) {
		run := f.ended(f.started(id), automation.RunCompleted)
		f.equal("emails", f.mailer.sentTo(address(i)), []string{"email-1", "email-2", "email-3"})
		f.equal("exit", run.Exit != nil && run.Exit.Reason == automation.ExitEvent, true)
	}
}

// exitByRule blocks one contact during a delay, and another one during an email.
func exitByRule(f *fixture) {
	gate := f.gate("first")
	f.start(leaving(flow("calls", "cart", pause("rest", time.Second), email("first"), email("second")), automation.Exit{
		WhileRule: automation.Field("contact.properties.blocked").Neq(true),
	}))
	block := func(email string) {
		_, err := f.Runner.UpdateContact(f.ctx, f.find(email).ID, automation.ContactChange{Properties: map[string]any{"blocked": true}})
		f.must("update the contact", err)
	}
	f.contact("ada@example.com")
	f.contact("bob@example.com")
	asleep, busy := f.begin("cart", "ada@example.com", nil), f.send("cart", "bob@example.com", nil)
	block("ada@example.com")
	gate.reached(1)
	block("bob@example.com")
	gate.open()
	for run, step := range map[string]string{asleep: "first", f.started(busy): "second"} {
		r := f.ended(run, automation.RunCompleted)
		f.equal("exit", r.Exit != nil && r.Exit.Reason == automation.ExitCondition && r.Exit.Step == step, true)
	}
	f.equal("emails", len(f.mailer.sentTo("ada@example.com")), 0)
	f.equal("emails", f.mailer.sentTo("bob@example.com"), []string{"first"})
	f.refuses(f.send("cart", "ada@example.com", nil), "calls", automation.DecisionAudience)
}

func exitByAge(f *fixture) {
	const age = 1500 * time.Millisecond
	f.start(leaving(flow("wait", "cart", wait("wait", "paid", 0), email("thanks")), automation.Exit{MaxAge: automation.DurationOf(age)}),
		leaving(flow("rest", "cart", pause("rest", longTime), email("late")), automation.Exit{MaxAge: automation.DurationOf(age)}))
	e := f.handled(f.send("cart", "ada@example.com", nil))
	f.equal("number of runs", len(e.Started), 2)
	for _, id := range e.Started {
		run := f.ended(id, automation.RunCancelled)
		f.equal("code", code(run), automation.CancelledMaxAge)
		f.equal("the run ended too early", run.CompletedAt.Before(e.AcceptedAt.Add(age)), false)
	}
	f.equal("number of emails", len(f.mailer.sent("")), 0)
}

func exitBeforeRetry(f *fixture) {
	f.mailer.respond = func(context.Context, automation.Email) error { return automation.Permanent(errors.New("refused")) }
	f.start(leaving(flow("cart", "cart", email("hello")), atPayment))
	run := f.begin("cart", "ada@example.com", cartOf(1))
	f.ended(run, automation.RunFailed)
	paid := f.handled(f.send("paid", "ada@example.com", cartOf(1)))
	f.equal("runs that the event ended", len(paid.Ended), 0)
	f.equal("status", f.run(run).Status, automation.RunFailed)
	_, err := f.Runner.RetryRun(f.ctx, run)
	f.must("retry", err)
	f.reached(run, "end at the event", func(r automation.Run) bool { return r.Status == automation.RunCompleted })
	f.exited(run, paid.ID, "hello")
	f.caughtUp("ada@example.com")
	f.equal("attempts", len(f.mailer.tries("hello")), 1)
}
