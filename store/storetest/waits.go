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
		check("waits/an event with any of several names brings the run", waitSeveral),
		check("waits/runs that share a name are brought with it, each once", waitShared),
		check("waits/a run whose names change is brought by the new ones", waitChanged),
		check("waits/a set of names that processes use first at once", waitFirstAtOnce),
		check("waits/a run of an expired lease is brought by what it listens to", waitExpired),
		check("waits/a set of names that was refused can be used", waitRefused),
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
	change.Listens = []string{"ping"}
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
	over.Status, over.Listens, over.CompletedAt = automation.RunCompleted, nil, at(1)
	f.change(over, at(1))
	elsewhere.Listens = []string{"pong"}
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
		change.Listens = []string{"ping"}
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

func waitSeveral(f *fixture) {
	v := f.automation("welcome", "signup")
	names := []string{"ping", "pong", "pung"}
	for i, name := range names {
		contact := f.contact(fmt.Sprintf("c%d@example.com", i))
		run := f.run(v, contact, waiting(names...))
		f.send("peng", contact, at(5))
		w := f.claimOne(at(5))
		f.equal("runs with an event of another name", runsOf(w), []string{})
		f.commit(done(w, at(5)))
		f.send(name, contact, at(6))
		w = f.claimOne(at(6))
		f.equal("runs with "+name, runsOf(w), []string{run.ID})
		f.equal("run", runText(w.Runs[0].RunRecord), runText(run))
		f.commit(done(w, at(6)))
	}
}

func waitShared(f *fixture) {
	v := f.automation("welcome", "signup")
	contact, other := f.contact("ada@example.com"), f.contact("bob@example.com")
	first, second := f.run(v, contact, waiting("ping", "pong")), f.run(v, contact, waiting("ping", "pung"))
	third := f.run(v, contact, waiting("ping"))
	f.run(v, other, waiting("ping", "pong"))
	for _, c := range []struct {
		events []string
		want   []string
	}{
		{[]string{"ping"}, []string{first.ID, second.ID, third.ID}},
		{[]string{"pong"}, []string{first.ID}},
		{[]string{"pung"}, []string{second.ID}},
		{[]string{"pong", "ping", "ping", "pung"}, []string{first.ID, second.ID, third.ID}},
	} {
		for _, name := range c.events {
			f.send(name, contact, at(5))
		}
		w := f.claimOne(at(5))
		f.equal(fmt.Sprint("runs with ", c.events), runsOf(w), c.want)
		f.commit(done(w, at(5)))
	}
}

func waitChanged(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	run := f.run(v, contact, waiting("ping", "pong"))
	brings := func(name string, want ...string) {
		f.send(name, contact, at(5))
		w := f.claimOne(at(5))
		f.equal("runs with "+name, fmt.Sprint(runsOf(w)), fmt.Sprint(want))
		f.commit(done(w, at(5)))
	}
	run.Listens = []string{"pong", "pung"}
	f.change(run, at(1))
	brings("ping")
	brings("pong", run.ID)
	brings("pung", run.ID)
	run.Listens, run.DueAt = nil, at(1e6)
	f.change(run, at(6))
	brings("pong")
	run.Listens = []string{"ping", "pong"}
	f.change(run, at(6))
	brings("ping", run.ID)
	f.equal("run", runText(f.findRun(run.ID)), runText(run))
}

// waitFirstAtOnce has two processes write runs that listen to the same names, which no run has
// listened to before.
func waitFirstAtOnce(f *fixture) {
	v := f.automation("welcome", "signup")
	for i := range 10 {
		names := []string{fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i), "ping"}
		contacts, arms := make([]string, 2), make([]automation.Transition, 2)
		for j := range contacts {
			contacts[j] = f.contact(fmt.Sprintf("c%d-%d@example.com", i, j))
			f.send("signup", contacts[j], at(i))
			w := f.take(contacts[j], at(i))
			change := f.started(v, contacts[j], w.Events[0].Event)
			change.Listens = names
			arms[j] = done(w, at(i))
			arms[j].Runs = []automation.RunChange{change}
		}
		for _, err := range atOnce(2, func(j int) error {
			results, err := f.handle(j).Commit(f.ctx, arms[j:j+1])
			if err != nil {
				return err
			}
			return results[0].Err
		}) {
			f.must("commit", err)
		}
		for j, contact := range contacts {
			f.send(names[j], contact, at(i))
			w := f.take(contact, at(i))
			f.equal("runs", runsOf(w), []string{arms[j].Runs[0].ID})
			f.commit(done(w, at(i)))
		}
	}
}

// waitExpired has a run that listens to an event and has something to do at once. Its holder
// dies. The claim may not bring it as a run that is due.
func waitExpired(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	due := f.run(v, contact, asleep(at(1)))
	f.send("signup", contact, at(5))
	w := f.claimOne(at(5))
	change := f.started(v, contact, w.Events[0].Event)
	change.DueAt, change.Listens = at(5), []string{"ping", "pong"}
	t := hold(w, at(5))
	t.Handled, t.Runs = handled(w.Events[0].ID), []automation.RunChange{change}
	f.commit(t)
	f.equal("run", runText(f.findRun(change.ID)), runText(change.RunRecord))
	change.New, change.Step, change.Listens = false, "second", []string{"pong", "pung"}
	t = hold(w, at(5))
	t.Runs = []automation.RunChange{change}
	f.commit(t)
	f.equal("run that has gone on", runText(f.findRun(change.ID)), runText(change.RunRecord))
	f.send("pung", contact, at(6))

	p := everything(at(5).Add(2 * lease))
	p.Runs = 1
	works := f.claimWith(p)
	f.equal("claimed contacts", contactsOf(works), []string{contact})
	f.equal("runs", runsOf(works[0]), []string{due.ID, change.ID})
	f.equal("run", runText(works[0].Runs[1].RunRecord), runText(change.RunRecord))
}

func waitRefused(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	f.send("signup", contact, at(1))
	w := f.claimOne(at(1))
	change := f.started(v, contact, w.Events[0].Event)
	change.Listens = []string{"ping", "pong"}
	stale := done(w, at(1))
	stale.Token, stale.Runs = stale.Token-1, []automation.RunChange{change}
	f.commitRefused("a transition under another lease", stale, automation.ErrLeaseLost)
	t := done(w, at(1))
	t.Runs = []automation.RunChange{change}
	f.commit(t)
	f.send("pong", contact, at(2))
	f.equal("runs", runsOf(f.claimOne(at(2))), []string{change.ID})
}
