package enginetest

import (
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
)

func branchChecks() []Check {
	return []Check{
		check("branches/a condition takes exactly one", branchOfCondition),
		check("branches/a branch step takes exactly one of many", branchOfMany),
		check("branches/a split gives a contact one variant in every run", branchOfSplit),
		check("branches/an event and the timeout at the same moment take exactly one", branchOfRace),
		check("branches/an event in time wins over the timeout, however late both are handled", branchOfLateEvent),
		check("branches/a wait times out without its event", branchOfTimeout),
	}
}

func branchOfCondition(f *fixture) {
	a := flow("sort", "signup", when("high", automation.Field("event.n").Gte(50)), email("high-email"))
	f.start(fork(a, "high", automation.ConnectionConditionNotMet, email("low-email")))
	const n = 100
	for i, id := range f.sendAll(events("signup", n)...) {
		run := f.ended(f.started(id), automation.RunCompleted)
		want, other := "low-email", "high-email"
		if i >= 50 {
			want, other = other, want
		}
		f.equal("emails", f.mailer.sentTo(address(i)), []string{want})
		f.equal("step on the branch", stepOf(run, want).Status, automation.StepCompleted)
		f.equal("step on the other branch", stepOf(run, other).Status, automation.StepSkipped)
	}
}

func branchOfMany(f *fixture) {
	a := flow("sort", "signup", automation.Step{Key: "size", Config: automation.Branch{Branches: []automation.BranchRule{
		{Name: "large", Rule: automation.Field("event.n").Gte(40)},
		{Name: "medium", Rule: automation.Field("event.n").Gte(20)},
	}}})
	branches := []automation.ConnectionType{"large", "medium", automation.ConnectionDefault}
	for _, branch := range branches {
		a = fork(a, "size", branch, email(string(branch)))
	}
	f.start(a)
	const n = 60
	for i, id := range f.sendAll(events("signup", n)...) {
		run := f.ended(f.started(id), automation.RunCompleted)
		want := branches[2-i/20]
		f.equal("branch", stepOf(run, "size").Branch, want)
		f.equal("emails", f.mailer.sentTo(address(i)), []string{string(want)})
		for _, other := range branches {
			if other != want {
				f.equal("step on another branch", stepOf(run, string(other)).Status, automation.StepSkipped)
			}
		}
	}
}

func branchOfSplit(f *fixture) {
	a := flow("offer", "signup", automation.Step{Key: "offer", Config: automation.Split{Variants: []automation.Variant{
		{Name: "ten", Weight: 45}, {Name: "plain", Weight: 45}, {Name: "none", Weight: 10, Holdout: true},
	}}})
	a = fork(fork(a, "offer", "ten", email("discount")), "offer", "plain", email("reminder"))
	f.start(a)
	const n = 50
	emails := map[automation.ConnectionType][]string{"ten": {"discount", "discount"}, "plain": {"reminder", "reminder"}}
	first, second := f.sendAll(events("signup", n)...), f.sendAll(events("signup", n)...)
	for i := range n {
		run := f.ended(f.started(first[i]), automation.RunCompleted)
		variant := []automation.ConnectionType{"ten", "plain", "none"}[automation.VariantIndex("offer/offer", run.ContactID, []int{45, 45, 10})]
		f.equal("variant", stepOf(run, "offer").Branch, variant)
		f.equal("variant of the second run", stepOf(f.ended(f.started(second[i]), automation.RunCompleted), "offer").Branch, variant)
		f.equal("emails", f.mailer.sentTo(address(i)), emails[variant])
	}
}

// race is an event that is sent around the deadline of a wait.
type race struct {
	run, event string
	deadline   time.Time
	sent       time.Time // when Send returned
}

// branchOfRace sends the events of many waits a little before, at and a little after their
// deadlines.
func branchOfRace(f *fixture) {
	a := flow("ask", "ask", wait("wait", "answer", time.Second), email("thanks"))
	f.start(fork(a, "wait", automation.ConnectionTimeout, email("sorry")))
	const n = 60
	races := make([]race, n)
	for i, id := range f.sendAll(events("ask", n)...) {
		races[i].run = f.started(id)
		races[i].deadline = f.deadline(races[i].run, time.Second)
	}
	for _, err := range atOnce(n, func(i int) error {
		<-time.After(time.Until(races[i].deadline.Add(time.Duration(i-n/2) * 4 * time.Millisecond)))
		receipts, err := f.Runner.Send(f.ctx, event("answer", address(i), nil))
		races[i].sent = time.Now()
		if err == nil {
			races[i].event = receipts[0].ID
		}
		return err
	}) {
		f.must("send", err)
	}
	for i, r := range races {
		f.settled(i, r)
	}
}

// settled ends the check unless the run took one branch, and the right one.
func (f *fixture) settled(i int, r race) {
	e := f.handled(r.event)
	run := f.ended(r.run, automation.RunCompleted)
	branch := stepOf(run, "wait").Branch
	want := map[automation.ConnectionType]string{automation.ConnectionEventReceived: "thanks", automation.ConnectionTimeout: "sorry"}[branch]
	f.equal(fmt.Sprintf("emails after the branch %q", branch), f.mailer.sentTo(address(i)), []string{want})
	switch {
	case !r.sent.After(r.deadline) && branch != automation.ConnectionEventReceived:
		f.failf("an event that was accepted %s before the deadline loses against the timeout", r.deadline.Sub(r.sent))
	case e.AcceptedAt.After(r.deadline) && branch != automation.ConnectionTimeout:
		f.failf("an event that was accepted %s after the deadline wins over the timeout", e.AcceptedAt.Sub(r.deadline))
	}
}

// branchOfLateEvent tries again with more time if the machine is too busy to stop a process
// before the deadline of a wait.
func branchOfLateEvent(f *fixture) {
	f.open()
	for i, timeout := range []time.Duration{1500 * time.Millisecond, 6 * time.Second, 20 * time.Second} {
		if f.handlesLate(fmt.Sprint("ask", i), timeout) {
			return
		}
	}
	f.failf("no process stopped before the deadline of a wait")
}

// handlesLate sends an event before the deadline of a wait, and another one after the deadline
// of another wait, while no process works. It returns false if there was too little time.
func (f *fixture) handlesLate(name string, timeout time.Duration) bool {
	f.create(fork(flow(name, name, wait("wait", "answer", timeout), email("thanks")), "wait", automation.ConnectionTimeout, email("sorry")))
	w := f.work(f.Another())
	inTime, late := f.begin(name, "ada@example.com", nil), f.begin(name, "bob@example.com", nil)
	deadline := f.deadline(inTime, timeout)
	latest := f.deadline(late, timeout)
	f.must("stop", f.stop(w))
	f.send("answer", "ada@example.com", nil)
	if time.Now().After(deadline) {
		return false
	}
	f.passUntil(latest.Add(50 * time.Millisecond))
	f.send("answer", "bob@example.com", nil)
	f.work(f.Another())
	f.equal("branch of an event in time", stepOf(f.ended(inTime, automation.RunCompleted), "wait").Branch, automation.ConnectionEventReceived)
	f.equal("branch of a late event", stepOf(f.ended(late, automation.RunCompleted), "wait").Branch, automation.ConnectionTimeout)
	return true
}

// deadline returns when the wait of a run times out.
func (f *fixture) deadline(run string, timeout time.Duration) time.Time {
	r := f.reached(run, "reach the wait", func(r automation.Run) bool { return !stepOf(r, "wait").StartedAt.IsZero() })
	return stepOf(r, "wait").StartedAt.Add(timeout)
}

func branchOfTimeout(f *fixture) {
	a := flow("ask", "ask", wait("wait", "answer", time.Second), email("thanks"))
	f.start(fork(a, "wait", automation.ConnectionTimeout, email("sorry")), flow("strict", "strict", wait("wait", "answer", time.Second), email("never")))
	asked := f.begin("ask", "ada@example.com", nil)
	f.send("answer", "bob@example.com", nil)
	strict := f.begin("strict", "cleo@example.com", nil)
	run := f.ended(asked, automation.RunCompleted)
	f.equal("branch", stepOf(run, "wait").Branch, automation.ConnectionTimeout)
	f.emails("ada@example.com", "sorry")
	f.equal("error of a wait without a branch for the timeout", code(f.ended(strict, automation.RunFailed)), automation.FailedTimeout)
}
