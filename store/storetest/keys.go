package storetest

import (
	"time"

	"github.com/seed-b636437c/automation"
)

func keyChecks() []Check {
	return []Check{
		check("keys/the same event is accepted once", keySameHash),
		check("keys/another event with the same key is a conflict", keyOtherHash),
		check("keys/belong to the name of the event", keyPerName),
		check("keys/count within one append", keyWithinAppend),
		check("keys/expire", keyExpiry),
		check("keys/events sent at once are accepted once", keyAtOnce),
	}
}

func keySameHash(f *fixture) {
	contact := f.contact("ada@example.com")
	first := f.append(keyed(f.event("a", contact, at(1)), "key", "hash"))[0]
	f.equal("duplicate", first.Duplicate, false)
	again, other := keyed(f.event("a", contact, at(2)), "key", "hash"), f.event("a", contact, at(3))
	receipts := f.append(again, other)
	f.equal("receipt of the duplicate", receipts[0], automation.EventReceipt{ID: first.ID, Duplicate: true})
	f.equal("receipt of the other", receipts[1], automation.EventReceipt{ID: other.Event.ID})
	_, err := f.store.FindEvent(f.ctx, again.Event.ID)
	f.refused("the duplicate", err, automation.ErrNotFound)
	w := f.claimOne(at(4))
	f.equal("events", eventsOf(w), []string{first.ID, other.Event.ID})
	f.commit(done(w, at(4)))
	f.equal("duplicate of a handled event", f.append(keyed(f.event("a", contact, at(5)), "key", "hash"))[0].ID, first.ID)
	f.idle(at(6))
}

func keyOtherHash(f *fixture) {
	contact := f.contact("ada@example.com")
	first := f.append(keyed(f.event("a", contact, at(1)), "key", "hash"))[0]
	before, clash := f.event("a", contact, at(2)), keyed(f.event("a", contact, at(2)), "key", "other")
	_, err := f.store.AppendEvents(f.ctx, []automation.NewEvent{before, clash})
	f.refused("append", err, automation.ErrConflict)
	f.equal("events", eventsOf(f.claimOne(at(3))), []string{first.ID})
}

func keyPerName(f *fixture) {
	contact := f.contact("ada@example.com")
	receipts := f.append(
		keyed(f.event("a", contact, at(1)), "key", "hash"),
		keyed(f.event("b", contact, at(1)), "key", "other"),
		keyed(f.event("a", contact, at(1)), "KEY", "other"))
	for _, r := range receipts {
		f.equal("duplicate", r.Duplicate, false)
	}
}

func keyWithinAppend(f *fixture) {
	contact := f.contact("ada@example.com")
	first, again := keyed(f.event("a", contact, at(1)), "key", "hash"), keyed(f.event("a", contact, at(1)), "key", "hash")
	receipts := f.append(first, again)
	f.equal("receipts", receipts, []automation.EventReceipt{{ID: first.Event.ID}, {ID: first.Event.ID, Duplicate: true}})
	f.equal("events", eventsOf(f.claimOne(at(2))), []string{first.Event.ID})

	x, y := keyed(f.event("b", contact, at(3)), "key", "hash"), keyed(f.event("b", contact, at(3)), "key", "other")
	_, err := f.store.AppendEvents(f.ctx, []automation.NewEvent{x, y})
	f.refused("append", err, automation.ErrConflict)
	_, err = f.store.FindEvent(f.ctx, x.Event.ID)
	f.refused("the event before the conflict", err, automation.ErrNotFound)
	f.equal("duplicate of an event that was not kept", f.append(x)[0].Duplicate, false)
}

func keyExpiry(f *fixture) {
	contact := f.contact("ada@example.com")
	first := keyed(f.event("a", contact, at(0)), "key", "hash")
	f.append(first)
	last := keyed(f.event("a", contact, first.KeyExpiresAt.Add(-time.Microsecond)), "key", "hash")
	f.equal("duplicate right before the key expires", f.append(last)[0].Duplicate, true)
	next := keyed(f.event("a", contact, first.KeyExpiresAt.Add(time.Microsecond)), "key", "other")
	f.equal("receipt after the key has expired", f.append(next)[0], automation.EventReceipt{ID: next.Event.ID})
	again := keyed(f.event("a", contact, next.Event.AcceptedAt), "key", "other")
	f.equal("receipt of its duplicate", f.append(again)[0], automation.EventReceipt{ID: next.Event.ID, Duplicate: true})
}

func keyAtOnce(f *fixture) {
	const writers = 8
	contact := f.contact("ada@example.com")
	events := make([]automation.NewEvent, writers)
	for i := range events {
		events[i] = keyed(f.event("a", contact, at(1)), "key", "hash")
	}
	receipts := make([]automation.EventReceipt, writers)
	errs := atOnce(writers, func(i int) error {
		rs, err := f.handle(i).AppendEvents(f.ctx, events[i:i+1])
		if err == nil {
			receipts[i] = rs[0]
		}
		return err
	})
	w := f.claimOne(at(2))
	f.equal("how many events are pending", len(w.Events), 1)
	for i, err := range errs {
		f.must("append", err)
		want := automation.EventReceipt{ID: w.Events[0].ID, Duplicate: w.Events[0].ID != events[i].Event.ID}
		f.equal("receipt", receipts[i], want)
	}
}
