package storetest

import (
	"fmt"

	"github.com/seed-b636437c/automation"
)

func waitChecks() []Check {
	return []Check{
		check("waits/an event after the wait brings its run", waitThenEvent),
		check("waits/an event before the commit of the wait brings its run", eventThenWait),
		check("waits/an event for an email brings the contact's run", waitByEmail),
		check("waits/only the name and the contact that match", waitOthers),
		check("waits/a run that waits no more is not brought", waitOver),
		check("waits/no wake-up is lost when both happen at once", waitAtOnce),
	}
}

func waitThenEvent(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	run := f.run(v, contact, waiting("ping"))
	id := f.send("ping", contact, at(5))
	w := f.claimOne(at(5))
	f.equal("events", eventsOf(w), []string{id})
	f.equal("runs", runsOf(w), []string{run.ID})
	f.equal("run", runText(w.Runs[0].RunRecord), runText(run))
	f.equal("trigger", string(w.Runs[0].TriggerPayload), `{"plan":"pro"}`)
}

// eventThenWait sends the event before the holder of the lease commits the wait. The
// event stays pending, and the next claim brings both.
func eventThenWait(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	f.send("signup", contact, at(1))
	w := f.claimOne(at(1))
	id := f.send("ping", contact, at(2))
	t := done(w, at(2))
	change := f.started(v, contact, w.Events[0].Event)
	change.WaitEvent = "ping"
	t.Runs = []automation.RunChange{change}
	f.commit(t)
	w = f.claimOne(at(2))
	f.equal("events", eventsOf(w), []string{id})
	f.equal("runs", runsOf(w), []string{change.ID})
}

func waitByEmail(f *fixture) {
	v := f.automation("welcome", "signup")
	run := f.run(v, f.contact("ada@example.com"), waiting("ping"))
	f.append(f.mail("ping", "ADA@example.com", at(5)))
	f.equal("runs", runsOf(f.claimOne(at(5))), []string{run.ID})
}

func waitOthers(f *fixture) {
	v := f.automation("welcome", "signup")
	ada, bob := f.contact("ada@example.com"), f.contact("bob@example.com")
	f.run(v, ada, waiting("ping"))
	f.run(v, bob, waiting("pong"))
	f.send("pong", ada, at(5))
	w := f.claimOne(at(5))
	f.equal("contact", w.Key.ID, ada)
	f.equal("runs", runsOf(w), []string{})
	f.send("Ping", bob, at(5))
	f.equal("runs", runsOf(f.claimOne(at(5))), []string{})
}

func waitOver(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	over, elsewhere := f.run(v, contact, waiting("ping")), f.run(v, contact, waiting("ping"))
	over.Status, over.WaitEvent, over.CompletedAt = automation.RunCompleted, "", at(1)
	f.change(over, at(1))
	elsewhere.WaitEvent = "pong"
	f.change(elsewhere, at(1))
	f.send("ping", contact, at(5))
	f.equal("runs", runsOf(f.claimOne(at(5))), []string{})
}

// waitAtOnce commits a wait while the event is sent and another node claims.
func waitAtOnce(f *fixture) {
	v := f.automation("welcome", "signup")
	for i := range 25 {
		contact := f.contact(fmt.Sprintf("c%d@example.com", i))
		f.send("signup", contact, at(i))
		w := f.take(contact, at(i))
		change := f.started(v, contact, w.Events[0].Event)
		change.WaitEvent = "ping"
		arm := done(w, at(i))
		arm.Runs = []automation.RunChange{change}
		ping := f.event("ping", contact, at(i))

		var works []automation.Work
		errs := atOnce(3, func(i int) error {
			switch i {
			case 0:
				results, err := f.store.Commit(f.ctx, []automation.Transition{arm})
				if err != nil {
					return err
				}
				return results[0].Err
			case 1:
				_, err := f.other.AppendEvents(f.ctx, []automation.NewEvent{ping})
				return err
			}
			var err error
			works, err = f.other.Claim(f.ctx, everything(ping.Event.AcceptedAt))
			return err
		})
		for _, err := range errs {
			f.must("at once", err)
		}
		works = append(works, f.claim(at(i))...)
		f.equal("claimed contacts", contactsOf(works), []string{contact})
		f.equal("events", eventsOf(works[0]), []string{ping.Event.ID})
		f.equal("runs", runsOf(works[0]), []string{change.ID})
		f.commit(done(works[0], at(i)))
	}
}
