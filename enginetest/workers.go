package enginetest

import (
	"context"
	"time"

	"github.com/seed-b636437c/automation"
)

func workerChecks() []Check {
	return []Check{
		check("workers/one that stops lets its effects finish, and another goes on", workerFinishes),
		check("workers/one that stops hands over effects that do not finish", workerHandsOver),
		check("workers/what is accepted while none works is done later", workerComesLater),
		check("workers/come and go without a loss", workersComeAndGo),
	}
}

func workerFinishes(f *fixture) {
	gate := f.gate("hello")
	f.open()
	f.create(flow("welcome", "signup", email("hello"), email("tips")))
	w := f.work(f.Engine)
	id := f.begin("signup", "ada@example.com", nil)
	gate.reached(1)
	w.cancel()
	gate.open()
	f.must("stop", f.stop(w))
	f.work(f.Another())
	f.ended(id, automation.RunCompleted)
	f.equal("emails", f.mailer.sentTo("ada@example.com"), []string{"hello", "tips"})
	f.attempts("hello", 1)
}

func workerHandsOver(f *fixture) {
	gate := f.gate("hello")
	f.opts.ShutdownTimeout = 200 * time.Millisecond
	f.opts.Retry.MaxAttempts = 1 // a stop spends no attempt
	f.open()
	f.create(flow("welcome", "signup", email("hello"), email("tips")))
	w := f.work(f.Engine)
	id := f.begin("signup", "ada@example.com", nil)
	gate.reached(1)
	f.must("stop", f.stop(w))
	gate.open()
	f.work(f.Another())
	f.ended(id, automation.RunCompleted)
	f.attempts("hello", 1, 1)
	f.emails("ada@example.com", "hello", "tips")
}

func workerComesLater(f *fixture) {
	f.open()
	f.create(flow("welcome", "signup", email("hello"), pause("rest", time.Second), email("tips")))
	ids := f.sendAll(events("signup", 20)...)
	w := f.work(f.Another())
	for _, id := range ids {
		f.reached(f.started(id), "reach the delay", func(r automation.Run) bool { return !stepOf(r, "rest").StartedAt.IsZero() })
	}
	f.must("stop", f.stop(w))
	sent := len(f.mailer.sent("tips"))
	f.pass(1200 * time.Millisecond) // the delays end while no process works
	f.equal("emails while no process worked", len(f.mailer.sent("tips"))-sent, 0)
	f.work(f.Engine)
	for i, id := range ids {
		f.ended(f.started(id), automation.RunCompleted)
		f.equal("emails", f.mailer.sentTo(address(i)), []string{"hello", "tips"})
	}
}

// workersComeAndGo stops the processes one after the other, while there is work.
func workersComeAndGo(f *fixture) {
	f.mailer.respond = func(ctx context.Context, _ automation.Email) error {
		select {
		case <-time.After(2 * time.Millisecond): // stands for the work of a mail server
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f.open()
	f.create(flow("welcome", "signup", email("hello"), email("tips"), email("bye")))
	const n = 150
	ids := f.sendAll(events("signup", n)...)
	for range 5 {
		w := f.work(f.Another())
		f.pass(50 * time.Millisecond)
		f.must("stop", f.stop(w))
	}
	f.work(f.Engine)
	for i, id := range ids {
		f.ended(f.started(id), automation.RunCompleted)
		f.equal("emails", f.mailer.sentTo(address(i)), []string{"hello", "tips", "bye"})
	}
}
