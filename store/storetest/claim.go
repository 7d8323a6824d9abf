package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seed-b636437c/automation"
)

func claimChecks() []Check {
	return []Check{
		check("claim/longest due first, up to the limit", claimOrder),
		check("claim/brings a bounded part of a contact's work", claimBounds),
		check("claim/always brings the runs that wait for its events", claimWaiting),
		check("claim/brings everything that is needed", claimContents),
		check("claim/names the enabled automations that an event starts", claimStarts),
		check("claim/a leased contact is not claimed again", claimLeased),
		check("claim/an expired lease is claimed under a higher token", claimExpired),
		check("claim/tokens grow for emails too", claimEmailToken),
		check("claim/of one contact does not affect the others", claimContact),
		check("claim/claimers at once never share a contact", claimAtOnce),
		check("claim/a lease is either taken over or committed", claimOrCommit),
	}
}

func claimOrder(f *fixture) {
	v := f.automation("welcome", "signup")
	var contacts []string
	for i := range 5 {
		contacts = append(contacts, f.contact(fmt.Sprintf("c%d@example.com", i)))
	}
	f.send("a", contacts[4], at(14))
	f.send("a", contacts[2], at(12))
	f.run(v, contacts[1], asleep(at(11)))
	f.run(v, contacts[3], asleep(at(13)))
	f.run(v, contacts[0], asleep(at(10)))
	f.run(v, contacts[0], asleep(at(30)))

	p := everything(at(20))
	for _, want := range [][]string{contacts[:1], contacts[1:3], contacts[3:]} {
		p.Limit = len(want)
		f.equal("claimed contacts", contactsOf(f.claimWith(p)), want)
	}
	f.idle(at(20))
}

func claimBounds(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	var runs, events []string
	for _, due := range []int{3, 1, 2} {
		runs = append(runs, f.run(v, contact, asleep(at(due))).ID)
	}
	waits := f.run(v, contact, func(r *automation.RunRecord) { r.DueAt, r.Listens = at(4), []string{"never sent"} })
	for i := range 3 {
		events = append(events, f.send("a", contact, at(i)))
	}
	p := everything(at(10))
	p.Events, p.Runs = 2, 2
	w := f.claimWith(p)[0]
	f.equal("events", eventsOf(w), events[:2])
	f.equal("runs", runsOf(w), []string{runs[1], runs[2]})
	f.commit(done(w, at(10)))

	p.Events, p.Runs = 1, 10
	w = f.claimWith(p)[0]
	f.equal("events", eventsOf(w), events[2:])
	f.equal("runs", runsOf(w), []string{runs[1], runs[2], runs[0], waits.ID})
}

func claimWaiting(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	first := f.run(v, contact, waiting("ping"))
	timedOut := f.run(v, contact, func(r *automation.RunRecord) { r.Listens, r.DueAt = []string{"ping"}, at(5) })
	f.run(v, contact, waiting("pong"))
	due := f.run(v, contact, asleep(at(1)))
	last := f.run(v, contact, func(r *automation.RunRecord) { r.Listens, r.DueAt = []string{"ping"}, at(100) })
	f.send("ping", contact, at(7))

	p := everything(at(10))
	p.Runs = 1
	f.equal("runs", runsOf(f.claimWith(p)[0]), []string{due.ID, first.ID, timedOut.ID, last.ID})
}

func claimContents(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := automation.Contact{
		ID: f.id(), Email: "Ada@Example.com", FirstName: "Ada", LastName: "Lovelace", Unsubscribed: true,
		Properties: map[string]any{"plan": "pro", "seats": json.Number("9007199254740993"), "vip": true},
		Segments:   []string{"s1", "s2"}, CreatedAt: at(-1),
	}
	f.must("insert contact", f.store.InsertContact(f.ctx, contact))
	trigger := f.event("signup", contact.ID, at(1))
	trigger.Event.Payload = json.RawMessage(`{ "n": 9007199254740993 }`)
	f.append(trigger)

	w := f.claimOne(at(2))
	f.equal("contact", w.Key, automation.ContactRef{ID: contact.ID})
	f.equal("contact record", contactText(*w.Contact), contactText(contact))
	f.equal("event", eventText(w.Events[0].Event), eventText(trigger.Event))
	f.equal("starts", w.Events[0].Starts, []automation.VersionRef{v})
	f.equal("runs", len(w.Runs), 0)

	change := f.started(v, contact.ID, trigger.Event)
	change.DueAt, change.State, change.DecodeFailures = at(3), []byte("\x00\xff\xfe not text"), 3
	change.Error = &automation.StepError{Code: "damaged", Message: "cannot be read"}
	t := done(w, at(2))
	t.Runs = []automation.RunChange{change}
	f.commit(t)

	w = f.claimOne(at(3))
	f.equal("events", len(w.Events), 0)
	f.equal("run", runText(w.Runs[0].RunRecord), runText(change.RunRecord))
	f.equal("request", w.Runs[0].Request, automation.RequestNone)
	f.equal("trigger", string(w.Runs[0].TriggerPayload), string(trigger.Event.Payload))
}

func claimStarts(f *fixture) {
	// The ids are not in the order of creation.
	for _, id := range []string{"m", "z", "a", "k", "q"} {
		f.automation(id, "signup")
	}
	contact := f.contact("ada@example.com")
	f.send("signup", contact, at(1))
	f.send("other", contact, at(1))
	f.disable("z")
	f.disable("m")
	f.edit("m", func(a *automation.AutomationRecord) { a.Status, a.Version = automation.StatusEnabled, 2 })
	f.edit("k", func(a *automation.AutomationRecord) { a.EventName = "other" })
	f.must("delete", f.store.DeleteAutomation(f.ctx, "q", at(1)))

	w := f.claimOne(at(2))
	f.equal("starts", w.Events[0].Starts, []automation.VersionRef{{AutomationID: "m", Version: 2}, {AutomationID: "a", Version: 1}})
	f.equal("starts of the other event", w.Events[1].Starts, []automation.VersionRef{{AutomationID: "k", Version: 1}})
}

func claimLeased(f *fixture) {
	contact := f.contact("ada@example.com")
	f.send("a", contact, at(0))
	f.claimOne(at(1))
	f.send("a", contact, at(2))
	p := everything(at(1).Add(lease - time.Microsecond))
	for _, p.Contact = range []automation.ContactRef{{}, {ID: contact}} {
		for i := range 2 {
			works, err := f.handle(i).Claim(f.ctx, p)
			f.must("claim", err)
			f.equal("claimed contacts", contactsOf(works), []string{})
		}
	}
}

func claimExpired(f *fixture) {
	contact := f.contact("ada@example.com")
	id := f.send("a", contact, at(0))
	first := f.claimOne(at(1))
	second := f.claimOne(at(1).Add(lease))
	f.equal("events", eventsOf(second), []string{id})
	if second.Token <= first.Token {
		f.failf("token %d came after %d", second.Token, first.Token)
	}
	f.commit(release(second, at(100)))
	if third := f.claimOne(at(100)); third.Token <= second.Token {
		f.failf("after a release, token %d came after %d", third.Token, second.Token)
	}
}

func claimEmailToken(f *fixture) {
	f.append(f.mail("a", "ada@example.com", at(0)))
	first := f.claimOne(at(1))
	second := f.claimOne(at(1).Add(lease))
	f.commit(done(second, at(100)))
	f.append(f.mail("a", "ada@example.com", at(101)))
	third := f.claimOne(at(102))
	if second.Token <= first.Token || third.Token <= second.Token {
		f.failf("the tokens of one email are %d, %d and %d", first.Token, second.Token, third.Token)
	}
	f.commitRefused("a transition under the first lease", release(first, at(103)), automation.ErrLeaseLost)
}

func claimContact(f *fixture) {
	v := f.automation("welcome", "signup")
	idle, busy := f.contact("idle@example.com"), f.contact("busy@example.com")
	run := f.run(v, busy, asleep(at(1)))
	event := f.send("a", busy, at(1))
	w := f.take(idle, at(2))
	f.equal("record", contactText(*w.Contact), contactText(f.findContact(automation.ContactRef{ID: idle})))
	f.equal("events and runs", len(w.Events)+len(w.Runs), 0)

	w = f.take(busy, at(2))
	f.equal("events", eventsOf(w), []string{event})
	f.equal("runs", runsOf(w), []string{run.ID})
	f.idle(at(2))
}

func claimAtOnce(f *fixture) {
	const contacts, claimers = 40, 8
	for i := range contacts {
		f.send("a", f.contact(fmt.Sprintf("c%d@example.com", i)), at(i))
	}
	var mu sync.Mutex
	claimed := map[string]int{}
	errs := atOnce(claimers, func(i int) error {
		p := everything(at(contacts))
		p.Limit = 3
		for range contacts {
			works, err := f.handle(i).Claim(f.ctx, p)
			if err != nil || len(works) == 0 {
				return err
			}
			mu.Lock()
			for _, w := range works {
				claimed[w.Key.ID]++
			}
			mu.Unlock()
		}
		return errors.New("there is no end of claimable contacts")
	})
	for _, err := range errs {
		f.must("claim", err)
	}
	// A claimer may find everything locked for a moment, and end.
	for _, w := range f.claim(at(contacts)) {
		claimed[w.Key.ID]++
	}
	f.equal("how many contacts were claimed", len(claimed), contacts)
	for id, n := range claimed {
		f.equal("how often "+id+" was claimed", n, 1)
	}
}

// claimOrCommit commits under an expired lease at the moment when another node takes it
// over.
func claimOrCommit(f *fixture) {
	for i := range 20 {
		contact := f.contact(fmt.Sprintf("c%d@example.com", i))
		f.send("a", contact, at(0))
		old := f.take(contact, at(1))
		var works []automation.Work
		var result automation.CommitResult
		errs := atOnce(2, func(i int) error {
			if i == 0 {
				results, err := f.store.Commit(f.ctx, []automation.Transition{done(old, at(100))})
				if err == nil {
					result = results[0]
				}
				return err
			}
			var err error
			works, err = f.other.Claim(f.ctx, everything(at(100)))
			return err
		})
		f.must("commit", errs[0])
		f.must("claim", errs[1])
		if result.Err != nil {
			f.refused("commit", result.Err, automation.ErrLeaseLost)
			works = append(works, f.claim(at(100))...)
			f.equal("contacts claimed after a commit was refused", contactsOf(works), []string{contact})
			f.commit(done(works[0], at(100)))
			continue
		}
		f.equal("contacts claimed after a commit was accepted", contactsOf(works), []string{})
	}
}
