package storetest

import (
	"time"

	"github.com/seed-b636437c/automation"
)

func exitChecks() []Check {
	return []Check{
		check("exits/are read as they were written", exitsKept),
		check("exits/writing twice is writing once", exitsTwice),
		check("exits/of a run that began with its lease", exitsInLease),
		projectionCheck("projections/exits decisions and entries are kept", projectEntry),
		projectionCheck("projections/entries and decisions are replaced and kept once", projectEntryAgain),
	}
}

// left completes a run by an exit.
func left(name string, when time.Time) func(*automation.RunRecord) {
	return func(r *automation.RunRecord) {
		ended(automation.RunCompleted, when)(r)
		r.Exit = &automation.RunExit{Reason: automation.ExitEvent, Name: name, EventID: missing, Step: "wait for \"it\"", At: when}
	}
}

// sameExit ends the check unless every way to read the run shows it as it was written.
func (f *fixture) sameExit(what string, want automation.RunRecord) {
	f.equal(what, runText(f.findRun(want.ID)), runText(want))
	many, err := f.other.FindRuns(f.ctx, []string{want.ID})
	f.must("find runs", err)
	f.equal(what+", among several", runText(many[0]), runText(want))
	want.State = nil
	for _, q := range []automation.RunQuery{{}, {CompletedFrom: at(-1)}, {ContactID: want.ContactID}, {ContactID: want.ContactID, CompletedFrom: at(-1)}} {
		q.Limit = 100
		p, err := f.other.ListRuns(f.ctx, q)
		f.must("list runs", err)
		for _, r := range p.Data {
			if r.State = nil; r.ID == want.ID {
				f.equal(what+", in a list", runText(r), runText(want))
			}
		}
	}
}

func exitsKept(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	atOnce := f.run(v, contact, left("paid", at(1)))
	f.sameExit("a run that ended at once", atOnce)
	later := f.run(v, contact, waiting("paid"))
	left("", at(5))(&later)
	later.Exit.Reason, later.Exit.EventID = automation.ExitCondition, ""
	f.change(later, at(5))
	f.sameExit("a run that ended later", later)
	plain := f.run(v, contact, ended(automation.RunCompleted, at(1)))
	f.sameExit("a run without an exit", plain)
	running := f.run(v, contact, asleep(at(100)))
	f.equal("exit of a running run", exitText(f.findRun(running.ID).Exit), "none")
}

func exitsTwice(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	run := f.run(v, contact, asleep(at(1)))
	t := hold(f.take(contact, at(1)), at(1))
	left("paid", at(2))(&run)
	run.DueAt = time.Time{}
	t.Runs = []automation.RunChange{{RunRecord: run}}
	f.commit(t)
	f.commit(t)
	f.sameExit("run", run)
}

func exitsInLease(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	f.send("signup", contact, at(1))
	w := f.claimOne(at(1))
	t := hold(w, at(1))
	change := f.started(v, contact, w.Events[0].Event)
	change.DueAt = at(1)
	t.Handled, t.Runs = handledOf(w), []automation.RunChange{change}
	f.commit(t)
	change.New, change.DueAt = false, time.Time{}
	left("paid", at(2))(&change.RunRecord)
	t = release(w, at(2))
	t.Runs = []automation.RunChange{change}
	f.commit(t)
	f.sameExit("run", change.RunRecord)
}

func projectEntry(p *projecting) {
	v := p.automation("welcome", "started")
	e, run := p.start(v, "c1", at(1), left("paid", at(3)))
	refused := p.handledEvent("started", "c1", at(2))
	next := p.next([]automation.ProjectedEvent{e, refused}, automation.RunChange{RunRecord: run})
	d := decision(refused.Event.ID, "welcome", automation.DecisionLimit, `{"n":1}`)
	next.Decisions = []automation.Decision{d, decision(missing, "welcome", automation.DecisionLimit, "")}
	next.Entries = []automation.ProjectedEntry{{ContactID: "c1", EntryCount: entry("welcome", "k1", 1)}, {ContactID: "c2", EntryCount: entry("welcome", "", 1, 2)}}
	p.must("project", projectorOf(p.store).Project(p.ctx, next))
	p.sameExit("run", run)
	p.decided("decisions", refused.Event.ID, d)
	p.decided("decisions about an event that the store does not have", missing)
	p.entered("entries", "c1", entry("welcome", "k1", 1))
	p.entered("entries of another contact", "c2", entry("welcome", "", 1, 2))
}

func projectEntryAgain(p *projecting) {
	p.automation("welcome", "started")
	e := p.handledEvent("started", "c1", at(1))
	d := decision(e.Event.ID, "welcome", automation.DecisionLimit, "")
	for i := range 2 {
		next := p.next([]automation.ProjectedEvent{e})
		next.Decisions = []automation.Decision{d}
		next.Entries = []automation.ProjectedEntry{
			{ContactID: "c1", EntryCount: entry("welcome", "", i)}, {ContactID: "c1", EntryCount: entry("welcome", "", i, i+1)},
		}
		p.must("project", projectorOf(p.store).Project(p.ctx, next))
		p.sequence = next.Sequence
	}
	p.decided("decisions", e.Event.ID, d)
	p.entered("entries", "c1", entry("welcome", "", 1, 2))
}
