package enginetest

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
)

func fenceChecks() []Check {
	return []Check{
		check("fence/processes at once perform each effect once", fenceOfEffects),
		check("fence/an effect that takes long is not performed by another process", fenceOfLongEffect),
	}
}

// fenceOfEffects lets four processes work. Emails take a while, so that there is time to begin
// them twice. The mailer finds out if that happens.
func fenceOfEffects(f *fixture) {
	f.mailer.respond = func(context.Context, automation.Email) error {
		time.Sleep(5 * time.Millisecond) // stands for the work of a mail server
		return nil
	}
	f.start(flow("welcome", "signup", email("hello"), set("greet", "greeted", automation.Bool(true)), email("tips")))
	f.work(f.Another())
	f.work(f.Another())
	const n = 100
	ids := f.sendAll(append(events("signup", n), events("signup", n)...)...)
	for i, id := range ids {
		run := f.ended(f.started(id), automation.RunCompleted)
		for _, step := range []string{"hello", "tips"} {
			f.equal(fmt.Sprintf("attempts of %s that failed, of event %d", step, i), stepOf(run, step).Attempts, []automation.Attempt(nil))
		}
	}
	for i := range n {
		f.equal("number of emails to a contact", len(f.mailer.sentTo(address(i))), 4)
	}
	for _, e := range f.mailer.sent("") {
		f.equal("number of the attempt", e.Attempt, 1)
	}
}

func fenceOfLongEffect(f *fixture) {
	gate := f.gate("hello")
	f.start(flow("welcome", "signup", email("hello"), email("tips")))
	run := f.begin("signup", "ada@example.com", nil)
	gate.reached(1)
	for range 3 { // events of the contact are a reason to look at the run
		f.send("other", "ada@example.com", nil)
		f.pass(500 * time.Millisecond)
	}
	f.equal("attempts", len(f.mailer.tries("hello")), 1)
	gate.open()
	f.ended(run, automation.RunCompleted)
	f.emails("ada@example.com", "hello", "tips")
}
