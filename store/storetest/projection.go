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

func projectEvents(p *projecting) {
	v := p.automation("welcome", "started")
	starts, run := p.start(v, "c1", at(1), asleep(at(100)))
	_, second := p.start(v, "c1", at(1), ended(automation.RunCompleted, at(3)))
	second.EventID = starts.Event.ID
	both, resumedRun := p.start(v, "c2", at(1), asleep(at(100)))
	both.Resumed = []string{run.ID, p.id()}
	later, late := p.start(v, "c3", at(1), func(r *automation.RunRecord) { r.CreatedAt = at(9) }) // its event was handled at 2
	resumed, nothing, plain := p.handledEvent("ping", "c1", at(4)), p.handledEvent("ping", "c1", at(5)), p.handledEvent("ping", "c1", at(6))
	resumed.Resumed, nothing.Reason = []string{run.ID}, automation.ReasonFilterNotMet
	mail := automation.ProjectedEvent{Event: p.mail("ping", "Ada@Example.com", at(7)).Event, HandledAt: at(8)}
	mail.Reason = automation.ReasonNoMatch
	bare := automation.ProjectedEvent{Event: automation.Event{ID: p.id(), Name: "bare", ContactID: "c1", AcceptedAt: at(8), OccurredAt: at(2)}, HandledAt: at(8)}
	bare.Event.IdempotencyKey = "key"
	for i, e := range []*automation.ProjectedEvent{&starts, &both, &later, &resumed, &nothing, &plain, &mail, &bare} {
		e.HandledEvent.ID = []string{"", e.Event.ID}[i%2] // the id of the event counts
	}

	p.project([]automation.ProjectedEvent{starts, both, later, resumed, nothing, plain, mail, bare},
		automation.RunChange{RunRecord: run}, automation.RunChange{RunRecord: second}, automation.RunChange{RunRecord: resumedRun}, automation.RunChange{RunRecord: late})
	for _, c := range []struct {
		e       automation.ProjectedEvent
		started []string
	}{
		{starts, []string{run.ID, second.ID}}, {both, []string{resumedRun.ID}}, {later, []string{late.ID}},
		{resumed, nil}, {nothing, nil}, {plain, nil}, {mail, nil}, {bare, nil},
	} {
		want := automation.EventRecord{
			Event: c.e.Event, Status: automation.EventStatusHandled, HandledAt: c.e.HandledAt,
			Started: c.started, Resumed: c.e.Resumed, Reason: c.e.Reason,
		}
		p.equal("event", recordText(p.findRecord(c.e.Event.ID)), recordText(want))
	}
	key := keyed(p.event("bare", p.contact("ada@example.com"), at(20)), "key", "hash")
	p.equal("an event with the key of a copy is no duplicate", p.append(key)[0].Duplicate, false)
	events, err := p.store.ListContactEvents(p.ctx, "c1", "ping", at(5))
	p.must("contact events", err)
	p.equal("events of the contact", len(events), 2)
	p.equal("first event", eventText(events[0]), eventText(nothing.Event))
}

func projectEventFilters(p *projecting) {
	events := []automation.ProjectedEvent{
		p.handledEvent("a", "ada", at(1)), p.handledEvent("b", "ada", at(2)), p.handledEvent("a", "bob", at(3)),
		{Event: p.mail("a", "Cleo@example.com", at(4)).Event, HandledAt: at(4)},
	}
	for i := range events {
		events[i].Event.ID = timedID(at(i+1), i)
	}
	p.project(events[2:])
	p.project(events[:2]) // an order in which a single process would not accept them
	one, two, three, four := events[0].Event.ID, events[1].Event.ID, events[2].Event.ID, events[3].Event.ID
	for _, c := range []struct {
		q    automation.EventQuery
		want []string
	}{
		{automation.EventQuery{}, []string{four, three, two, one}},
		{automation.EventQuery{Name: "a"}, []string{four, three, one}},
		{automation.EventQuery{Contact: automation.ContactRef{ID: "ada"}}, []string{two, one}},
		{automation.EventQuery{Contact: automation.ContactRef{ID: "ada"}, Name: "a"}, []string{one}},
		{automation.EventQuery{Contact: automation.ContactRef{Email: "cleo@EXAMPLE.com"}}, []string{four}},
		{automation.EventQuery{Contact: automation.ContactRef{ID: "ada", Email: "cleo@example.com"}}, []string{four, two, one}},
		{automation.EventQuery{AcceptedFrom: at(2)}, []string{four, three, two}},
		{automation.EventQuery{AcceptedUntil: at(2)}, []string{one}},
		{automation.EventQuery{AcceptedFrom: at(2), AcceptedUntil: at(4)}, []string{three, two}},
	} {
		p.shown(p.listed(c.q), automation.PageQuery{Limit: 10}, c.want, false)
	}
	p.shown(p.listed(automation.EventQuery{}), automation.PageQuery{Limit: 2, After: four}, []string{three, two}, true)
	p.shown(p.listed(automation.EventQuery{}), automation.PageQuery{Limit: 2, Before: one}, []string{three, two}, true)
}

func projectEventTwice(p *projecting) {
	contact := p.contact("ada@example.com")
	copied, pending := p.handledEvent("a", contact, at(1)), p.event("a", contact, at(2))
	copied.Reason = automation.ReasonNoMatch
	p.append(pending)
	again := copied
	again.Event.Name, again.Event.Payload, again.Reason, again.HandledAt = "b", nil, automation.ReasonDisabled, at(50)
	p.project([]automation.ProjectedEvent{copied, again})
	want := automation.EventRecord{Event: copied.Event, Status: automation.EventStatusHandled, HandledAt: copied.HandledAt, Reason: copied.Reason}
	p.equal("the first of two copies", recordText(p.findRecord(copied.Event.ID)), recordText(want))
	p.project([]automation.ProjectedEvent{again})
	p.equal("an event that was projected before", recordText(p.findRecord(copied.Event.ID)), recordText(want))
	want = automation.EventRecord{Event: pending.Event, Status: automation.EventStatusPending}
	p.equal("an event that was sent", recordText(p.findRecord(pending.Event.ID)), recordText(want))
	ids, _ := p.page(p.listed(automation.EventQuery{}), automation.PageQuery{Limit: 10})
	p.equal("events", ids, []string{pending.Event.ID, copied.Event.ID})
}

// projectRuns keeps runs with every field, in all statuses.
func projectRuns(p *projecting) {
	v := p.automation("welcome", "started")
	var events []automation.ProjectedEvent
	var changes []automation.RunChange
	for i, set := range []func(*automation.RunRecord){
		func(r *automation.RunRecord) {
			r.Listens, r.DueAt, r.State = []string{"ping", "pong"}, at(100), []byte("\x00\xff")
		},
		func(r *automation.RunRecord) { r.DecodeFailures, r.DueAt, r.State = 3, at(7), nil },
		func(r *automation.RunRecord) {},
		ended(automation.RunCompleted, at(5)),
		failing(automation.FailedEffect, at(6)),
		ended(automation.RunCancelled, at(7)),
	} {
		e, run := p.start(v, fmt.Sprint("c", i), at(i), set)
		events, changes = append(events, e), append(changes, automation.RunChange{RunRecord: run, New: i%2 == 0, Served: automation.RequestCancel})
	}
	p.project(events, changes...)
	ids := make([]string, len(changes))
	for i, c := range changes {
		ids[i] = c.ID
		p.sameRun(c.RunRecord)
		p.shown(p.runs(automation.RunQuery{ContactID: c.ContactID}), automation.PageQuery{Limit: 2}, ids[i:i+1], false)
		p.shown(p.runs(automation.RunQuery{EventID: c.EventID}), automation.PageQuery{Limit: 2}, ids[i:i+1], false)
	}
	found, err := p.other.FindRuns(p.ctx, ids)
	p.must("find runs", err)
	p.equal("how many runs are found", len(found), len(ids))
	p.equal("request", p.take("c0", at(0)).Runs, []automation.ClaimedRun{})
}

func projectRunFilters(p *projecting) {
	a, b, c := p.automation("a", "started"), p.automation("b", "started"), p.automation("c", "other")
	a2 := automation.VersionRef{AutomationID: "a", Version: 2}
	_, one := p.start(a, "ada", at(0), asleep(at(100)))
	_, two := p.start(a2, "bob", at(1), ended(automation.RunCompleted, at(3)))
	_, three := p.start(b, "ada", at(2), failing(automation.FailedEffect, at(4)))
	_, four := p.start(c, "bob", at(3), waiting("ping"))
	four.EventName = "other"
	_, five := p.start(b, "bob", at(4), ended(automation.RunCancelled, at(9)))
	five.Error = &automation.StepError{Code: automation.CancelledByRequest}
	three.Step = "last"
	p.write(five, two, four)
	p.write(three, one)
	for i, c := range []struct {
		q    automation.RunQuery
		want []automation.RunRecord
	}{
		{automation.RunQuery{}, []automation.RunRecord{five, four, three, two, one}},
		{automation.RunQuery{AutomationID: "a"}, []automation.RunRecord{two, one}},
		{automation.RunQuery{AutomationID: "a", Version: 2}, []automation.RunRecord{two}},
		{automation.RunQuery{Statuses: []automation.RunStatus{automation.RunRunning}}, []automation.RunRecord{four, one}},
		{automation.RunQuery{ContactID: "ada"}, []automation.RunRecord{three, one}},
		{automation.RunQuery{EventID: two.EventID}, []automation.RunRecord{two}},
		{automation.RunQuery{EventName: "other"}, []automation.RunRecord{four}},
		{automation.RunQuery{EventName: "started"}, []automation.RunRecord{five, three, two, one}},
		{automation.RunQuery{Step: "last"}, []automation.RunRecord{three}},
		{automation.RunQuery{CreatedFrom: at(2), CreatedUntil: at(4)}, []automation.RunRecord{three, two}},
		{automation.RunQuery{CompletedFrom: at(3)}, []automation.RunRecord{five, three, two}},
		{automation.RunQuery{CompletedFrom: at(3), CompletedUntil: at(9), EventName: "started"}, []automation.RunRecord{three, two}},
		{automation.RunQuery{CompletedUntil: at(10), ContactID: "bob"}, []automation.RunRecord{five, two}},
		{automation.RunQuery{ErrorCode: automation.FailedEffect}, []automation.RunRecord{three}},
		{automation.RunQuery{ErrorCode: automation.CancelledByRequest, CompletedFrom: at(9)}, []automation.RunRecord{five}},
		{automation.RunQuery{ErrorCode: automation.FailedEffect, ContactID: "ada"}, []automation.RunRecord{three}},
	} {
		ids, more := p.page(p.runs(c.q), automation.PageQuery{Limit: 10})
		p.equal(fmt.Sprintf("runs of query %d, %+v", i, c.q), ids, idsOf(c.want...))
		p.equal("has more", more, false)
	}
}

// projectRunPages projects runs in another order than that of their creation and their ends.
func projectRunPages(p *projecting) {
	v := p.automation("welcome", "started")
	runs := make([]automation.RunRecord, 6)
	for i := range runs {
		_, runs[i] = p.start(v, fmt.Sprint("c", i%2), at(i), ended(automation.RunCompleted, at(100-i/2)))
	}
	p.write(runs[4], runs[1])
	p.write(runs[5], runs[0], runs[3])
	p.write(runs[2])
	newest := idsOf(runs...)
	slices.Reverse(newest)
	add := func() string { return p.begin(v, "c0", at(10+p.made), asleep(at(1000))).ID }
	p.pages(newest, p.runs(automation.RunQuery{}), add)
	p.pages(idsOf(p.byEnd(runs)...), p.runs(automation.RunQuery{CompletedFrom: at(1)}), func() string {
		return p.begin(v, "c1", at(10+p.made), ended(automation.RunCompleted, at(1000))).ID
	})
}

// byEnd returns runs that ended, the last one first. Among those of one moment, the one is
// first that the store lists first, which is not fixed for runs that were projected.
func (p *projecting) byEnd(runs []automation.RunRecord) []automation.RunRecord {
	ids, _ := p.page(p.runs(automation.RunQuery{CompletedFrom: at(1)}), automation.PageQuery{Limit: 100})
	sorted := slices.Clone(runs)
	slices.SortFunc(sorted, func(a, b automation.RunRecord) int {
		if d := b.CompletedAt.Compare(a.CompletedAt); d != 0 {
			return d
		}
		return slices.Index(ids, a.ID) - slices.Index(ids, b.ID)
	})
	return sorted
}

// projectReplaced follows a run that ends, goes on, and ends again.
func projectReplaced(p *projecting) {
	v := p.automation("welcome", "started")
	run := p.begin(v, "c1", at(1), asleep(at(100)))
	other := p.begin(v, "c1", at(2), ended(automation.RunCompleted, at(5)))
	byEnd, running := automation.RunQuery{CompletedFrom: at(1)}, automation.RunQuery{Statuses: []automation.RunStatus{automation.RunRunning}}
	withCode := automation.RunQuery{ErrorCode: automation.FailedEffect}
	for _, set := range []func(*automation.RunRecord){
		func(r *automation.RunRecord) {
			r.Step, r.Listens, r.State = "second", []string{"ping"}, []byte("waits")
		},
		failing(automation.FailedEffect, at(9)),
		failing(automation.FailedTimeout, at(10)),
		func(r *automation.RunRecord) { // a retry
			r.Status, r.CompletedAt, r.Error, r.DueAt, r.State = automation.RunRunning, time.Time{}, nil, at(20), nil
		},
		failing(automation.FailedEffect, at(30)),
		func(r *automation.RunRecord) {
			r.Status, r.CompletedAt, r.Error, r.Step = automation.RunCompleted, at(4), nil, "last"
		},
		func(r *automation.RunRecord) { r.CompletedAt, r.State = at(40), []byte("ended again") },
	} {
		set(&run)
		p.write(run)
		p.sameRun(run)
		ids := idsOf(run)
		isRunning, failed := run.Status == automation.RunRunning, run.Error != nil && run.Error.Code == automation.FailedEffect
		p.shown(p.runs(running), automation.PageQuery{Limit: 10}, when(isRunning, ids), false)
		p.shown(p.runs(withCode), automation.PageQuery{Limit: 10}, when(failed, ids), false)
		ends := []automation.RunRecord{other}
		if !isRunning {
			ends = append(ends, run)
			slices.SortFunc(ends, func(a, b automation.RunRecord) int { return b.CompletedAt.Compare(a.CompletedAt) })
		}
		p.shown(p.runs(byEnd), automation.PageQuery{Limit: 10}, idsOf(ends...), false)
		p.shown(p.runs(automation.RunQuery{}), automation.PageQuery{Limit: 10}, idsOf(other, run), false)
		p.shown(p.runs(automation.RunQuery{ContactID: "c1", Step: run.Step}), automation.PageQuery{Limit: 1, After: other.ID}, ids, false)
		p.equal("started", p.findRecord(run.EventID).Started, ids)
	}
}

func when(holds bool, ids []string) []string {
	if holds {
		return ids
	}
	return nil
}

func projectCounts(p *projecting) {
	v := p.automation("welcome", "started")
	var runs []automation.RunRecord
	for i := range 9 {
		_, run := p.start(v, fmt.Sprint("c", i), at(i), []func(*automation.RunRecord){
			asleep(at(100)), waiting("ping"), ended(automation.RunCompleted, at(50)),
		}[i%3])
		runs = append(runs, run)
	}
	count := func(step string, status automation.RunStatus, n int) automation.RunCount {
		return automation.RunCount{AutomationID: "welcome", Version: 1, Step: step, Status: status, Count: n}
	}
	p.write(runs...)
	p.equal("counts", p.countsOf("welcome"), []automation.RunCount{count("first", automation.RunCompleted, 3), count("first", automation.RunRunning, 6)})
	p.write(runs...)
	p.equal("counts after the same once more", p.countsOf("welcome"), []automation.RunCount{count("first", automation.RunCompleted, 3), count("first", automation.RunRunning, 6)})
	for i := range runs {
		switch i % 3 {
		case 0:
			runs[i].Step, runs[i].DueAt = "second", time.Time{}
			ended(automation.RunFailed, at(60))(&runs[i])
		case 1:
			runs[i].Step, runs[i].Listens = "second", []string{"pong"}
		default:
			runs[i].Status, runs[i].CompletedAt = automation.RunRunning, time.Time{}
		}
	}
	p.write(runs...)
	p.equal("counts after changes", p.countsOf("welcome"), []automation.RunCount{
		count("first", automation.RunRunning, 3), count("second", automation.RunFailed, 3), count("second", automation.RunRunning, 3),
	})
}

// projectOverCommitted projects runs of a store that a Runner used before: one with a request,
// one of a lease, and one that ended.
func projectOverCommitted(p *projecting) {
	v := p.automation("welcome", "signup")
	contact := p.contact("ada@example.com")
	asked := p.run(v, contact, failing(automation.FailedEffect, at(1)))
	p.request(asked.ID, automation.RequestRetry, at(1))
	over := p.run(v, contact, ended(automation.RunCompleted, at(1)))
	p.send("signup", contact, at(1))
	w := p.claimWith(automation.ClaimParams{Now: at(1), Lease: lease, Limit: 1, Events: 1, Runs: 1, Contact: automation.ContactRef{ID: contact}})[0]
	begun := p.started(v, contact, w.Events[0].Event)
	begun.DueAt = at(1)
	t := hold(w, at(1))
	t.Handled, t.Runs = handledOf(w), []automation.RunChange{begun}
	p.commit(t)

	runs := []automation.RunRecord{asked, over, begun.RunRecord}
	for i := range runs {
		runs[i].Status, runs[i].DueAt, runs[i].CompletedAt, runs[i].Error, runs[i].Step = automation.RunCompleted, time.Time{}, at(20+i), nil, "last"
	}
	p.write(runs...)
	for _, run := range runs {
		p.sameRun(run)
	}
	p.shown(p.runs(automation.RunQuery{CompletedFrom: at(1)}), automation.PageQuery{Limit: 10}, idsOf(runs[2], runs[1], runs[0]), false)
	p.equal("counts", p.countsOf("welcome"), []automation.RunCount{{AutomationID: "welcome", Version: 1, Step: "last", Status: automation.RunCompleted, Count: 3}})
	p.equal("runs of the next claim", runsOf(p.take(contact, at(1000))), []string{})
}

func projectRunTwice(p *projecting) {
	v := p.automation("welcome", "started")
	e, run := p.start(v, "c1", at(1), asleep(at(100)))
	first, second, third := automation.RunChange{RunRecord: run}, automation.RunChange{RunRecord: run}, automation.RunChange{RunRecord: run}
	first.Outputs = []automation.StepOutput{output(1, "dropped")}
	second.Outputs, second.DropOutputs = []automation.StepOutput{output(2, "two"), output(3, "three")}, true
	third.Outputs, third.Step = []automation.StepOutput{output(3, "another")}, "last"
	failing(automation.FailedEffect, at(5))(&third.RunRecord)
	p.project([]automation.ProjectedEvent{e}, first, second, third)
	p.sameRun(third.RunRecord)
	p.equal("outputs", p.outputs(run.ID), `2="two" 3="another"`)
	p.equal("counts", p.countsOf("welcome"), []automation.RunCount{{AutomationID: "welcome", Version: 1, Step: "last", Status: automation.RunFailed, Count: 1}})
	p.shown(p.runs(automation.RunQuery{}), automation.PageQuery{Limit: 10}, idsOf(run), false)
}

func projectOutputs(p *projecting) {
	v := p.automation("welcome", "started")
	e, run := p.start(v, "c1", at(1), asleep(at(100)))
	_, other := p.start(v, "c1", at(1), asleep(at(100)))
	p.project([]automation.ProjectedEvent{e},
		automation.RunChange{RunRecord: run, Outputs: []automation.StepOutput{output(3, "three\x00\xff"), output(1, "one")}},
		automation.RunChange{RunRecord: other, Outputs: []automation.StepOutput{output(1, "of another")}})
	p.equal("outputs", p.outputs(run.ID), `1="one" 3="three\x00\xff"`)
	ended(automation.RunFailed, at(5))(&run)
	p.project(nil, automation.RunChange{RunRecord: run, Outputs: []automation.StepOutput{output(1, "again"), output(2, "two")}})
	p.equal("outputs of a run that ended", p.outputs(run.ID), `1="again" 2="two" 3="three\x00\xff"`)
	p.write(run)
	p.equal("outputs after a change without any", p.outputs(run.ID), `1="again" 2="two" 3="three\x00\xff"`)
	p.project(nil, automation.RunChange{RunRecord: run, DropOutputs: true, Outputs: []automation.StepOutput{output(4, "four")}})
	p.equal("outputs after the others were dropped", p.outputs(run.ID), `4="four"`)
	p.project(nil, automation.RunChange{RunRecord: run, DropOutputs: true})
	p.equal("outputs that were dropped", p.outputs(run.ID), "")
	p.equal("outputs of the other run", p.outputs(other.ID), `1="of another"`)
}

// projectStrangers projects a run of an automation that the store has never had.
func projectStrangers(p *projecting) {
	v := automation.VersionRef{AutomationID: "stranger", Version: 4}
	run := p.begin(v, "c1", at(1), asleep(at(100)))
	p.sameRun(run)
	for _, q := range []automation.RunQuery{{}, {AutomationID: "stranger"}, {AutomationID: "stranger", Version: 4, ContactID: "c1"}} {
		p.shown(p.runs(q), automation.PageQuery{Limit: 10}, idsOf(run), false)
	}
	_, err := p.store.FindAutomation(p.ctx, "stranger")
	p.refused("find the automation", err, automation.ErrNotFound)
	_, err = p.store.FindAutomationVersion(p.ctx, v)
	p.refused("find the version", err, automation.ErrNotFound)
	_, err = p.store.CountRuns(p.ctx, "stranger")
	p.refused("count", err, automation.ErrNotFound)
	ids, _ := p.page(p.automations(""), automation.PageQuery{Limit: 10})
	p.equal("automations", len(ids), 0)
	p.refused("insert while a run is kept", p.store.InsertAutomation(p.ctx, p.record("stranger", "started")), automation.ErrConflict)

	ended(automation.RunCompleted, at(5))(&run)
	run.DueAt = time.Time{}
	p.write(run)
	p.sameRun(run)
	p.equal("pruned", p.prune(at(10), 10).Runs, 1)
	p.must("insert", p.store.InsertAutomation(p.ctx, p.record("stranger", "started")))
	p.equal("the version is one that no run had", p.findAutomation("stranger").Version, 5)
	p.equal("counts", p.countsOf("stranger"), "[]")
}

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
