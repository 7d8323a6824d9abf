package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

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
