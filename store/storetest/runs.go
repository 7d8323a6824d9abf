package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
)

func runChecks() []Check {
	return []Check{
		check("runs/are listed in pages", runPages),
		check("runs/pages of a filtered list", runFilteredPages),
		check("runs/a cursor need not match the filter", runCursor),
		check("runs/every filter", runFilters),
		check("runs/by their end are listed in pages", runEndPages),
		check("runs/with one code are listed in pages", runCodePages),
		check("runs/a run that has not ended is newer than all that have", runEndCursor),
		check("runs/of one moment are listed newest first", runOneMoment),
		check("runs/are counted by version, step and status", runCounts),
		check("runs/of several automations are counted at once", runCountsOfSeveral),
		check("runs/are found by their ids at once", runsByID),
	}
}

// runs lists the ids of the runs that match q.
func (f *fixture) runs(q automation.RunQuery) pager {
	return func(page automation.PageQuery) (ids []string, more bool, err error) {
		q.PageQuery = page
		p, err := f.store.ListRuns(f.ctx, q)
		for _, r := range p.Data {
			ids = append(ids, r.ID)
			want := f.findRun(r.ID)
			r.State, want.State = nil, nil
			f.equal("listed run", runText(r), runText(want))
		}
		return ids, p.HasMore, err
	}
}

func runPages(f *fixture) {
	v := f.automation("welcome", "signup")
	contacts := []string{f.contact("ada@example.com"), f.contact("bob@example.com")}
	add := func() string { return f.run(v, contacts[f.made%2], asleep(at(1000-f.made))).ID }
	var newest []string
	for range 6 {
		newest = append([]string{add()}, newest...)
	}
	f.pages(newest, f.runs(automation.RunQuery{}), add)
	f.change(f.findRun(newest[3]), at(1)) // an old run does not become a new one
	f.shown(f.runs(automation.RunQuery{}), automation.PageQuery{Limit: 2, After: newest[1]}, newest[2:4], true)
}

func runFilteredPages(f *fixture) {
	v, other := f.automation("welcome", "signup"), f.automation("other", "signup")
	ada, bob := f.contact("ada@example.com"), f.contact("bob@example.com")
	add := func() string {
		f.run(other, ada, asleep(at(9)))
		f.run(v, bob, asleep(at(9)))
		f.run(v, ada, waiting("ping"))
		return f.run(v, ada, ended(automation.RunCompleted, at(1))).ID
	}
	var newest []string
	for range 5 {
		newest = append([]string{add()}, newest...)
	}
	q := automation.RunQuery{AutomationID: "welcome", ContactID: ada, Statuses: []automation.RunStatus{automation.RunCompleted, automation.RunFailed}}
	f.pages(newest, f.runs(q), add)
}

func runCursor(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	var runs []automation.RunRecord
	for range 5 {
		runs = append(runs, f.run(v, contact, asleep(at(100))))
	}
	runs[2].Status, runs[2].DueAt, runs[2].CompletedAt = automation.RunCompleted, time.Time{}, at(1)
	f.change(runs[2], at(1))
	for _, q := range []automation.RunQuery{{}, {AutomationID: "welcome"}, {ContactID: contact}} {
		q.Statuses = []automation.RunStatus{automation.RunRunning}
		f.shown(f.runs(q), automation.PageQuery{Limit: 5, After: runs[2].ID}, []string{runs[1].ID, runs[0].ID}, false)
		f.shown(f.runs(q), automation.PageQuery{Limit: 5, Before: runs[2].ID}, []string{runs[4].ID, runs[3].ID}, false)
	}
}

func runFilters(f *fixture) {
	a, b, c := f.automation("a", "signup"), f.automation("b", "signup"), f.automation("c", "other")
	f.edit("a", func(r *automation.AutomationRecord) { r.Version = 2 })
	a2 := automation.VersionRef{AutomationID: "a", Version: 2}
	ada, bob := f.contact("ada@example.com"), f.contact("bob@example.com")
	created := func(second int, more func(*automation.RunRecord)) func(*automation.RunRecord) {
		return func(r *automation.RunRecord) { r.CreatedAt = at(second); more(r) }
	}
	one := f.run(a, ada, created(1, asleep(at(100))))
	two := f.run(a2, bob, created(2, ended(automation.RunCompleted, at(3))))
	three := f.run(b, ada, created(3, func(r *automation.RunRecord) {
		r.Status, r.Step, r.CompletedAt, r.Error = automation.RunFailed, "last", at(4), &automation.StepError{Code: automation.FailedEffect, Message: "no \"route\""}
	}))
	four := f.startedBy("other", c, bob, at(4))
	other := f.run(b, bob, created(5, func(r *automation.RunRecord) {
		r.Status, r.CompletedAt, r.Error = automation.RunCancelled, at(9), &automation.StepError{Code: automation.CancelledByRequest}
	}))

	for i, c := range []struct {
		q    automation.RunQuery
		want []automation.RunRecord
	}{
		{automation.RunQuery{}, []automation.RunRecord{other, four, three, two, one}},
		{automation.RunQuery{AutomationID: "a"}, []automation.RunRecord{two, one}},
		{automation.RunQuery{AutomationID: "a", Version: 2}, []automation.RunRecord{two}},
		{automation.RunQuery{AutomationID: missing}, nil},
		{automation.RunQuery{Statuses: []automation.RunStatus{automation.RunRunning}}, []automation.RunRecord{four, one}},
		{automation.RunQuery{Statuses: []automation.RunStatus{automation.RunFailed, automation.RunCompleted}}, []automation.RunRecord{three, two}},
		{automation.RunQuery{Statuses: []automation.RunStatus{automation.RunCancelled}}, []automation.RunRecord{other}},
		{automation.RunQuery{Statuses: []automation.RunStatus{"unknown"}}, nil},
		{automation.RunQuery{ContactID: ada}, []automation.RunRecord{three, one}},
		{automation.RunQuery{ContactID: missing}, nil},
		{automation.RunQuery{EventID: two.EventID}, []automation.RunRecord{two}},
		{automation.RunQuery{EventName: "other"}, []automation.RunRecord{four}},
		{automation.RunQuery{EventName: "started"}, []automation.RunRecord{other, three, two, one}},
		{automation.RunQuery{EventName: "signup"}, nil},
		{automation.RunQuery{Step: "last"}, []automation.RunRecord{three}},
		{automation.RunQuery{CreatedFrom: at(2)}, []automation.RunRecord{other, four, three, two}},
		{automation.RunQuery{CreatedUntil: at(2)}, []automation.RunRecord{one}},
		{automation.RunQuery{CreatedFrom: at(2), CreatedUntil: at(4)}, []automation.RunRecord{three, two}},
		{automation.RunQuery{AutomationID: "c", ContactID: bob, EventName: "other", Step: "first", CreatedFrom: at(4)}, []automation.RunRecord{four}},
		{automation.RunQuery{AutomationID: "c", ContactID: bob, EventName: "started"}, nil},
		{automation.RunQuery{CompletedFrom: at(3)}, []automation.RunRecord{other, three, two}},
		{automation.RunQuery{CompletedFrom: at(3), CompletedUntil: at(4)}, []automation.RunRecord{two}},
		{automation.RunQuery{CompletedFrom: at(4), AutomationID: "b", Version: 1}, []automation.RunRecord{other, three}},
		{automation.RunQuery{CompletedFrom: at(3), Step: "first", Statuses: []automation.RunStatus{automation.RunRunning, automation.RunCompleted}}, []automation.RunRecord{two}},
		{automation.RunQuery{CompletedUntil: at(9), EventName: "started"}, []automation.RunRecord{three, two}},
		{automation.RunQuery{CompletedUntil: at(9), EventName: "other"}, nil},
		{automation.RunQuery{CompletedUntil: at(9), ContactID: ada}, []automation.RunRecord{three}},
		{automation.RunQuery{CompletedUntil: at(9), EventID: two.EventID, ContactID: bob}, []automation.RunRecord{two}},
		{automation.RunQuery{ErrorCode: automation.FailedEffect}, []automation.RunRecord{three}},
		{automation.RunQuery{ErrorCode: automation.FailedEffect, CompletedFrom: at(4), CompletedUntil: at(5)}, []automation.RunRecord{three}},
		{automation.RunQuery{ErrorCode: automation.FailedEffect, CompletedFrom: at(5)}, nil},
		{automation.RunQuery{ErrorCode: automation.CancelledByRequest}, []automation.RunRecord{other}},
		{automation.RunQuery{ErrorCode: automation.CancelledByRequest, ContactID: bob}, []automation.RunRecord{other}},
		{automation.RunQuery{ErrorCode: automation.CancelledByRequest, ContactID: bob, CompletedFrom: at(9)}, []automation.RunRecord{other}},
		{automation.RunQuery{ErrorCode: automation.CancelledByRequest, Statuses: []automation.RunStatus{automation.RunFailed}}, nil},
		{automation.RunQuery{ErrorCode: "cancel"}, nil},
	} {
		want := idsOf(c.want...)
		ids, more := f.page(f.runs(c.q), automation.PageQuery{Limit: 10})
		f.equal(fmt.Sprintf("runs of query %d, %+v", i, c.q), ids, want)
		f.equal("has more", more, false)
	}
}

// startedBy starts a run by an event with this name.
func (f *fixture) startedBy(event string, v automation.VersionRef, contact string, created time.Time) automation.RunRecord {
	e := f.event(event, contact, at(0))
	f.append(e)
	w := f.take(contact, at(0))
	change := f.started(v, contact, e.Event)
	change.CreatedAt = created
	t := done(w, at(0))
	t.Runs = []automation.RunChange{change}
	f.commit(t)
	return change.RunRecord
}

func idsOf(runs ...automation.RunRecord) (ids []string) {
	for _, r := range runs {
		ids = append(ids, r.ID)
	}
	return ids
}

// runEndPages ends runs in the reverse order of their creation, some at one moment. One of
// them has a request to retry.
func runEndPages(f *fixture) {
	v := f.automation("welcome", "signup")
	contacts := []string{f.contact("ada@example.com"), f.contact("bob@example.com")}
	var runs []automation.RunRecord
	for i := range 6 {
		runs = append(runs, f.run(v, contacts[i%2], asleep(at(1000))))
	}
	for i, r := range slices.Backward(runs) {
		ended(automation.RunFailed, at(10-i/2))(&r)
		r.DueAt = time.Time{}
		f.change(r, at(10-i/2))
	}
	f.request(runs[3].ID, automation.RequestRetry, at(20))
	newest := idsOf(runs[1], runs[0], runs[3], runs[2], runs[5], runs[4])
	add := func() string {
		f.run(v, contacts[0], asleep(at(1000)))
		return f.run(v, contacts[f.made%2], ended(automation.RunCompleted, at(20+f.made))).ID
	}
	q := automation.RunQuery{CompletedFrom: at(1)}
	f.pages(newest, f.runs(q), add)
	q.Statuses = []automation.RunStatus{automation.RunFailed}
	f.shown(f.runs(q), automation.PageQuery{Limit: 2, After: newest[1]}, newest[2:4], true)
	q.ContactID = contacts[0]
	f.shown(f.runs(q), automation.PageQuery{Limit: 2, Before: runs[4].ID}, idsOf(runs[0], runs[2]), false)
}

func runEndCursor(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	sleeps := f.run(v, contact, asleep(at(1000)))
	over := f.run(v, contact, ended(automation.RunCompleted, at(1)))
	for _, q := range []automation.RunQuery{{CompletedUntil: at(2)}, {CompletedUntil: at(2), ContactID: contact}} {
		f.shown(f.runs(q), automation.PageQuery{Limit: 2, After: sleeps.ID}, idsOf(over), false)
		f.shown(f.runs(q), automation.PageQuery{Limit: 2, Before: sleeps.ID}, nil, false)
		_, _, err := f.runs(q)(automation.PageQuery{Limit: 2, After: missing})
		f.refused("list after a run that does not exist", err, automation.ErrNotFound)
	}
}

// runOneMoment starts runs that all have one time of creation, as with a clock that
// does not advance. They are in the order of their ids.
func runOneMoment(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	f.send("signup", contact, at(0))
	w := f.claimOne(at(0))
	t := done(w, at(0))
	var newest []string
	for range 7 {
		change := f.started(v, contact, w.Events[0].Event)
		change.CreatedAt, change.DueAt = at(0), at(1)
		t.Runs = append(t.Runs, change)
		newest = append([]string{change.ID}, newest...)
	}
	f.commit(t)
	f.pages(newest, f.runs(automation.RunQuery{}), func() string {
		return f.run(v, contact, func(r *automation.RunRecord) { r.CreatedAt = at(0) }).ID
	})
	oldest := slices.Clone(newest)
	slices.Reverse(oldest)
	f.equal("due runs", runsOf(f.claimOne(at(1))), oldest)
}

func runCounts(f *fixture) {
	v, other := f.automation("welcome", "signup"), f.automation("other", "signup")
	f.edit("welcome", func(a *automation.AutomationRecord) { a.Version = 2 })
	v2 := automation.VersionRef{AutomationID: "welcome", Version: 2}
	contact := f.contact("ada@example.com")
	counts, err := f.store.CountRuns(f.ctx, "welcome")
	f.must("count", err)
	f.equal("counts of no runs", len(counts), 0)

	at2nd := func(r *automation.RunRecord) { r.Step = "another" }
	f.run(v2, contact, ended(automation.RunFailed, at(1)))
	f.run(v2, contact, ended(automation.RunCompleted, at(1)))
	moved := f.run(v, contact, asleep(at(100)))
	f.run(v, contact, at2nd)
	f.run(v, contact, waiting("ping"))
	f.run(v2, contact, waiting("ping"))
	f.run(other, contact, waiting("ping"))
	moved.Step = "another"
	f.change(moved, at(1))

	counts, err = f.store.CountRuns(f.ctx, "welcome")
	f.must("count", err)
	f.equal("counts", counts, []automation.RunCount{
		{AutomationID: "welcome", Version: 1, Step: "another", Status: automation.RunRunning, Count: 2},
		{AutomationID: "welcome", Version: 1, Step: "first", Status: automation.RunRunning, Count: 1},
		{AutomationID: "welcome", Version: 2, Step: "first", Status: automation.RunCompleted, Count: 1},
		{AutomationID: "welcome", Version: 2, Step: "first", Status: automation.RunFailed, Count: 1},
		{AutomationID: "welcome", Version: 2, Step: "first", Status: automation.RunRunning, Count: 1},
	})
}

func runCountsOfSeveral(f *fixture) {
	contact := f.contact("ada@example.com")
	for i, id := range []string{"welcome", "other", "gone", "foreign"} {
		v := f.automation(id, "signup")
		for range i + 1 {
			f.run(v, contact, waiting("ping"))
		}
	}
	f.automation("empty", "signup")
	counts, err := f.store.CountRuns(f.ctx, "welcome", "empty", "other", "welcome")
	f.must("count", err)
	f.equal("counts", counts, []automation.RunCount{
		{AutomationID: "other", Version: 1, Step: "first", Status: automation.RunRunning, Count: 2},
		{AutomationID: "welcome", Version: 1, Step: "first", Status: automation.RunRunning, Count: 1},
	})

	counts, err = f.store.CountRuns(f.ctx)
	f.must("count nothing", err)
	f.equal("counts of no automations", len(counts), 0)
	_, err = f.store.CountRuns(f.ctx, "welcome", "nothing")
	f.refused("count with an unknown automation", err, automation.ErrNotFound)
	f.must("delete", f.store.DeleteAutomation(f.ctx, "gone", at(1)))
	_, err = f.store.CountRuns(f.ctx, "welcome", "gone")
	f.refused("count with a deleted automation", err, automation.ErrNotFound)
}

// runsByID finds runs that sleep, that have ended, and that are in progress.
func runsByID(f *fixture) {
	v := f.automation("welcome", "signup")
	var ids, want []string
	for i := range 40 {
		contact := f.contact(fmt.Sprintf("%d@example.com", i))
		as := []func(*automation.RunRecord){asleep(at(100)), ended(automation.RunCompleted, at(1)), ended(automation.RunFailed, at(1))}[i%3]
		ids = append(ids, f.run(v, contact, as).ID)
		want = append(want, runText(f.findRun(ids[i])))
	}
	found, err := f.store.FindRuns(f.ctx, append([]string{f.id(), "no id"}, ids...))
	f.must("find runs", err)
	texts := make([]string, len(found))
	for i, r := range found {
		texts[i] = runText(r)
	}
	slices.Sort(texts)
	slices.Sort(want)
	f.equal("found runs", texts, want)

	found, err = f.store.FindRuns(f.ctx, nil)
	f.must("find nothing", err)
	f.equal("runs without an id", len(found), 0)
}

// runCodePages lists runs by a code that has quotes, among runs with codes that begin like it.
func runCodePages(f *fixture) {
	versions := []automation.VersionRef{f.automation("welcome", "signup"), f.automation("other", "signup")}
	contacts := []string{f.contact("ada@example.com"), f.contact("bob@example.com")}
	fail := func(code automation.StepErrorCode) string {
		f.made++
		return f.run(versions[f.made%2], contacts[f.made%3%2], func(r *automation.RunRecord) {
			r.Status, r.CompletedAt, r.Error = automation.RunFailed, at(f.made), &automation.StepError{Code: code, Message: "\x00"}
		}).ID
	}
	for code, q := range map[automation.StepErrorCode]automation.RunQuery{`a "newer" <code>`: {}, `the "newest"`: {CompletedFrom: at(1)}} {
		add := func() string {
			fail(code[:strings.Index(string(code), `"`)])
			fail(code + "s")
			return fail(code)
		}
		var newest []string
		for range 6 {
			newest = append([]string{add()}, newest...)
		}
		f.request(newest[3], automation.RequestRetry, at(1000))
		q.ErrorCode = code
		f.pages(newest, f.runs(q), add)
		q.ErrorCode = "none"
		f.shown(f.runs(q), automation.PageQuery{Limit: 2}, nil, false)
	}
}
