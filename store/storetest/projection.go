package storetest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

func projectionChecks() []Check {
	return []Check{
		projectionCheck("projections/move a source from one sequence to the next", projectSequence),
		projectionCheck("projections/a projection that cannot be kept changes nothing", projectInvalid),
		projectionCheck("projections/of two projectors at once one wins", projectAtOnce),
		projectionCheck("projections/events are read as they were handled", projectEvents),
		projectionCheck("projections/events are found by every filter", projectEventFilters),
		projectionCheck("projections/an event that exists is left as it is", projectEventTwice),
		projectionCheck("projections/runs are read as they were given", projectRuns),
		projectionCheck("projections/runs are found by every filter", projectRunFilters),
		projectionCheck("projections/runs are listed in pages in both orders", projectRunPages),
		projectionCheck("projections/a run is replaced", projectReplaced),
		projectionCheck("projections/counts follow runs that are replaced", projectCounts),
		projectionCheck("projections/a run that a Runner wrote is replaced", projectOverCommitted),
		projectionCheck("projections/a run that is given twice is kept as it is last", projectRunTwice),
		projectionCheck("projections/outputs are kept replaced and dropped", projectOutputs),
		projectionCheck("projections/of what does not exist any more", projectStrangers),
		projectionCheck("projections/of runs of a deleted automation", projectDeleted),
		projectionCheck("projections/are pruned", projectPruned),
		projectionCheck("projections/a run that was pruned comes back", projectForgotten),
		projectionCheck("projections/may be large", projectMany),
		projectionCheck("projections/what was given may be changed afterwards", projectGiven),
		projectionCheck("projections/stop with their context and their store", projectClosed),
	}
}

// projecting is the fixture of a check about an automation.Projector.
type projecting struct {
	*fixture
	sequence int64 // of the source
}

// source is the source of most projections.
const source = "shard 1"

// projectionCheck returns a check that is skipped if the store is no Projector.
func projectionCheck(name string, body func(p *projecting)) Check {
	return check(name, func(f *fixture) {
		if projectorOf(f.store) == nil || projectorOf(f.other) == nil {
			f.fail(fmt.Errorf("%w: the store is no Projector", ErrSkipped))
		}
		body(&projecting{fixture: f})
	})
}

// projectorOf returns the Projector of a store, or nil.
func projectorOf(s automation.Store) automation.Projector {
	p, _ := automation.StoreAs[automation.Projector](s)
	return p
}

// next returns the next projection of the source.
func (p *projecting) next(events []automation.ProjectedEvent, runs ...automation.RunChange) automation.Projection {
	return automation.Projection{Source: source, After: p.sequence, Sequence: p.sequence + 3, Events: events, Runs: runs}
}

// project keeps the next projection of the source.
func (p *projecting) project(events []automation.ProjectedEvent, runs ...automation.RunChange) {
	next := p.next(events, runs...)
	p.must("project", projectorOf(p.store).Project(p.ctx, next))
	p.sequence = next.Sequence
}

// write projects runs without events.
func (p *projecting) write(runs ...automation.RunRecord) {
	changes := make([]automation.RunChange, len(runs))
	for i, r := range runs {
		changes[i].RunRecord = r
	}
	p.project(nil, changes...)
}

// at ends the check unless the source is at a sequence, through both handles.
func (p *projecting) at(what, name string, want int64) {
	for _, s := range []automation.Store{p.store, p.other} {
		is, err := projectorOf(s).ProjectedTo(p.ctx, name)
		p.must("projected to", err)
		p.equal(what+": sequence", is, want)
	}
}

// handledEvent returns an event that was handled a second after it was accepted.
func (p *projecting) handledEvent(name, contact string, accepted time.Time) automation.ProjectedEvent {
	return automation.ProjectedEvent{Event: p.event(name, contact, accepted).Event, HandledAt: accepted.Add(time.Second)}
}

// start returns an event, and a run that it started when it was handled. set sets the
// fields of the run.
func (p *projecting) start(v automation.VersionRef, contact string, accepted time.Time, set func(*automation.RunRecord)) (automation.ProjectedEvent, automation.RunRecord) {
	e := p.handledEvent("started", contact, accepted)
	run := p.started(v, contact, e.Event).RunRecord
	run.CreatedAt = e.HandledAt
	set(&run)
	return e, run
}

// begin projects an event and a run that it started.
func (p *projecting) begin(v automation.VersionRef, contact string, accepted time.Time, set func(*automation.RunRecord)) automation.RunRecord {
	e, run := p.start(v, contact, accepted, set)
	p.project([]automation.ProjectedEvent{e}, automation.RunChange{RunRecord: run})
	return run
}

// failing ends a run with an error of this code.
func failing(code automation.StepErrorCode, when time.Time) func(*automation.RunRecord) {
	return func(r *automation.RunRecord) {
		ended(automation.RunFailed, when)(r)
		r.DueAt, r.Listens, r.Error = time.Time{}, nil, &automation.StepError{Code: code, Message: "no \"route\""}
	}
}

func (p *projecting) sameRun(want automation.RunRecord) {
	p.equal("run", runText(p.findRun(want.ID)), runText(want))
}

func (p *projecting) countsOf(automation string) string {
	counts, err := p.other.CountRuns(p.ctx, automation)
	p.must("count", err)
	return fmt.Sprint(counts)
}

func projectSequence(p *projecting) {
	v := p.automation("welcome", "started")
	p.at("before the first projection", source, 0)
	first := p.begin(v, "c1", at(1), asleep(at(100)))
	p.at("afterwards", source, p.sequence)
	p.at("another source", "shard 2", 0)
	for what, after := range map[string]int64{"a projection that was made": 0, "a sequence that was never reached": p.sequence + 1, "an earlier sequence": p.sequence - 1} {
		e, run := p.start(v, "c2", at(2), asleep(at(100)))
		changed := first
		changed.Step = "another"
		stale := automation.Projection{
			Source: source, After: after, Sequence: p.sequence + 10, Events: []automation.ProjectedEvent{e},
			Runs: []automation.RunChange{{RunRecord: run}, {RunRecord: changed}},
		}
		p.refused(what, projectorOf(p.other).Project(p.ctx, stale), automation.ErrConflict)
		p.at("after "+what, source, p.sequence)
		_, err := p.store.FindEvent(p.ctx, e.Event.ID)
		p.refused("event of "+what, err, automation.ErrNotFound)
		_, err = p.store.FindRun(p.ctx, run.ID)
		p.refused("run of "+what, err, automation.ErrNotFound)
		p.sameRun(first)
	}
	unknown := automation.Projection{Source: "shard 2", After: 1, Sequence: 2}
	p.refused("a source that was never projected", projectorOf(p.store).Project(p.ctx, unknown), automation.ErrConflict)
	unknown.After = 0
	p.must("project another source", projectorOf(p.store).Project(p.ctx, unknown))
	p.at("another source", "shard 2", 2)
	p.project(nil)
	p.at("after a projection of nothing", source, p.sequence)
}

func projectInvalid(p *projecting) {
	v := p.automation("welcome", "started")
	for what, spoil := range map[string]func(*automation.Projection){
		"no source":                         func(n *automation.Projection) { n.Source = "" },
		"a source of the store's own":       func(n *automation.Projection) { n.Source = "engine/a" },
		"a sequence that is not higher":     func(n *automation.Projection) { n.Sequence = n.After },
		"an event without an id":            func(n *automation.Projection) { n.Events[0].Event.ID = "" },
		"an event that was not handled":     func(n *automation.Projection) { n.Events[0].HandledAt = time.Time{} },
		"an event for no contact":           func(n *automation.Projection) { n.Events[0].Event.ContactID = "" },
		"a run without an id":               func(n *automation.Projection) { n.Runs[0].RunRecord.ID = "" },
		"a run without a status":            func(n *automation.Projection) { n.Runs[0].Status = "" },
		"a run of no automation":            func(n *automation.Projection) { n.Runs[0].AutomationID = "" },
		"a run of no contact":               func(n *automation.Projection) { n.Runs[0].ContactID = "" },
		"a run that was never created":      func(n *automation.Projection) { n.Runs[0].CreatedAt = time.Time{} },
		"a run that ended and has no end":   func(n *automation.Projection) { n.Runs[0].Status = automation.RunFailed },
		"an unknown status in the last run": func(n *automation.Projection) { n.Runs[1].Status = "asleep" },
	} {
		e, run := p.start(v, "c1", at(1), asleep(at(100)))
		_, other := p.start(v, "c1", at(1), asleep(at(100)))
		next := p.next([]automation.ProjectedEvent{e}, automation.RunChange{RunRecord: run}, automation.RunChange{RunRecord: other})
		spoil(&next)
		p.refused(what, projectorOf(p.store).Project(p.ctx, next), automation.ErrInvalid)
	}
	p.at("after projections that were refused", source, 0)
	ids, _ := p.page(p.runs(automation.RunQuery{}), automation.PageQuery{Limit: 10})
	p.equal("runs", len(ids), 0)
	ids, _ = p.page(p.listed(automation.EventQuery{}), automation.PageQuery{Limit: 10})
	p.equal("events", len(ids), 0)
}

// projectAtOnce lets projectors race, for the first projection of a source and for a later one.
func projectAtOnce(p *projecting) {
	v := p.automation("welcome", "started")
	_, shared := p.start(v, "c1", at(1), asleep(at(100)))
	for round := range 3 {
		rivals := make([]automation.Projection, 6)
		for i := range rivals {
			e, run := p.start(v, "c1", at(1), asleep(at(100)))
			same := shared
			same.Step = fmt.Sprint("step ", round, " ", i)
			rivals[i] = p.next([]automation.ProjectedEvent{e}, automation.RunChange{RunRecord: run}, automation.RunChange{RunRecord: same})
		}
		errs := atOnce(len(rivals), func(i int) error { return projectorOf(p.handle(i)).Project(p.ctx, rivals[i]) })
		p.onlyOne("project", errs, automation.ErrConflict)
		p.sequence = rivals[0].Sequence
		p.at("after the race", source, p.sequence)
		won := slices.Index(errs, nil)
		p.equal("step", p.findRun(shared.ID).Step, fmt.Sprint("step ", round, " ", won))
		for i := range rivals {
			_, err := p.store.FindRun(p.ctx, rivals[i].Runs[0].RunRecord.ID)
			_, eventErr := p.store.FindEvent(p.ctx, rivals[i].Events[0].Event.ID)
			p.equal("run and event are found", []bool{err == nil, eventErr == nil}, []bool{i == won, i == won})
		}
		ids, _ := p.page(p.runs(automation.RunQuery{}), automation.PageQuery{Limit: 10})
		p.equal("how many runs there are", len(ids), round+2)
	}
}

// projectMany projects more than a statement can have parameters, of a few contacts.
func projectMany(p *projecting) {
	const many = 1200
	v := p.automation("welcome", "started")
	var events []automation.ProjectedEvent
	changes := make([]automation.RunChange, many)
	for i := range changes {
		e, run := p.start(v, fmt.Sprint("c", i%3), at(i), asleep(at(9000)))
		run.Step = fmt.Sprint("step ", i%40)
		events = append(events, e)
		changes[i] = automation.RunChange{RunRecord: run, Outputs: []automation.StepOutput{output(i%3, run.ID)}}
	}
	p.project(events, changes...)
	for i := range changes {
		changes[i].Step, changes[i].DueAt, changes[i].Outputs = "last", time.Time{}, nil
		ended(automation.RunCompleted, at(i))(&changes[i].RunRecord)
	}
	p.project(nil, changes...)
	p.equal("counts", p.countsOf("welcome"), []automation.RunCount{{AutomationID: "welcome", Version: 1, Step: "last", Status: automation.RunCompleted, Count: many}})
	for _, i := range []int{0, 1, many / 2, many - 1} {
		p.sameRun(changes[i].RunRecord)
		p.equal("outputs", p.outputs(changes[i].ID), fmt.Sprintf("%d=%q", i%3, changes[i].ID))
		p.equal("started", p.findRecord(events[i].Event.ID).Started, idsOf(changes[i].RunRecord))
	}
	p.shown(p.runs(automation.RunQuery{CompletedFrom: at(many - 2)}), automation.PageQuery{Limit: 10}, []string{changes[many-1].ID, changes[many-2].ID}, false)
}

func projectGiven(p *projecting) {
	v := p.automation("welcome", "started")
	e, run := p.start(v, "c1", at(1), failing(automation.FailedEffect, at(5)))
	other := p.handledEvent("ping", "c1", at(1))
	other.Resumed = []string{run.ID}
	change := automation.RunChange{RunRecord: run, Outputs: []automation.StepOutput{output(1, "one")}}
	wantRun, wantEvent := runText(run), eventText(e.Event)
	p.project([]automation.ProjectedEvent{e, other}, change)
	resumed := fmt.Sprint(other.Resumed)
	scratch(change.State)
	scratch(e.Event.Payload)
	scratch(change.Outputs[0].Output)
	change.Error.Code, other.Resumed[0] = "#", "#"
	p.equal("run", runText(p.findRun(run.ID)), wantRun)
	p.equal("event", eventText(p.findEvent(e.Event.ID)), wantEvent)
	p.equal("outputs", p.outputs(run.ID), `1="one"`)
	p.equal("resumed", fmt.Sprint(p.findRecord(other.Event.ID).Resumed), resumed)
}

func projectClosed(p *projecting) {
	v := p.automation("welcome", "started")
	e, run := p.start(v, "c1", at(1), asleep(at(100)))
	next := p.next([]automation.ProjectedEvent{e}, automation.RunChange{RunRecord: run})
	over, cancel := context.WithCancel(p.ctx)
	cancel()
	if err := projectorOf(p.store).Project(over, next); err == nil {
		p.failf("Project succeeds with a context that has ended")
	}
	if _, err := projectorOf(p.store).ProjectedTo(over, source); err == nil {
		p.failf("ProjectedTo succeeds with a context that has ended")
	}
	p.at("after a context that had ended", source, 0)
	c, ok := p.store.(io.Closer)
	if !ok {
		return
	}
	p.must("close", c.Close())
	p.refused("project", projectorOf(p.store).Project(p.ctx, next), automation.ErrClosed)
	_, err := projectorOf(p.store).ProjectedTo(p.ctx, source)
	p.refused("projected to", err, automation.ErrClosed)
}
