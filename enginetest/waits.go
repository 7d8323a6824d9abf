package enginetest

import (
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
)

func waitChecks() []Check {
	return []Check{
		check("waits/an event right after the start of a wait resumes it", waitThenEvent),
		check("waits/an event right before the start of a run does not resume its wait", eventThenWait),
		check("waits/no wake-up is lost when an event and a wait come at once", waitAndEventAtOnce),
		check("waits/one event resumes all runs that wait for it", waitOfMany),
		check("waits/only an event that fits the filter resumes a wait", waitWithFilter),
		check("waits/lookback finds an event that came since the run started", lookbackFinds),
		check("waits/lookback does not count what came before the run", lookbackEnds),
		check("waits/the first of several events that matches the run takes its branch", anyOfSeveral),
		check("waits/an event ends one of several waits that look back", anyLooksBack),
		check("waits/an event puts off the end of a wait", anyIsReset),
	}
}

// waiters is how many contacts take part in the checks about lost wake-ups.
const waiters = 200

// batch is how many events are sent at once where one by one would take long.
const batch = 20

func waitThenEvent(f *fixture) {
	f.start(flow("wait", "signup", wait("wait", "paid", 0), email("thanks")))
	runs := make([]string, waiters)
	for i, id := range f.sendAll(events("signup", waiters)...) {
		runs[i] = f.started(id)
	}
	payments := events("paid", waiters)
	for i := 0; i < waiters; i += batch {
		for _, run := range runs[i : i+batch] {
			f.waiting(run, "wait")
		}
		f.sendAll(payments[i : i+batch]...)
	}
	f.untilEqual("runs", func() any { return f.count("wait") }, map[automation.RunStatus]int{automation.RunCompleted: waiters})
	for i := range waiters {
		f.equal("emails", f.mailer.sentTo(address(i)), []string{"thanks"})
	}
}

func eventThenWait(f *fixture) {
	f.start(flow("wait", "signup", wait("wait", "paid", 0), email("thanks")))
	const n = 20
	runs := make([]string, n)
	for i := range n {
		f.contact(address(i))
		ids := f.sendAll(event("paid", address(i), nil), event("signup", address(i), nil))
		runs[i] = ids[1]
	}
	for i := range n {
		runs[i] = f.started(runs[i])
	}
	f.caughtUp(addresses(n)...)
	for i := range n {
		f.equal("step of a run whose event came too early", f.run(runs[i]).Step, "wait")
	}
	f.equal("emails", len(f.mailer.sent("")), 0)
}

// waitAndEventAtOnce sends the event that starts a run, and the one for which the run waits, at
// the same moment. The wait with lookback must find its event if that was accepted after the
// other. The plain wait may miss only what was accepted before it began.
func waitAndEventAtOnce(f *fixture) {
	f.start(flow("plain", "signup", wait("wait", "paid", 0), email("thanks")),
		flow("patient", "signup", lookBack("wait", "paid"), email("thanks-too")))
	// An event that is handled before its contact exists is no event of the contact.
	f.create(flow("meet", "meet", set("met", "met", automation.Bool(true))))
	for _, id := range f.sendAll(events("meet", waiters)...) {
		f.started(id)
	}
	signups, payments := make([]string, waiters), make([]string, waiters)
	for _, err := range atOnce(2*waiters, func(i int) error {
		name, ids := "signup", signups
		if i%2 == 1 {
			name, ids = "paid", payments
		}
		receipts, err := f.Runner.Send(f.ctx, event(name, address(i/2), nil))
		if err == nil {
			ids[i/2] = receipts[0].ID
		}
		return err
	}) {
		f.must("send", err)
	}
	for i := range waiters {
		f.met(f.handled(signups[i]), f.handled(payments[i]))
	}
	f.sendAll(events("paid", waiters)...) // what waits still can be resumed
	for _, id := range []string{"plain", "patient"} {
		f.untilEqual("runs of "+id, func() any { return f.count(id) }, map[automation.RunStatus]int{automation.RunCompleted: waiters})
	}
	for i := range waiters {
		f.equal("number of emails", len(f.mailer.sentTo(address(i))), 2)
	}
}

// met ends the check if a payment resumed too few of the two runs of a signup.
func (f *fixture) met(signup, payment automation.EventRecord) {
	f.equal("number of runs", len(signup.Started), 2)
	for _, id := range signup.Started {
		resumed := false
		for _, other := range payment.Resumed {
			resumed = resumed || other == id
		}
		run := f.run(id)
		began := stepOf(run, "wait").StartedAt
		if run.AutomationID == "patient" {
			began = signup.AcceptedAt.Add(time.Microsecond) // at the same moment either may be first
		}
		if !resumed && !payment.AcceptedAt.Before(began) && stepOf(run, "wait").Status == automation.StepWaiting {
			f.failf("a wait of %q that began at %s missed an event that was accepted at %s", run.AutomationID, began, payment.AcceptedAt)
		}
	}
}

func waitOfMany(f *fixture) {
	f.start(flow("one", "signup", wait("wait", "paid", 0), email("first")), flow("two", "signup", wait("wait", "paid", longTime), email("second")))
	var runs []string
	for range 3 {
		runs = append(runs, f.handled(f.send("signup", "ada@example.com", nil)).Started...)
	}
	f.equal("number of runs", len(runs), 6)
	for _, run := range runs {
		f.waiting(run, "wait")
	}
	e := f.handled(f.send("paid", "ada@example.com", nil))
	f.equal("number of runs that the event resumed", len(e.Resumed), 6)
	for _, run := range runs {
		f.ended(run, automation.RunCompleted)
	}
	f.equal("number of emails", len(f.mailer.sent("")), 6)
}

func waitWithFilter(f *fixture) {
	filtered := automation.Step{Key: "wait", Config: automation.WaitForEvent{
		EventName: "paid", FilterRule: automation.Field("event.amount").Gt(100),
	}}
	f.start(flow("wait", "signup", filtered, email("thanks", "amount", "wait_events.paid.amount")))
	run := f.begin("signup", "ada@example.com", nil)
	f.waiting(run, "wait")
	small := f.handled(f.send("paid", "ada@example.com", map[string]any{"amount": 5}))
	f.equal("reason of an event that does not fit", small.Reason, automation.ReasonFilterNotMet)
	f.equal("status", f.run(run).Status, automation.RunRunning)
	f.send("paid", "ada@example.com", map[string]any{"amount": 500})
	f.ended(run, automation.RunCompleted)
	f.equal("amount", fmt.Sprint(f.mailer.sent("thanks")[0].Variables["amount"]), "500")
}

// lookbackFinds sends the event while one run performs an effect before the wait, and another
// run rests before it.
func lookbackFinds(f *fixture) {
	gate := f.gate("hello")
	f.start(flow("busy", "signup", email("hello"), lookBack("wait", "paid"), email("busy-email", "n", "wait_events.paid.n")),
		flow("rests", "signup", pause("rest", time.Second), lookBack("wait", "paid"), email("rested-email", "n", "wait_events.paid.n")))
	runs := f.handled(f.send("signup", "ada@example.com", nil)).Started
	gate.reached(1)
	f.send("paid", "ada@example.com", map[string]any{"n": 7})
	gate.open()
	f.equal("number of runs", len(runs), 2)
	for _, run := range runs {
		f.ended(run, automation.RunCompleted)
	}
	f.equal("number of emails", len(f.mailer.sentTo("ada@example.com")), 3)
	for _, template := range []string{"busy-email", "rested-email"} {
		f.equal("number in the payload", fmt.Sprint(f.mailer.sent(template)[0].Variables["n"]), "7")
	}
}

func lookbackEnds(f *fixture) {
	f.start(flow("wait", "signup", pause("rest", time.Second), lookBack("wait", "paid"), email("thanks", "n", "wait_events.paid.n")))
	f.contact("ada@example.com")
	f.handled(f.send("paid", "ada@example.com", map[string]any{"n": 1}))
	run := f.begin("signup", "ada@example.com", nil)
	f.waiting(run, "wait")
	f.send("paid", "ada@example.com", map[string]any{"n": 2})
	f.ended(run, automation.RunCompleted)
	f.equal("number in the payload", fmt.Sprint(f.mailer.sent("thanks")[0].Variables["n"]), "2")
}
