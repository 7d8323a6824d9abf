package storetest

import (
	"time"

	"github.com/seed-b636437c/automation"
)

// projectDeleted projects a run of an automation that is deleted, and of a version that was
// pruned, and deletes the contact.
func projectDeleted(p *projecting) {
	v := p.automation("welcome", "started")
	contact := p.contact("ada@example.com")
	run := p.begin(v, contact, at(1), asleep(at(100)))
	p.must("delete contact", p.store.DeleteContact(p.ctx, contact, at(2)))
	p.must("delete automation", p.store.DeleteAutomation(p.ctx, "welcome", at(2)))
	failing(automation.CancelledContactGone, at(3))(&run)
	p.write(run)
	p.sameRun(run)
	newer := p.begin(automation.VersionRef{AutomationID: "welcome", Version: 3}, contact, at(4), asleep(at(100)))
	p.shown(p.runs(automation.RunQuery{AutomationID: "welcome"}), automation.PageQuery{Limit: 10}, idsOf(newer, run), false)
	p.prune(at(4), 10)
	_, err := p.store.FindRun(p.ctx, run.ID)
	p.refused("a run that was pruned", err, automation.ErrNotFound)
	p.sameRun(newer)
	p.refused("insert while a run is kept", p.store.InsertAutomation(p.ctx, p.record("welcome", "started")), automation.ErrConflict)
	ended(automation.RunCompleted, at(5))(&newer)
	newer.DueAt = time.Time{}
	p.write(newer)
	p.equal("pruned", p.prune(at(10), 10).Runs, 1)
	p.must("insert", p.store.InsertAutomation(p.ctx, p.record("welcome", "started")))
	p.equal("version", p.findAutomation("welcome").Version, 4)
}

func projectPruned(p *projecting) {
	v := p.automation("welcome", "started")
	loose, resumed := p.handledEvent("ping", "c1", at(1)), p.handledEvent("ping", "c1", at(1))
	loose.Reason = automation.ReasonNoMatch
	mail := automation.ProjectedEvent{Event: p.mail("ping", "ada@example.com", at(1)).Event, HandledAt: at(2)}
	late := p.handledEvent("ping", "c1", at(50))
	e, run := p.start(v, "c1", at(1), ended(automation.RunCompleted, at(5)))
	_, twin := p.start(v, "c1", at(1), asleep(at(100)))
	twin.EventID = e.Event.ID
	resumed.Resumed = []string{run.ID}
	p.project([]automation.ProjectedEvent{loose, resumed, mail, late, e},
		automation.RunChange{RunRecord: run, Outputs: []automation.StepOutput{output(1, "one")}}, automation.RunChange{RunRecord: twin})

	p.equal("removed", p.prune(at(10), 100), automation.PruneResult{Runs: 1, Events: 3})
	for _, gone := range []string{loose.Event.ID, resumed.Event.ID, mail.Event.ID} {
		_, err := p.store.FindEvent(p.ctx, gone)
		p.refused("find an event that was removed", err, automation.ErrNotFound)
	}
	_, err := p.store.FindRun(p.ctx, run.ID)
	p.refused("find", err, automation.ErrNotFound)
	p.equal("outputs", p.outputs(run.ID), "")
	p.equal("started", p.findRecord(e.Event.ID).Started, idsOf(twin))
	p.equal("counts", p.countsOf("welcome"), []automation.RunCount{{AutomationID: "welcome", Version: 1, Step: "first", Status: automation.RunRunning, Count: 1}})
	ended(automation.RunCancelled, at(6))(&twin)
	twin.DueAt = time.Time{}
	p.write(twin)
	p.equal("removed with the last run", p.prune(at(10), 100), automation.PruneResult{Runs: 1, Events: 1})
	p.equal("nothing more is removed", p.prune(at(10), 100), automation.PruneResult{})
	ids, _ := p.page(p.listed(automation.EventQuery{}), automation.PageQuery{Limit: 10})
	p.equal("events that are left", ids, []string{late.Event.ID})
}

// projectForgotten retries a run in the engine after the store has pruned it with its event.
func projectForgotten(p *projecting) {
	v := p.automation("welcome", "started")
	e, run := p.start(v, "c1", at(1), failing(automation.FailedEffect, at(5)))
	run.EventID = timedID(at(1), 7)
	e.Event.ID = run.EventID
	p.project([]automation.ProjectedEvent{e}, automation.RunChange{RunRecord: run})
	p.equal("removed", p.prune(at(10), 100), automation.PruneResult{Runs: 1, Events: 1})
	run.Status, run.CompletedAt, run.Error, run.DueAt = automation.RunRunning, time.Time{}, nil, at(100)
	p.write(run)
	p.sameRun(run)
	for _, q := range []automation.RunQuery{{EventID: run.EventID}, {EventName: run.EventName}} {
		p.shown(p.runs(q), automation.PageQuery{Limit: 10}, idsOf(run), false)
	}
	record := p.findRecord(run.EventID)
	p.equal("event", []any{record.Name, record.ContactID, string(record.Payload), record.Status, record.Started},
		[]any{run.EventName, "c1", "", automation.EventStatusHandled, idsOf(run)})
	p.shown(p.listed(automation.EventQuery{AcceptedFrom: at(0), AcceptedUntil: at(2)}), automation.PageQuery{Limit: 10}, []string{run.EventID}, false)
	ended(automation.RunCompleted, at(6))(&run)
	run.DueAt = time.Time{}
	p.write(run)
	p.equal("removed again", p.prune(at(10), 100), automation.PruneResult{Runs: 1, Events: 1})
}
