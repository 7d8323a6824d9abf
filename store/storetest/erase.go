package storetest

import (
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation"
)

func eraseChecks() []Check {
	return []Check{
		check("commit/erases payloads", commitErase),
		check("commit/erases payloads of an email", commitEraseEmail),
		check("commit/erases an email whose events are pending", erasePending),
		check("commit/erasing a contact leaves no address behind", eraseContactAddress),
		check("commit/erasing an email leaves no address behind", eraseEmailAddress),
	}
}

func commitErase(f *fixture) {
	v := f.automation("welcome", "signup")
	contact, stranger := f.contact("ada@example.com"), f.contact("bob@example.com")
	run := f.run(v, contact, asleep(at(1)))
	pending, other := f.send("a", contact, at(1)), f.send("a", stranger, at(1))
	f.append(keyed(f.event("b", contact, at(1)), "key", "hash"), keyed(f.event("b", stranger, at(1)), "other", "hash"))
	t := release(f.take(contact, at(1)), at(1))
	t.Erase = true
	f.commit(t)
	again := keyed(f.event("b", stranger, at(1)), "key", "another")
	f.equal("receipt for a key that was erased", f.append(again)[0], automation.EventReceipt{ID: again.Event.ID})
	f.equal("duplicate of another contact's event", f.append(keyed(f.event("b", stranger, at(1)), "other", "hash"))[0].Duplicate, true)
	for _, id := range []string{run.EventID, pending} {
		f.equal("payload", string(f.findEvent(id).Payload), "")
	}
	f.equal("payload of another contact's event", string(f.findEvent(other).Payload), `{"plan":"pro"}`)
	w := f.take(contact, at(2))
	f.equal("events", eventsOf(w)[:1], []string{pending})
	f.equal("pending payload", string(w.Events[0].Payload), "")
	f.equal("trigger", string(w.Runs[0].TriggerPayload), "")
}

func commitEraseEmail(f *fixture) {
	before, other := f.mail("a", "Ada@example.com", at(1)), f.mail("a", "bob@example.com", at(1))
	f.append(before, other)
	for range 2 {
		w := f.claimWith(automation.ClaimParams{Now: at(1), Lease: lease, Limit: 1, Events: 10, Runs: 10})[0]
		t := release(w, at(1))
		t.Handled = handled(w.Events[0].ID)
		f.commit(t)
	}
	contact := f.contact("ada@example.com")
	t := release(f.take(contact, at(2)), at(2))
	t.Erase, t.EraseEmail = true, "ada@example.com"
	f.commit(t)
	f.equal("payload", string(f.findEvent(before.Event.ID).Payload), "")
	f.equal("email", f.findEvent(before.Event.ID).Email, "")
	f.equal("payload for another email", string(f.findEvent(other.Event.ID).Payload), `{"plan":"pro"}`)
}

// erasePending erases an email while one of its events is pending. The event is still
// handled, without its payload.
func erasePending(f *fixture) {
	first, pending := f.mail("a", "ada@example.com", at(1)), f.mail("a", "ada@example.com", at(2))
	f.append(first, pending)
	t := release(f.claimOne(at(3)), at(3))
	t.Handled, t.Erase, t.EraseEmail = handled(first.Event.ID), true, "ada@example.com"
	f.commit(t)
	w := f.claimOne(at(4))
	f.equal("email", w.Key.Email, "ada@example.com")
	f.equal("events", eventsOf(w), []string{pending.Event.ID})
	f.equal("pending payload", string(w.Events[0].Payload), "")
	f.equal("handled payload", string(f.findEvent(first.Event.ID).Payload), "")
}

const address = "Ada@example.com"

// personal returns an event for the address, which is also in its payload and its key.
func (f *fixture) personal(accepted int) automation.NewEvent {
	e := keyed(f.mail("a", address, at(accepted)), fmt.Sprintf("%s/%d", address, accepted), "hash")
	e.Event.Payload = []byte(`{"from":"` + address + `"}`)
	return e
}

// forgotten ends the check if the store still contains the address. It skips the check if
// the Target has no Dump.
func (f *fixture) forgotten() {
	if f.target.Dump == nil {
		f.fail(fmt.Errorf("%w: the target has no Dump", ErrSkipped))
	}
	dump, err := f.target.Dump(f.ctx)
	f.must("dump", err)
	for line := range strings.Lines(dump) {
		if strings.Contains(strings.ToLower(line), strings.ToLower(address)) {
			f.failf("the store still contains %s: %s", address, shorten(line))
		}
	}
}

// eraseContactAddress erases a contact that has three events: one was handled before the
// contact existed, one has started a run, and one is pending.
func eraseContactAddress(f *fixture) {
	v := f.automation("welcome", "a")
	early := f.personal(1)
	f.append(early)
	f.commit(done(f.claimOne(at(1)), at(1)))
	contact := f.contact(address)
	f.append(f.personal(2))
	w := f.claimOne(at(2))
	t := done(w, at(2))
	t.Runs = []automation.RunChange{f.started(v, contact, w.Events[0].Event)}
	f.commit(t)
	f.append(f.personal(3))
	t = done(f.claimOne(at(3)), at(3))
	t.Erase, t.EraseEmail, t.Delete = true, strings.ToLower(address), true
	f.commit(t)
	f.forgotten()
	f.equal("contact of the event that was handled before", f.findEvent(early.Event.ID).ContactID, "")
	f.prune(at(1000), 100)
	_, err := f.store.FindEvent(f.ctx, early.Event.ID)
	f.refused("an event that was erased and pruned", err, automation.ErrNotFound)
}

// eraseEmailAddress erases an email that belongs to no contact.
func eraseEmailAddress(f *fixture) {
	f.append(f.personal(1))
	f.commit(done(f.claimOne(at(1)), at(1)))
	f.append(f.personal(2))
	t := done(f.claimOne(at(2)), at(2))
	t.Erase, t.EraseEmail = true, address
	f.commit(t)
	f.forgotten()
}
