package enginetest

import (
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
)

// waitForAny returns a wait for payments and departures of the run's cart.
func waitForAny(key string, timeout time.Duration, lookback bool, resets ...automation.Listener) automation.Step {
	cart := []automation.Match{{Event: "cart"}}
	return automation.Step{Key: key, Config: automation.WaitForAny{
		Events:  []automation.Listener{{Name: "paid", EventName: "paid", Match: cart}, {Name: "left", EventName: "left", Match: cart}},
		ResetOn: resets, Timeout: automation.DurationOf(timeout), Lookback: lookback,
	}}
}

func cartOf(id any) map[string]any { return map[string]any{"cart": id} }

// anyOfSeveral begins two runs of one contact, for two carts.
func anyOfSeveral(f *fixture) {
	a := fork(fork(flow("cart", "cart", waitForAny("wait", longTime, false)), "wait", "paid", email("thanks", "cart", "wait_events.paid.cart")), "wait", "left", email("bye"))
	f.start(a)
	one, two := f.begin("cart", "ada@example.com", cartOf(1)), f.begin("cart", "ada@example.com", cartOf("2"))
	f.waiting(one, "wait")
	f.waiting(two, "wait")
	f.equal("what a run listens to", fmt.Sprint(f.run(one).Listens), "[left paid]")
	for _, other := range []any{2, "1", nil} { // of another type, or null
		e := f.handled(f.send("paid", "ada@example.com", cartOf(other)))
		f.equal("number of runs that another cart resumed", len(e.Resumed), 0)
		f.equal("reason", e.Reason, automation.ReasonFilterNotMet)
	}
	e := f.handled(f.send("left", "ada@example.com", cartOf("2")))
	f.equal("runs that the event resumed", fmt.Sprint(e.Resumed), fmt.Sprint([]string{two}))
	f.equal("branch", stepOf(f.ended(two, automation.RunCompleted), "wait").Branch, automation.ConnectionType("left"))
	f.send("paid", "ada@example.com", cartOf(1.0))
	f.equal("branch", stepOf(f.ended(one, automation.RunCompleted), "wait").Branch, automation.ConnectionType("paid"))
	f.emails("ada@example.com", "bye", "thanks")
}

// anyLooksBack sends both events of a wait, and one of them again, before the wait begins. The
// second wait must not receive what the first has received.
func anyLooksBack(f *fixture) {
	a := flow("cart", "cart", pause("rest", time.Second), waitForAny("first", longTime, true))
	a = fork(fork(a, "first", "left", waitForAny("second", longTime, true)), "first", "paid", email("wrong"))
	a = fork(fork(a, "second", "paid", waitForAny("third", longTime, true)), "third", "paid", email("twice"))
	f.start(a)
	run := f.begin("cart", "ada@example.com", cartOf(1))
	f.reached(run, "reach the delay", func(r automation.Run) bool { return !stepOf(r, "rest").StartedAt.IsZero() })
	f.send("left", "ada@example.com", cartOf(1))
	f.send("paid", "ada@example.com", cartOf(1))
	f.waiting(run, "third")
	f.send("paid", "ada@example.com", cartOf(1))
	f.ended(run, automation.RunCompleted)
	f.emails("ada@example.com", "twice")
}

// anyIsReset resets a wait three times. The wait is long, so that a busy machine cannot reach its
// end in between.
func anyIsReset(f *fixture) {
	reset := automation.Listener{EventName: "touched", Match: []automation.Match{{Event: "cart"}}}
	a := flow("cart", "cart", waitForAny("wait", longTime, false, reset))
	f.start(fork(a, "wait", "paid", email("thanks")))
	run := f.begin("cart", "ada@example.com", cartOf(1))
	f.waiting(run, "wait")
	for range 3 {
		other := f.handled(f.send("touched", "ada@example.com", cartOf(2)))
		f.equal("number of runs that another cart resumed", len(other.Resumed), 0)
		e := f.handled(f.send("touched", "ada@example.com", cartOf(1)))
		f.equal("runs whose wait the event reset", fmt.Sprint(e.Resumed), fmt.Sprint([]string{run}))
		f.equal("end of the wait", f.run(run).DueAt.UTC(), e.AcceptedAt.Add(longTime).UTC())
	}
	f.send("paid", "ada@example.com", cartOf(1))
	f.ended(run, automation.RunCompleted)
	f.emails("ada@example.com", "thanks")
}
