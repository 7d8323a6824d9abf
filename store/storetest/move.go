package storetest

import (
	"fmt"

	"github.com/seed-b636437c/automation"
)

func moveChecks() []Check {
	return []Check{
		check("emails/a new contact gets the events of its email", moveCreate),
		check("emails/a contact that exists by then wins", moveExisting),
		check("emails/events go to a contact of the host's", moveHost),
		check("emails/events that were handled stay", moveRest),
		check("emails/moved events keep their order", moveOrder),
		check("emails/moved events keep their place among events of the same moment", moveOrderOfEquals),
		check("emails/a stale lease moves nothing", moveStale),
		check("emails/a contact that is inserted gets the events of its email", adoptInsert),
		check("emails/a contact that changes its email gets the events of the new one", adoptChange),
		check("emails/an event sent while its contact is made is not lost", moveAtOnce),
		check("emails/makers at once make one contact", moveOneContact),
	}
}

// emailWork leases an email that has two events, and returns their ids.
func (f *fixture) emailWork(email string) (automation.Work, []string) {
	first, second := f.mail("a", email, at(1)), f.mail("b", email, at(2))
	f.append(first, second)
	w := f.claimOne(at(3))
	f.equal("contact", automation.EmailKey(w.Key.Email), automation.EmailKey(email))
	return w, []string{first.Event.ID, second.Event.ID}
}

func moveCreate(f *fixture) {
	w, ids := f.emailWork("Ada@Example.com")
	late := f.mail("c", "ADA@example.com", at(3)) // after the claim, before the move
	f.append(late)
	c := automation.Contact{ID: f.id(), Email: "Ada@Example.com", CreatedAt: at(4)}
	t := release(w, at(4))
	t.MoveTo, t.Create = c.ID, &c
	f.commit(t)
	f.equal("contact", contactText(f.findContact(automation.ContactRef{Email: "ada@example.com"})), contactText(c))

	w = f.claimOne(at(5))
	f.equal("contact", w.Key.ID, c.ID)
	f.equal("record", contactText(*w.Contact), contactText(c))
	f.equal("events", eventsOf(w), append(ids, late.Event.ID))
	f.equal("contact of the event", f.findEvent(ids[0]).ContactID, c.ID)
	f.commit(done(w, at(5)))
	f.append(f.mail("d", "ada@example.com", at(6)))
	f.equal("contact of a later event", f.claimOne(at(6)).Key.ID, c.ID)
}

func moveExisting(f *fixture) {
	w, ids := f.emailWork("ada@example.com")
	existing := f.contact("ADA@example.com")
	t := f.moved(w, at(4))
	f.commit(t)
	_, err := f.store.FindContact(f.ctx, automation.ContactRef{ID: t.MoveTo})
	f.refused("the contact that was to be created", err, automation.ErrNotFound)
	w = f.claimOne(at(5))
	f.equal("contact", w.Key.ID, existing)
	f.equal("events", eventsOf(w), ids)
}

func moveHost(f *fixture) {
	e := f.mail("a", "ada@example.com", at(1))
	e.HostContact = true
	f.append(e)
	t := release(f.claimOne(at(1)), at(2))
	t.MoveTo = "user-17"
	f.commit(t)
	w := f.claimOne(at(2))
	f.equal("contact", w.Key.ID, "user-17")
	f.equal("record of a contact that lives elsewhere", w.Contact == nil, true)
	f.equal("events", eventsOf(w), []string{e.Event.ID})
	f.equal("contact of the event", w.Events[0].ContactID, "user-17")
}

func moveRest(f *fixture) {
	w, ids := f.emailWork("ada@example.com")
	t := f.moved(w, at(4))
	t.Handled = handled(ids[:1]...)
	f.commit(t)
	w = f.claimOne(at(5))
	f.equal("contact", w.Key.ID, t.MoveTo)
	f.equal("events", eventsOf(w), ids[1:])
	f.equal("handled event", f.findEvent(ids[0]).ID, ids[0])
}

func moveOrder(f *fixture) {
	first, third := f.mail("a", "ada@example.com", at(1)), f.mail("a", "ada@example.com", at(3))
	second, fourth := f.event("a", "user-17", at(2)), f.event("a", "user-17", at(4))
	events := []automation.NewEvent{third, fourth, first, second}
	for i := range events {
		events[i].HostContact = true
	}
	f.append(events...)
	works := f.claim(at(5))
	f.equal("contacts", contactsOf(works), []string{"ada@example.com", "user-17"})
	t := release(works[0], at(5))
	t.MoveTo = "user-17"
	f.commitAll(t, release(works[1], at(5)))
	f.equal("events", eventsOf(f.claimOne(at(5))), []string{first.Event.ID, second.Event.ID, third.Event.ID, fourth.Event.ID})
}

func moveOrderOfEquals(f *fixture) {
	var ids []string
	for i := range 4 {
		e := f.mail("a", "ada@example.com", at(1))
		if i%2 == 1 {
			e = f.event("a", "user-17", at(1))
		}
		e.HostContact = true
		f.append(e)
		ids = append(ids, e.Event.ID)
	}
	p := everything(at(2))
	p.Contact = automation.ContactRef{Email: "ada@example.com"}
	t := release(f.claimWith(p)[0], at(2))
	t.MoveTo = "user-17"
	f.commit(t)
	f.equal("events", eventsOf(f.claimOne(at(2))), ids)
}

func moveStale(f *fixture) {
	w, ids := f.emailWork("ada@example.com")
	owner := f.claimOne(at(3).Add(lease))
	t := f.moved(w, at(100))
	f.commitRefused("a move under a stale lease", t, automation.ErrLeaseLost)
	_, err := f.store.FindContact(f.ctx, automation.ContactRef{ID: t.MoveTo})
	f.refused("the contact that was to be created", err, automation.ErrNotFound)
	f.commit(release(owner, at(100)))
	f.equal("events", eventsOf(f.claimOne(at(100))), ids)
}

func adoptInsert(f *fixture) {
	first := f.mail("a", "Ada@example.com", at(1))
	f.append(first)
	contact := f.contact("ada@Example.com")
	second := f.send("a", contact, at(2))
	f.equal("handled events", f.drive(at(3)), []string{first.Event.ID, second})
}

func adoptChange(f *fixture) {
	contact := f.contact("old@example.com")
	first := f.mail("a", "Ada@example.com", at(1))
	f.append(first)
	email := "ada@Example.com"
	_, err := f.store.UpdateContact(f.ctx, contact, automation.ContactChange{Email: &email})
	f.must("change contact", err)
	second := f.send("a", contact, at(2))
	f.equal("handled events", f.drive(at(3)), []string{first.Event.ID, second})
}

func moveAtOnce(f *fixture) {
	for i := range 20 {
		email := fmt.Sprintf("c%d@example.com", i)
		first, second := f.mail("a", email, at(1)), f.mail("a", email, at(2))
		f.append(first)
		move := f.moved(f.claimOne(at(1)), at(1))
		errs := atOnce(2, func(i int) error {
			if i == 0 {
				results, err := f.store.Commit(f.ctx, []automation.Transition{move})
				if err != nil {
					return err
				}
				return results[0].Err
			}
			_, err := f.other.AppendEvents(f.ctx, []automation.NewEvent{second})
			return err
		})
		for _, err := range errs {
			f.must("at once", err)
		}
		f.equal("handled events", f.drive(at(3)), []string{first.Event.ID, second.Event.ID})
	}
}

func moveOneContact(f *fixture) {
	for i := range 20 {
		email := fmt.Sprintf("c%d@example.com", i)
		e := f.mail("a", email, at(1))
		f.append(e)
		move := f.moved(f.claimOne(at(1)), at(1))
		inserted := automation.Contact{ID: f.id(), Email: email, CreatedAt: at(1)}
		errs := atOnce(2, func(i int) error {
			if i == 0 {
				return f.other.InsertContact(f.ctx, inserted)
			}
			results, err := f.store.Commit(f.ctx, []automation.Transition{move})
			if err != nil {
				return err
			}
			return results[0].Err
		})
		if errs[0] != nil {
			f.refused("insert", errs[0], automation.ErrConflict)
		}
		f.must("commit", errs[1])
		w := f.claimOne(at(2))
		f.equal("contact that has the event", w.Key.ID, f.findContact(automation.ContactRef{Email: email}).ID)
		f.equal("events", eventsOf(w), []string{e.Event.ID})
		f.commit(done(w, at(2)))
	}
}
