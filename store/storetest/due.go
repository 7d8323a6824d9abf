package storetest

import (
	"time"

	"github.com/seed-b636437c/automation"
)

func dueChecks() []Check {
	return []Check{
		check("due/nothing is due in an empty store", dueNothing),
		check("due/a run is claimed when its time has come and not before", dueRun),
		check("due/the first event, run or expiring lease is next", dueNext),
		check("due/a lease without work is not due when it expires", dueIdleLease),
		check("due/1970 is a time like any other", dueEpoch),
	}
}

func dueNothing(f *fixture) {
	f.equal("next due", f.nextDue(), "never")
	f.idle(at(0))
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	f.run(v, contact, waiting("ping"))
	f.run(v, contact, ended(automation.RunCompleted, at(0)))
	f.equal("next due", f.nextDue(), "never")
	f.idle(at(1e6))
}

func dueRun(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	run := f.run(v, contact, asleep(at(10)))
	f.idle(at(10).Add(-time.Microsecond))
	w := f.claimOne(at(10))
	f.equal("runs", runsOf(w), []string{run.ID})

	change := automation.RunChange{RunRecord: run}
	change.DueAt = time.Date(2400, 1, 1, 0, 0, 0, 0, time.UTC)
	t := release(w, at(10))
	t.Runs = []automation.RunChange{change}
	f.commit(t)
	f.equal("next due", f.nextDue(), stamp(change.DueAt))
	f.idle(at(1e6))
	f.equal("runs", runsOf(f.claimOne(change.DueAt)), []string{run.ID})
}

func dueNext(f *fixture) {
	v := f.automation("welcome", "signup")
	ada, bob := f.contact("ada@example.com"), f.contact("bob@example.com")
	f.run(v, ada, asleep(at(50)))
	f.equal("with a run that sleeps", f.nextDue(), stamp(at(50)))
	f.run(v, bob, asleep(at(40)))
	f.equal("with another that sleeps less", f.nextDue(), stamp(at(40)))
	f.send("a", ada, at(5))
	f.equal("with an event", f.nextDue(), stamp(at(5)))

	w := f.claimOne(at(6))
	f.equal("with the event leased", f.nextDue(), stamp(at(40)))
	f.commit(done(f.take(bob, at(40)), at(40)))
	t := hold(w, at(40))
	t.Extend = at(45)
	f.commit(t)
	b := f.claimOne(at(41))
	f.equal("claimed contact", b.Key.ID, bob)
	f.equal("with a lease that expires", f.nextDue(), stamp(at(45)))
	f.equal("claimed contact", f.claimOne(at(45)).Key.ID, ada)
}

func dueIdleLease(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	f.take(contact, at(0))
	f.equal("next due", f.nextDue(), "never")
	f.idle(at(1e6))

	f.run(v, f.contact("bob@example.com"), asleep(at(1000)))
	bob := f.claimOne(at(1000)).Key.ID
	f.equal("next due", f.nextDue(), stamp(at(1000).Add(lease)))
	w := f.claimOne(at(1000).Add(lease))
	f.equal("claimed contact", w.Key.ID, bob)
}

// dueEpoch takes place in 1970, where a mock clock starts.
func dueEpoch(f *fixture) {
	epoch := time.Unix(0, 0).UTC()
	v := f.automation("welcome", "signup")
	contact := automation.Contact{ID: f.id(), Email: "ada@example.com", CreatedAt: epoch}
	f.must("insert contact", f.store.InsertContact(f.ctx, contact))
	f.equal("contact", contactText(f.findContact(automation.ContactRef{ID: contact.ID})), contactText(contact))
	e := f.event("signup", contact.ID, epoch)
	f.append(e)
	f.equal("event", eventText(f.findEvent(e.Event.ID)), eventText(e.Event))
	f.equal("next due with an event", f.nextDue(), stamp(epoch))

	w := f.claimOne(epoch)
	change := f.started(v, contact.ID, e.Event)
	change.DueAt, change.CreatedAt = epoch, epoch
	t := done(w, epoch)
	t.Runs = []automation.RunChange{change}
	f.commit(t)
	f.equal("next due with a run", f.nextDue(), stamp(epoch))
	f.equal("run", runText(f.findRun(change.ID)), runText(change.RunRecord))

	w = f.claimOne(epoch)
	f.equal("events after they were handled at the epoch", eventsOf(w), []string{})
	f.equal("runs", runsOf(w), []string{change.ID})
	change.New, change.Status, change.DueAt, change.CompletedAt = false, automation.RunCompleted, time.Time{}, epoch
	t = release(w, epoch)
	t.Runs = []automation.RunChange{change}
	f.commit(t)
	f.equal("run that has ended", runText(f.findRun(change.ID)), runText(change.RunRecord))
	f.equal("next due", f.nextDue(), "never")
}
