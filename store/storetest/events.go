package storetest

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
)

func eventChecks() []Check {
	return []Check{
		check("events/kept as they were sent", eventKept),
		check("events/an append is all or nothing", appendAtomic),
		check("events/an unknown contact is refused unless it is the host's", appendUnknownContact),
		check("events/an email finds its contact in any case", appendByEmail),
		check("events/emails that differ in case are one contact", appendOneEmail),
		check("events/an email of the host's is not resolved", appendHostEmail),
		check("events/come in the order in which they were accepted", eventOrder),
		check("events/one that is older than those handled is not skipped", eventLate),
		check("events/appended at once are all there", appendAtOnce),
		check("events/the events of a contact can be looked up", contactEvents),
	}
}

// payloads are payloads that a store must keep byte for byte.
var payloads = map[string]string{
	"none":             "",
	"beyond 2^53":      `{"n":9007199254740993,"f":0.10,"e":1E400}`,
	"unicode":          `{"naïve":"日本語 🎉","escaped":"\u00e9\u0000\ud83c\udf89"}`,
	"order and spaces": `{ "z" : 1, "a" : {"": null, "a.b": []} }`,
	"256 KiB":          `{"text":"` + strings.Repeat("x", 256<<10-11) + `"}`,
}

func eventKept(f *fixture) {
	contact := f.contact("ada@example.com")
	for name, payload := range payloads {
		e := keyed(f.event("order.placed", contact, at(1)), "key "+name, "hash "+name)
		e.Event.OccurredAt = at(-3600)
		e.Event.Payload = json.RawMessage(payload)
		f.append(e)
		f.equal("payload "+name, eventText(f.findEvent(e.Event.ID)), eventText(e.Event))
	}
	w := f.claimOne(at(2))
	f.equal("how many events are pending", len(w.Events), len(payloads))
	for _, e := range w.Events {
		f.equal("pending event", eventText(e.Event), eventText(f.findEvent(e.ID)))
	}
	_, err := f.store.FindEvent(f.ctx, missing)
	f.refused("an event that does not exist", err, automation.ErrNotFound)
}

func appendAtomic(f *fixture) {
	good := keyed(f.event("a", f.contact("ada@example.com"), at(0)), "key", "hash")
	bad := f.event("a", missing, at(0))
	_, err := f.store.AppendEvents(f.ctx, []automation.NewEvent{good, bad})
	f.refused("append", err, automation.ErrNotFound)
	_, err = f.store.FindEvent(f.ctx, good.Event.ID)
	f.refused("the event before the one that was refused", err, automation.ErrNotFound)
	f.idle(at(1))
	f.equal("next due", f.nextDue(), "never")
	f.equal("duplicate of an event that was not kept", f.append(good)[0].Duplicate, false)
}

func appendUnknownContact(f *fixture) {
	e := f.event("a", "user-17", at(0))
	_, err := f.store.AppendEvents(f.ctx, []automation.NewEvent{e})
	f.refused("an unknown contact", err, automation.ErrNotFound)
	e.HostContact = true
	f.append(e)
	w := f.claimOne(at(1))
	f.equal("contact", w.Key, automation.ContactRef{ID: "user-17"})
	f.equal("record of a contact that lives elsewhere", w.Contact == nil, true)
	f.equal("events", eventsOf(w), []string{e.Event.ID})
}

func appendByEmail(f *fixture) {
	contact := f.contact("Ada@Example.com")
	first, second := f.mail("a", "ada@example.COM", at(1)), f.event("a", contact, at(2))
	f.append(first, second)
	f.equal("contact of the event", f.findEvent(first.Event.ID).ContactID, contact)
	w := f.claimOne(at(3))
	f.equal("contact", w.Key.ID, contact)
	f.equal("events", eventsOf(w), []string{first.Event.ID, second.Event.ID})
	f.equal("contact of the pending event", w.Events[0].ContactID, contact)
}

func appendOneEmail(f *fixture) {
	first, second := f.mail("a", "Ada@Example.com", at(1)), f.mail("a", "ada@example.com", at(2))
	f.append(first, second)
	f.equal("event", eventText(f.findEvent(first.Event.ID)), eventText(first.Event))
	w := f.claimOne(at(3))
	f.equal("id of an unknown contact", w.Key.ID, "")
	f.equal("email", automation.EmailKey(w.Key.Email), "ada@example.com")
	f.equal("record of an unknown contact", w.Contact == nil, true)
	f.equal("events", eventsOf(w), []string{first.Event.ID, second.Event.ID})
	f.equal("email as it was sent", w.Events[0].Email, "Ada@Example.com")
	_, err := f.store.FindContact(f.ctx, automation.ContactRef{Email: "ada@example.com"})
	f.refused("an event creates no contact", err, automation.ErrNotFound)
}

func appendHostEmail(f *fixture) {
	f.contact("ada@example.com")
	e := f.mail("a", "ada@example.com", at(0))
	e.HostContact = true
	f.append(e)
	f.equal("contact", f.claimOne(at(1)).Key, automation.ContactRef{Email: "ada@example.com"})
}

func eventOrder(f *fixture) {
	contact := f.contact("ada@example.com")
	third, fourth := f.event("a", contact, at(3)), f.event("b", contact, at(3))
	first, second := f.event("c", contact, at(1)), f.event("d", contact, at(1).Add(time.Microsecond))
	// The order of the ids is another one, both for equal times and across appends.
	third.Event.ID, fourth.Event.ID = fourth.Event.ID, third.Event.ID
	f.append(third, fourth)
	f.append(second, first)
	want := []string{first.Event.ID, second.Event.ID, third.Event.ID, fourth.Event.ID}
	w := f.claimOne(at(4))
	f.equal("events", eventsOf(w), want)
	f.commit(release(w, at(4)))

	p := everything(at(4))
	p.Events = 3
	w = f.claimWith(p)[0]
	f.equal("the first three events", eventsOf(w), want[:3])
	f.commit(done(w, at(4)))
	f.equal("the event after them", eventsOf(f.claimOne(at(4))), want[3:])
}

func eventLate(f *fixture) {
	contact := f.contact("ada@example.com")
	young := f.send("a", contact, at(10))
	w := f.claimOne(at(11))
	f.equal("events", eventsOf(w), []string{young})
	old := f.send("a", contact, at(5))
	f.commit(done(w, at(11)))
	w = f.claimOne(at(11))
	f.equal("events", eventsOf(w), []string{old})
	f.commit(done(w, at(11)))
	older := f.event("a", contact, at(1))
	older.Event.ID = uuid(0)
	f.append(older)
	f.equal("events", eventsOf(f.claimOne(at(11))), []string{older.Event.ID})
}

func appendAtOnce(f *fixture) {
	const writers, each = 8, 5
	contact := f.contact("ada@example.com")
	batches := make([][]automation.NewEvent, writers)
	for i := range batches {
		for range each {
			batches[i] = append(batches[i], f.event("a", contact, at(i)))
		}
	}
	errs := atOnce(writers, func(i int) error {
		_, err := f.handle(i).AppendEvents(f.ctx, batches[i])
		return err
	})
	for _, err := range errs {
		f.must("append", err)
	}
	var want []string
	for _, batch := range batches {
		for _, e := range batch {
			want = append(want, e.Event.ID)
		}
	}
	f.equal("events", eventsOf(f.claimOne(at(writers))), want)
}

func contactEvents(f *fixture) {
	contact, stranger := f.contact("ada@example.com"), f.contact("bob@example.com")
	before := f.send("ping", contact, at(1))
	second := f.send("ping", contact, at(3))
	f.commit(done(f.claimOne(at(3)), at(3)))
	f.send("pong", contact, at(3))
	f.send("ping", stranger, at(3))
	pending := f.send("ping", contact, at(4))
	late := f.send("ping", contact, at(2))
	f.commit(done(f.take(contact, at(4)), at(4)))
	last := f.send("ping", contact, at(5))

	for since, want := range map[int][]string{
		0: {before, late, second, pending, last},
		2: {late, second, pending, last},
		5: {last},
		6: {},
	} {
		events, err := f.store.ListContactEvents(f.ctx, contact, "ping", at(since))
		f.must("contact events", err)
		ids := []string{}
		for _, e := range events {
			ids = append(ids, e.ID)
			f.equal("event", eventText(e), eventText(f.findEvent(e.ID)))
		}
		f.equal("events since "+stamp(at(since)), ids, want)
	}
	events, err := f.store.ListContactEvents(f.ctx, missing, "ping", at(0))
	f.must("events of an unknown contact", err)
	f.equal("events of an unknown contact", len(events), 0)
}
