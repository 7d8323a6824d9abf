package enginetest

import (
	"encoding/json"
	"fmt"

	"github.com/seed-b636437c/automation"
)

func sendChecks() []Check {
	return []Check{
		check("sends/a key makes a repeat harmless", keyRepeated),
		check("sends/a key with another content is refused", keyTaken),
		check("sends/at once with one key are accepted once", keyAtOnce),
		check("sends/an invalid event is refused with all the others", sendInvalid),
		check("sends/of several contacts are all or nothing, and can be repeated", sendOfSeveral),
		check("sends/the payload is that of the definition", sendDefined),
		check("sends/an event that a step sends starts other automations, once", sendBySteps),
	}
}

// keyed returns an event with an idempotency key.
func keyed(name, email, key string, payload map[string]any) automation.Event {
	e := event(name, email, payload)
	e.IdempotencyKey = key
	return e
}

func keyRepeated(f *fixture) {
	f.start(flow("welcome", "signup", email("hello")))
	e := keyed("signup", "ada@example.com", "key", map[string]any{"n": 1})
	first := f.sendAll(e)[0]
	for range 2 { // before and after the run has ended
		receipts, err := f.Runner.Send(f.ctx, e)
		f.must("send again", err)
		f.equal("receipt", receipts[0], automation.EventReceipt{ID: first, Duplicate: true})
		f.ended(f.started(first), automation.RunCompleted)
	}
	e.Name = "other"
	f.equal("a key of another event is a duplicate", f.sendAll(e)[0] == first, false)
	f.caughtUp("ada@example.com")
	f.equal("emails", f.mailer.sentTo("ada@example.com"), []string{"hello"})
}

func keyTaken(f *fixture) {
	f.start(flow("welcome", "signup", email("hello")))
	f.ended(f.started(f.sendAll(keyed("signup", "ada@example.com", "key", map[string]any{"n": 1}))[0]), automation.RunCompleted)
	for _, e := range []automation.Event{
		keyed("signup", "ada@example.com", "key", map[string]any{"n": 2}),
		keyed("signup", "bob@example.com", "key", map[string]any{"n": 1}),
	} {
		_, err := f.Runner.Send(f.ctx, e)
		f.refused("another content under the key", err, automation.ErrConflict)
	}
	f.caughtUp("ada@example.com", "bob@example.com")
	f.equal("emails", len(f.mailer.sent("")), 1)
}

func keyAtOnce(f *fixture) {
	f.start(flow("welcome", "signup", email("hello")))
	other := f.Another().Runner
	const n = 20
	receipts := make([]automation.EventReceipt, n)
	for _, err := range atOnce(n, func(i int) error {
		sender := f.Runner
		if i%2 == 1 {
			sender = other
		}
		got, err := sender.Send(f.ctx, keyed("signup", "ada@example.com", "key", nil))
		if err == nil {
			receipts[i] = got[0]
		}
		return err
	}) {
		f.must("send", err)
	}
	accepted := 0
	for _, r := range receipts {
		f.equal("id", r.ID, receipts[0].ID)
		if !r.Duplicate {
			accepted++
		}
	}
	f.equal("receipts that are no duplicate", accepted, 1)
	f.ended(f.started(receipts[0].ID), automation.RunCompleted)
	f.caughtUp("ada@example.com")
	f.equal("emails", f.mailer.sentTo("ada@example.com"), []string{"hello"})
}

func sendInvalid(f *fixture) {
	f.start(flow("welcome", "signup", set("set", "signed_up", automation.Bool(true))))
	f.contact("ada@example.com")
	_, err := f.Runner.Send(f.ctx, event("signup", "ada@example.com", nil), event("signup", "nonsense", nil))
	f.refused("an email that is none", err, automation.ErrInvalid)
	_, err = f.Runner.Send(f.ctx, event("signup", "ada@example.com", nil),
		automation.Event{Name: "signup", Email: "bob@example.com", Payload: json.RawMessage(`[]`)})
	f.refused("a payload that is no object", err, automation.ErrInvalid)
	f.caughtUp("ada@example.com")
	f.equal("property after events that were refused", f.find("ada@example.com").Properties["signed_up"], nil)
}

// sendOfSeveral sends events of which one is for a contact that does not exist, and then the
// others again with their keys.
func sendOfSeveral(f *fixture) {
	f.start(flow("welcome", "signup", set("set", "signed_up", automation.Bool(true)), email("hello")))
	const n = 10
	var all []automation.Event
	for i := range n {
		f.contact(address(i))
		all = append(all, keyed("signup", address(i), fmt.Sprint("key ", i), nil))
	}
	_, err := f.Runner.Send(f.ctx, append(all, automation.Event{Name: "signup", ContactID: "missing"})...)
	f.refused("an event for a contact that does not exist", err, automation.ErrNotFound)
	f.caughtUp(addresses(n)...)
	for i := range n {
		if !f.given.PartialSends {
			f.equal("property after a Send that failed", f.find(address(i)).Properties["signed_up"], nil)
		}
	}
	for _, id := range f.sendAll(all...) {
		f.ended(f.started(id), automation.RunCompleted)
	}
	f.caughtUp(addresses(n)...)
	for i := range n {
		f.equal("emails", f.mailer.sentTo(address(i)), []string{"hello"})
	}
}

func sendDefined(f *fixture) {
	f.start(flow("welcome", "signup", email("hello", "age", "event.age")))
	_, err := f.Runner.CreateEventDefinition(f.ctx, automation.EventDefinition{Name: "signup", Schema: json.RawMessage(`{"age":"number"}`)})
	f.must("create a definition", err)
	_, err = f.Runner.Send(f.ctx, event("signup", "ada@example.com", map[string]any{"age": "old"}))
	f.refused("a payload against the definition", err, automation.ErrInvalid)
	f.ended(f.begin("signup", "ada@example.com", map[string]any{"age": "42"}), automation.RunCompleted)
	f.equal("age", fmt.Sprintf("%v (%[1]T)", f.mailer.sent("hello")[0].Variables["age"]), "42 (json.Number)")
}

// sendBySteps sends a chain of events by steps. The last one would start the first automation.
func sendBySteps(f *fixture) {
	tell := func(event string) automation.Step {
		return automation.Step{Key: "tell", Config: automation.SendEvent{EventName: event, Payload: map[string]automation.Value{"n": automation.Var("event.n")}}}
	}
	f.start(flow("first", "signup", email("one"), tell("told")), flow("second", "told", tell("told more")), flow("third", "told more", email("three"), tell("signup")))
	const n = 20
	for i, id := range f.sendAll(events("signup", n)...) {
		first := f.ended(f.started(id), automation.RunCompleted)
		var out struct {
			EventID string `json:"event_id"`
		}
		f.must("output", json.Unmarshal(stepOf(first, "tell").Output, &out))
		f.untilEqual("emails", func() any { return len(f.mailer.sentTo(address(i))) }, 2)
		second := f.ended(f.started(out.EventID), automation.RunCompleted)
		f.equal("automation", second.AutomationID, "second")
		f.untilEqual("runs", func() any { return len(f.list(automation.RunQuery{ContactID: first.ContactID})) }, 3)
		f.caughtUp(address(i))
		f.equal("emails in the end", f.mailer.sentTo(address(i)), []string{"one", "three"})
	}
}
