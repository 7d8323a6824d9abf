package storetest

import (
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
)

func commitChecks() []Check {
	return []Check{
		check("commit/a stale token is refused and the rest of the batch is written", commitStale),
		check("commit/old and new lease of one contact in one batch", commitBothLeases),
		check("commit/a lease that was never given is refused", commitUnknown),
		check("commit/a released lease is refused", commitReleased),
		check("commit/an expired lease that was not taken over still counts", commitExpired),
		check("commit/extends the lease or releases it", commitExtend),
		check("commit/handled events never come back", commitHandled),
		check("commit/a run that may not start leaves nothing behind", commitRefusedStart),
		check("commit/a version that was pruned starts nothing", commitPruned),
		check("commit/writing twice is writing once", commitTwice),
		check("commit/runs are read as they were written", commitRun),
		check("commit/changes the contact", commitChange),
		check("commit/deletes the contact", commitDelete),
	}
}

func commitStale(f *fixture) {
	v := f.automation("welcome", "signup")
	var works []automation.Work
	for i := range 3 {
		f.send("signup", f.contact(fmt.Sprintf("c%d@example.com", i)), at(i))
		works = append(works, f.claimOne(at(i)))
	}
	owner := f.take(works[1].Key.ID, at(90))
	ts := make([]automation.Transition, 3)
	for i, w := range works {
		ts[i] = done(w, at(91))
		name := "changed"
		ts[i].Change = &automation.ContactChange{FirstName: &name}
		ts[i].Runs = []automation.RunChange{f.started(v, w.Key.ID, w.Events[0].Event)}
	}
	results := f.commitAll(ts...)
	f.must("the first transition", results[0].Err)
	f.refused("the second transition", results[1].Err, automation.ErrLeaseLost)
	f.must("the third transition", results[2].Err)
	f.findRun(ts[0].Runs[0].ID)
	f.findRun(ts[2].Runs[0].ID)
	_, err := f.store.FindRun(f.ctx, ts[1].Runs[0].ID)
	f.refused("the run of the second transition", err, automation.ErrNotFound)
	f.equal("contact of the second transition", f.findContact(works[1].Key).FirstName, "")
	f.idle(at(92)) // the refused transition has not released the lease
	f.commit(release(owner, at(92)))
	f.equal("events of the second contact", eventsOf(f.claimOne(at(92))), eventsOf(works[1]))
}

func commitBothLeases(f *fixture) {
	for i, order := range [][2]int{{0, 1}, {1, 0}} {
		contact := f.contact(fmt.Sprintf("c%d@example.com", i))
		f.send("a", contact, at(0))
		old := f.take(contact, at(0))
		leases := [2]automation.Transition{done(old, at(90)), done(f.take(contact, at(90)), at(91))}
		results := f.commitAll(leases[order[0]], leases[order[1]])
		f.refused("the old lease", results[order[0]].Err, automation.ErrLeaseLost)
		f.must("the new lease", results[order[1]].Err)
		f.idle(at(92))
	}
}

func commitUnknown(f *fixture) {
	contact := f.contact("ada@example.com")
	for _, ref := range []automation.ContactRef{{ID: contact}, {ID: missing}, {Email: "unknown@example.com"}} {
		for _, token := range []int64{0, 1} {
			w := automation.Work{Key: ref, Token: token}
			f.commitRefused("a transition without a lease", release(w, at(0)), automation.ErrLeaseLost)
		}
	}
	w := f.take(contact, at(0))
	w.Token++
	f.commitRefused("a token that is not given out yet", release(w, at(0)), automation.ErrLeaseLost)
}

func commitReleased(f *fixture) {
	contact := f.contact("ada@example.com")
	id := f.send("a", contact, at(0))
	w := f.claimOne(at(1))
	f.commit(release(w, at(1)))
	f.commitRefused("handling after the release", done(w, at(2)), automation.ErrLeaseLost)
	f.commitRefused("extending after the release", hold(w, at(2)), automation.ErrLeaseLost)
	f.equal("events", eventsOf(f.claimOne(at(2))), []string{id})
}

func commitExpired(f *fixture) {
	contact := f.contact("ada@example.com")
	f.send("a", contact, at(0))
	w := f.claimOne(at(1))
	f.commit(done(w, at(1000)))
	f.idle(at(1000))
}

func commitExtend(f *fixture) {
	contact := f.contact("ada@example.com")
	f.send("a", contact, at(0))
	w := f.claimOne(at(1))
	t := hold(w, at(2))
	t.Extend = at(500)
	res := f.commit(t)
	f.equal("contact in the result", contactText(*res.Contact), contactText(*w.Contact))
	f.idle(at(499))
	t.Extend = at(300) // an extension may be shorter: work that is put back
	f.commit(t)
	f.idle(at(299))
	f.commit(release(w, at(299)))
	f.claimOne(at(299))
}

func commitHandled(f *fixture) {
	contact := f.contact("ada@example.com")
	var ids []string
	for i := range 4 {
		ids = append(ids, f.send("a", contact, at(i)))
	}
	w := f.claimOne(at(5))
	t := hold(w, at(5))
	t.Handled = handled(ids[1], ids[0])
	f.commit(t)
	f.equal("events", eventsOf(f.claimOne(at(5).Add(lease))), ids[2:])
	w = f.claimOne(at(500))
	t = done(w, at(500))
	t.Handled = append(t.Handled, handled(ids[0], missing)...) // handled before, and unknown: no matter
	f.commit(t)
	f.idle(at(1000))
	f.equal("next due", f.nextDue(), "never")
	f.equal("handled event", f.findEvent(ids[0]).ID, ids[0])
}

func commitRefusedStart(f *fixture) {
	kept, disabled, deleted := f.automation("kept", "signup"), f.automation("disabled", "signup"), f.automation("deleted", "signup")
	contact := f.contact("ada@example.com")
	sleeper := f.run(kept, contact, asleep(at(1)))
	id := f.send("signup", contact, at(1))
	w := f.claimOne(at(2))
	f.disable("disabled")
	f.must("delete", f.store.DeleteAutomation(f.ctx, "deleted", at(2)))

	name := "changed"
	moved := automation.RunChange{RunRecord: sleeper}
	moved.Step = "second"
	for _, v := range []automation.VersionRef{disabled, deleted, {AutomationID: "never", Version: 1}} {
		t := done(w, at(3))
		t.Change = &automation.ContactChange{FirstName: &name}
		t.Runs = []automation.RunChange{moved, f.started(kept, contact, w.Events[0].Event), f.started(v, contact, w.Events[0].Event)}
		f.commitRefused("a run of "+v.AutomationID, t, automation.ErrConflict)
		for _, run := range t.Runs[1:] {
			_, err := f.store.FindRun(f.ctx, run.ID)
			f.refused("a run of the refused transition", err, automation.ErrNotFound)
		}
	}
	f.equal("run", runText(f.findRun(sleeper.ID)), runText(sleeper))
	f.equal("contact", f.findContact(w.Key).FirstName, "")
	f.idle(at(3))
	f.commit(release(w, at(3)))
	w = f.claimOne(at(3))
	f.equal("events", eventsOf(w), []string{id})
	f.equal("starts", w.Events[0].Starts, []automation.VersionRef{kept})
}

// commitPruned prunes a version between a claim that names it and the commit that starts
// a run of it. A run without its definition could never be decoded.
func commitPruned(f *fixture) {
	v := f.automation("welcome", "signup")
	f.send("signup", f.contact("ada@example.com"), at(0))
	w := f.claimOne(at(1))
	f.edit("welcome", func(a *automation.AutomationRecord) { a.Version = 1 + automation.KeptVersions })
	f.prune(at(1000), 100)
	t := done(w, at(2))
	t.Runs = []automation.RunChange{f.started(v, w.Key.ID, w.Events[0].Event)}
	if err := f.commitAll(t)[0].Err; err != nil {
		f.refused("a version that was pruned", err, automation.ErrConflict)
		return
	}
	_, err := f.store.FindAutomationVersion(f.ctx, v)
	f.must("definition of a run that was started", err)
}

func commitTwice(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	f.send("signup", contact, at(1))
	w := f.claimOne(at(1))
	next := f.send("a", contact, at(2))
	name := "Ada"
	t := hold(w, at(2))
	t.Handled = handledOf(w)
	t.Runs = []automation.RunChange{f.started(v, contact, w.Events[0].Event)}
	t.Runs[0].DueAt = at(2)
	t.Change = &automation.ContactChange{FirstName: &name, AddSegments: []string{"s1"}, Properties: map[string]any{"plan": "pro"}}
	for range 2 {
		f.commit(t)
	}
	f.equal("run", runText(f.findRun(t.Runs[0].ID)), runText(t.Runs[0].RunRecord))
	f.equal("contact", contactText(f.findContact(w.Key)), contactText(automation.Contact{
		ID: contact, Email: "ada@example.com", FirstName: name, Segments: []string{"s1"},
		Properties: map[string]any{"plan": "pro"}, CreatedAt: w.Contact.CreatedAt,
	}))
	counts, err := f.store.CountRuns(f.ctx, v.AutomationID)
	f.must("count", err)
	f.equal("counts", counts, []automation.RunCount{{AutomationID: "welcome", Version: 1, Step: "first", Status: automation.RunRunning, Count: 1}})
	w = f.claimOne(at(2).Add(lease))
	f.equal("events", eventsOf(w), []string{next})
	f.equal("runs", runsOf(w), []string{t.Runs[0].ID})

	t = done(w, at(100))
	t.Delete = true
	t.Release, t.Extend = false, at(200)
	for range 2 {
		f.commit(t)
	}
	f.equal("runs", runsOf(f.claimOne(at(200))), runsOf(w))
}

func commitRun(f *fixture) {
	v := f.automation("welcome", "signup")
	f.edit("welcome", func(a *automation.AutomationRecord) { a.Version = 2 })
	v.Version = 2
	contact := f.contact("ada@example.com")
	run := f.run(v, contact, func(r *automation.RunRecord) { r.DueAt, r.State = at(1), nil })
	f.equal("new run", runText(f.findRun(run.ID)), runText(run))
	run.Status, run.Step, run.Listens, run.DueAt, run.DecodeFailures = automation.RunRunning, "second", []string{"ping", "pong \"<&>\" 日本"}, at(70), 7
	run.State, run.Error = []byte{0, 255, 1, '\n'}, &automation.StepError{Code: "x", Message: "naïve 日本語"}
	f.change(run, at(1))
	f.equal("run that waits", runText(f.findRun(run.ID)), runText(run))
	run.Status, run.Listens, run.DueAt, run.CompletedAt, run.DecodeFailures = automation.RunFailed, nil, time.Time{}, at(2), 0
	f.change(run, at(2))
	f.equal("run that has failed", runText(f.findRun(run.ID)), runText(run))
	_, err := f.store.FindRun(f.ctx, missing)
	f.refused("a run that does not exist", err, automation.ErrNotFound)
}

func commitChange(f *fixture) {
	contact := automation.Contact{
		ID: f.id(), Email: "Ada@example.com", FirstName: "Ada", LastName: "Lovelace",
		Properties: map[string]any{"plan": "pro", "seats": 5}, Segments: []string{"s1"}, CreatedAt: at(0),
	}
	f.must("insert contact", f.store.InsertContact(f.ctx, contact))
	w := f.take(contact.ID, at(1))
	none, yes := "", true
	t := hold(w, at(1))
	t.Change = &automation.ContactChange{
		LastName: &none, Unsubscribed: &yes, AddSegments: []string{"s2", "s1"},
		Properties: map[string]any{"plan": nil, "city": "London"},
	}
	res := f.commit(t)
	t.Change.Apply(&contact)
	f.equal("contact in the result", contactText(*res.Contact), contactText(contact))
	f.equal("contact", contactText(f.findContact(w.Key)), contactText(contact))

	// The next commit returns the contact with a change that another handle has made.
	name := "Augusta"
	_, err := f.other.UpdateContact(f.ctx, contact.ID, automation.ContactChange{FirstName: &name})
	f.must("change contact", err)
	f.equal("first name", f.commit(hold(w, at(2))).Contact.FirstName, name)
}

func commitDelete(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	owner, other := f.run(v, contact, asleep(at(1))), f.run(v, contact, waiting("ping"))
	w := f.claimOne(at(1))
	owner.Status, owner.DueAt, owner.CompletedAt = automation.RunCompleted, time.Time{}, at(1)
	t := hold(w, at(1))
	t.Delete = true
	t.Runs = []automation.RunChange{{RunRecord: owner}}
	f.equal("contact in the result is gone", f.commit(t).Contact == nil, true)
	_, err := f.store.FindContact(f.ctx, w.Key)
	f.refused("find contact", err, automation.ErrNotFound)
	f.commit(release(w, at(2)))
	w = f.claimOne(at(2))
	f.equal("record is gone", w.Contact == nil, true)
	f.equal("runs", runsOf(w), []string{other.ID})
}
