package storetest

import (
	"github.com/seed-b636437c/automation"
)

func gatherChecks() []Check {
	return []Check{
		check("gathering/a claim brings all running runs of an automation that gathers", gatherAll),
		check("gathering/only an event that starts the automation gathers its runs", gatherStarts),
		check("gathering/a run that comes anyway comes once", gatherOnce),
		check("gathering/the run of an expired lease is gathered", gatherInLease),
		check("gathering/heed reports pending events", heed),
		check("gathering/heed reports events for the email", heedEmail),
	}
}

// gathering inserts an automation that gathers.
func (f *fixture) gathering(id, event string) automation.VersionRef {
	a := f.record(id, event)
	a.Gathers = true
	f.must("insert automation", f.store.InsertAutomation(f.ctx, a))
	return automation.VersionRef{AutomationID: id, Version: 1}
}

func gatherAll(f *fixture) {
	first, other := f.gathering("welcome", "signup"), f.automation("other", "signup")
	contact, stranger := f.contact("ada@example.com"), f.contact("bob@example.com")
	listening := f.run(first, contact, waiting("never sent"))
	asleepNow := f.run(first, contact, asleep(at(100)))
	f.edit("welcome", func(a *automation.AutomationRecord) { a.Version = 2 })
	second := f.run(automation.VersionRef{AutomationID: "welcome", Version: 2}, contact, asleep(at(50)))
	f.run(other, contact, asleep(at(100)))
	f.run(first, contact, ended(automation.RunFailed, at(1)))
	f.run(first, stranger, asleep(at(100)))
	f.send("signup", contact, at(2))
	w := f.claimOne(at(3))
	f.equal("runs", runsOf(w), []string{listening.ID, asleepNow.ID, second.ID})
	f.equal("trigger", string(w.Runs[1].TriggerPayload), `{"plan":"pro"}`)
	f.equal("run", runText(w.Runs[2].RunRecord), runText(second))
}

func gatherStarts(f *fixture) {
	v := f.gathering("welcome", "signup")
	contact := f.contact("ada@example.com")
	run := f.run(v, contact, asleep(at(100)))
	none := func(what string, name string) {
		f.send(name, contact, at(1))
		w := f.claimOne(at(2))
		f.equal(what, runsOf(w), []string{})
		f.commit(done(w, at(2)))
	}
	none("runs with an event that starts nothing", "other")
	f.disable("welcome")
	none("runs of a disabled automation", "signup")
	f.edit("welcome", func(a *automation.AutomationRecord) {
		a.Status, a.EventName, a.EventNames = automation.StatusEnabled, "signup", []string{"signup", "other"}
	})
	f.send("other", contact, at(3))
	w := f.claimOne(at(4))
	f.equal("runs with the event of a further trigger", runsOf(w), []string{run.ID})
	f.commit(done(w, at(4)))
	f.edit("welcome", func(a *automation.AutomationRecord) { a.Gathers = false })
	none("runs of an automation that gathers no more", "other")
}

func gatherOnce(f *fixture) {
	v := f.gathering("welcome", "signup")
	contact := f.contact("ada@example.com")
	idle := f.run(v, contact, waiting("never sent"))
	var due []string
	for i := range 3 {
		due = append(due, f.run(v, contact, asleep(at(10-i))).ID)
	}
	listens := f.run(v, contact, waiting("signup"))
	f.send("signup", contact, at(1))
	p := everything(at(20))
	p.Runs = 2
	f.equal("runs", runsOf(f.claimWith(p)[0]), []string{due[2], due[1], listens.ID, idle.ID, due[0]})
}

// gatherInLease has a run that began with a lease whose holder died.
func gatherInLease(f *fixture) {
	v := f.gathering("welcome", "signup")
	contact := f.contact("ada@example.com")
	f.send("signup", contact, at(1))
	w := f.claimOne(at(1))
	t := hold(w, at(1))
	change := f.started(v, contact, w.Events[0].Event)
	change.DueAt = at(1)
	t.Handled, t.Runs = handledOf(w), []automation.RunChange{change}
	f.commit(t)
	f.send("signup", contact, at(2))
	p := everything(at(1000))
	p.Runs = 0
	works, err := f.other.Claim(f.ctx, p)
	f.must("claim", err)
	f.equal("runs", runsOf(works[0]), []string{change.ID})
}

func heed(f *fixture) {
	contact := f.contact("ada@example.com")
	first := f.send("a", contact, at(1))
	w := f.claimOne(at(1))
	t := hold(w, at(2))
	t.Handled, t.Heed = handled(first), true
	f.equal("pending once all events are handled", f.commit(t).Pending, false)
	e := f.event("a", contact, at(3))
	_, err := f.other.AppendEvents(f.ctx, []automation.NewEvent{e})
	f.must("append", err)
	t = hold(w, at(3))
	f.equal("pending without heed", f.commit(t).Pending, false)
	t.Heed = true
	f.equal("pending", f.commit(t).Pending, true)
	f.send("a", f.contact("bob@example.com"), at(3))
	t.Handled = handled(e.Event.ID)
	f.equal("pending with another contact's event", f.commit(t).Pending, false)
	f.send("a", contact, at(4))
	t.Handled, t.Release = nil, true
	f.equal("pending when the lease ends", f.commit(t).Pending, true)
}

// heedEmail has events that do not name the contact's id: of another process, and from before
// the email became the contact's.
func heedEmail(f *fixture) {
	contact := f.contact("ada@example.com")
	p := everything(at(1))
	p.Contact.ID = contact
	w := f.claimWith(p)[0]
	heeding := func(what string, want bool, handled ...string) {
		t := hold(w, at(3))
		t.Heed = true
		for _, id := range handled {
			t.Handled = append(t.Handled, automation.HandledEvent{ID: id})
		}
		f.equal("pending "+what, f.commit(t).Pending, want)
	}
	f.append(f.mail("a", "new@example.com", at(1)))
	heeding("before there is an event", false)
	e := f.mail("a", "Ada@Example.com", at(2))
	_, err := f.other.AppendEvents(f.ctx, []automation.NewEvent{e})
	f.must("append", err)
	heeding("with an event for the email", true)
	heeding("once it is handled", false, e.Event.ID)
	email := "new@example.com"
	_, err = f.other.UpdateContact(f.ctx, contact, automation.ContactChange{Email: &email})
	f.must("update contact", err)
	heeding("with an event for the new email", true)
}
