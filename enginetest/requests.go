package enginetest

import (
	"context"
	"sync/atomic"

	"github.com/seed-b636437c/automation"
)

func requestChecks() []Check {
	return []Check{
		check("requests/a run that sleeps is cancelled at once", cancelAsleep),
		check("requests/a run is cancelled during an effect, after its outcome", cancelDuringEffect),
		check("requests/a run that waits to try again is cancelled", cancelBackingOff),
		check("requests/a failed run goes on from the step that failed", retryFailed),
		check("requests/all runs of an automation are cancelled when it is stopped", cancelAll),
	}
}

func cancelAsleep(f *fixture) {
	f.start(flow("rest", "signup", pause("rest", longTime), email("hello")), flow("wait", "signup", wait("wait", "paid", 0), email("thanks")))
	ids := f.handled(f.send("signup", "ada@example.com", nil)).Started
	f.equal("number of runs", len(ids), 2)
	for _, id := range ids {
		_, err := f.Runner.CancelRun(f.ctx, id)
		f.must("cancel", err)
		f.equal("error", code(f.ended(id, automation.RunCancelled)), automation.CancelledByRequest)
		_, err = f.Runner.CancelRun(f.ctx, id)
		f.must("cancel again", err)
		_, err = f.Runner.RetryRun(f.ctx, id)
		f.refused("retry of a cancelled run", err, automation.ErrConflict)
	}
	e := f.handled(f.send("paid", "ada@example.com", nil))
	f.equal("runs that an event resumed after their cancellation", len(e.Resumed), 0)
	f.equal("emails", len(f.mailer.sent("")), 0)
	_, err := f.Runner.CancelRun(f.ctx, "missing")
	f.refused("cancel of a run that does not exist", err, automation.ErrNotFound)
}

func cancelDuringEffect(f *fixture) {
	gate := f.gate("hello")
	f.start(flow("welcome", "signup", email("hello"), email("tips")))
	id := f.begin("signup", "ada@example.com", nil)
	gate.reached(1)
	_, err := f.Runner.CancelRun(f.ctx, id)
	f.must("cancel", err)
	gate.open()
	run := f.ended(id, automation.RunCancelled)
	f.equal("steps", statuses(run), "hello=completed start=completed tips=cancelled")
	f.caughtUp("ada@example.com")
	f.equal("emails", f.mailer.sentTo("ada@example.com"), []string{"hello"})
}

func cancelBackingOff(f *fixture) {
	f.fails(100, &automation.RateLimitError{After: longTime, Err: errBusy})
	f.start(flow("welcome", "signup", email("hello")))
	id := f.begin("signup", "ada@example.com", nil)
	f.reached(id, "back off", func(r automation.Run) bool { return len(stepOf(r, "hello").Attempts) == 1 })
	_, err := f.Runner.CancelRun(f.ctx, id)
	f.must("cancel", err)
	f.ended(id, automation.RunCancelled)
	f.attempts("hello", 1)
}

func retryFailed(f *fixture) {
	var mended atomic.Bool
	f.mailer.respond = func(_ context.Context, e automation.Email) error {
		if e.TemplateID == "tips" && !mended.Load() {
			return automation.Permanent(errBusy)
		}
		return nil
	}
	f.start(flow("welcome", "signup", email("hello"), email("tips"), wait("rest", "go-on", 0), email("bye")))
	id := f.begin("signup", "ada@example.com", nil)
	f.ended(id, automation.RunFailed)
	mended.Store(true)
	for range 2 { // the second request changes nothing
		_, err := f.Runner.RetryRun(f.ctx, id)
		f.must("retry", err)
	}
	f.waiting(id, "rest")
	f.send("go-on", "ada@example.com", nil)
	f.reached(id, "be completed", func(r automation.Run) bool { return r.Status == automation.RunCompleted })
	f.equal("emails", f.mailer.sentTo("ada@example.com"), []string{"hello", "tips", "bye"})
	tries := f.mailer.tries("tips")
	f.equal("key of the retry", tries[1].IdempotencyKey, tries[0].IdempotencyKey)
	_, err := f.Runner.RetryRun(f.ctx, id)
	f.refused("retry of a completed run", err, automation.ErrConflict)
}

func cancelAll(f *fixture) {
	f.start(flow("rest", "signup", pause("rest", longTime)), flow("other", "signup", pause("rest", longTime)))
	const n = 30
	var all [][]string
	for _, id := range f.sendAll(events("signup", n)...) {
		all = append(all, f.handled(id).Started)
	}
	_, err := f.Runner.StopAutomation(f.ctx, "rest", automation.StopOptions{CancelRuns: true})
	f.must("stop", err)
	for _, started := range all {
		f.equal("number of runs", len(started), 2)
		for _, id := range started {
			if f.run(id).AutomationID == "rest" {
				f.equal("error", code(f.ended(id, automation.RunCancelled)), automation.CancelledByRequest)
				continue
			}
			f.equal("status of a run of another automation", f.run(id).Status, automation.RunRunning)
		}
	}
}
