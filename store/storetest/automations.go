package storetest

import (
	"errors"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

func automationChecks() []Check {
	return []Check{
		check("automations/are kept as they were given", automationKept),
		check("automations/change by revision", automationRevisions),
		check("automations/of updates at once one succeeds", automationAtOnce),
		check("automations/keep every version", automationVersions),
		check("automations/are listed in pages", automationPages),
		check("automations/are listed by status", automationStatus),
		check("automations/deleting cancels runs and keeps what they need", automationDelete),
		check("automations/keep who stopped them", automationStopped),
		check("automations/a deleted one is told from one that never was", automationTombstone),
		check("automations/the id of a deleted one is free when its runs are gone", automationDeletedID),
	}
}

func (f *fixture) findAutomation(id string) automation.AutomationRecord {
	a, err := f.store.FindAutomation(f.ctx, id)
	f.must("find automation", err)
	return a
}

func (f *fixture) findVersion(v automation.VersionRef) automation.VersionRecord {
	rec, err := f.store.FindAutomationVersion(f.ctx, v)
	f.must("find version", err)
	return rec
}

func (f *fixture) findDefinitionOf(v automation.VersionRef) string {
	return string(f.findVersion(v).Definition)
}

func automationKept(f *fixture) {
	a := f.record("välkommen 🎉", "user.created")
	a.Name, a.Status = "Wëlcome — \"quoted\"", automation.StatusDisabled
	a.Definition = []byte(`{ "steps":[{"n":9007199254740993.10,"a":1,"a":2}],  "connections":[] }`)
	f.must("insert", f.store.InsertAutomation(f.ctx, a))
	f.equal("automation", automationText(f.findAutomation(a.ID)), automationText(a))
	f.equal("definition", f.findDefinitionOf(automation.VersionRef{AutomationID: a.ID, Version: 1}), string(a.Definition))

	again := f.record(a.ID, "other")
	f.refused("insert again", f.store.InsertAutomation(f.ctx, again), automation.ErrConflict)
	f.equal("automation after the conflict", automationText(f.findAutomation(a.ID)), automationText(a))
	_, err := f.store.FindAutomation(f.ctx, missing)
	f.refused("an automation that does not exist", err, automation.ErrNotFound)
	_, err = f.store.FindAutomationVersion(f.ctx, automation.VersionRef{AutomationID: a.ID, Version: 2})
	f.refused("a version that does not exist", err, automation.ErrNotFound)
}

func automationRevisions(f *fixture) {
	f.automation("welcome", "signup")
	a := f.findAutomation("welcome")
	a.Name, a.Status, a.EventName = "Renamed", automation.StatusDisabled, "other"
	a.Version, a.Revision, a.Definition, a.UpdatedAt = 2, 2, []byte(`{"steps":[2]}`), at(50)
	f.must("update", f.store.UpdateAutomation(f.ctx, a))
	f.equal("automation", automationText(f.findAutomation("welcome")), automationText(a))

	for _, revision := range []int{1, 2, 4} {
		stale := a
		stale.Revision, stale.Name, stale.Version, stale.Definition = revision, "Stale", 3, []byte(`{"steps":[3]}`)
		f.refused("update of another revision", f.store.UpdateAutomation(f.ctx, stale), automation.ErrConflict)
	}
	f.equal("automation after the conflicts", automationText(f.findAutomation("welcome")), automationText(a))
	_, err := f.store.FindAutomationVersion(f.ctx, automation.VersionRef{AutomationID: "welcome", Version: 3})
	f.refused("version of a refused update", err, automation.ErrNotFound)
	a.ID, a.Revision = "unknown", 1
	f.refused("update of an automation that does not exist", f.store.UpdateAutomation(f.ctx, a), automation.ErrNotFound)
}

func automationStopped(f *fixture) {
	a := f.record("inserted", "signup")
	a.Status, a.StoppedAt = automation.StatusDisabled, at(7)
	f.must("insert", f.store.InsertAutomation(f.ctx, a))
	f.equal("inserted automation", automationText(f.findAutomation(a.ID)), automationText(a))

	f.automation("welcome", "signup")
	f.edit("welcome", func(a *automation.AutomationRecord) { a.Status, a.StoppedAt = automation.StatusDisabled, at(50) })
	f.equal("time of the stop", f.findAutomation("welcome").StoppedAt, at(50))
	f.shown(f.automations(""), automation.PageQuery{Limit: 10}, []string{"welcome", "inserted"}, false)
	f.edit("welcome", func(a *automation.AutomationRecord) {
		a.Status, a.StoppedAt = automation.StatusEnabled, time.Time{}
	})
	f.equal("time of the stop after it was lifted", f.findAutomation("welcome").StoppedAt, time.Time{})
}

func automationTombstone(f *fixture) {
	_, err := f.store.FindAutomation(f.ctx, missing)
	if errors.Is(err, automation.ErrDeleted) {
		f.failf("find an automation that never was: %v", err)
	}
	v := f.automation("welcome", "signup")
	f.run(v, f.contact("ada@example.com"), ended(automation.RunCompleted, at(1)))
	f.must("delete", f.store.DeleteAutomation(f.ctx, "welcome", at(1)))
	_, err = f.store.FindAutomation(f.ctx, "welcome")
	f.refused("find a deleted automation with runs", err, automation.ErrDeleted)
	f.refused("find a deleted automation with runs", err, automation.ErrNotFound)

	f.prune(at(100), 100)
	_, err = f.store.FindAutomation(f.ctx, "welcome")
	f.refused("find a deleted automation after its runs were pruned", err, automation.ErrDeleted)
	f.automation("welcome", "signup")
	f.equal("automation that was inserted again", f.findAutomation("welcome").Version, 2)
}

func automationAtOnce(f *fixture) {
	const writers = 8
	f.automation("welcome", "signup")
	a := f.findAutomation("welcome")
	a.Revision++
	f.onlyOne("update", atOnce(writers, func(i int) error { return f.handle(i).UpdateAutomation(f.ctx, a) }), automation.ErrConflict)

	records := make([]automation.AutomationRecord, writers)
	for i := range records {
		records[i] = f.record("applied", "signup")
	}
	f.onlyOne("insert", atOnce(writers, func(i int) error { return f.handle(i).InsertAutomation(f.ctx, records[i]) }), automation.ErrConflict)
}

func automationVersions(f *fixture) {
	first := f.automation("welcome", "signup")
	text := f.findDefinitionOf(first)
	f.edit("welcome", func(a *automation.AutomationRecord) { a.Version, a.Definition = 2, []byte(`{"steps":[2]}`) })
	f.edit("welcome", func(a *automation.AutomationRecord) { a.Name = "Renamed" })
	f.equal("first version", f.findDefinitionOf(first), text)
	f.equal("second version", f.findDefinitionOf(automation.VersionRef{AutomationID: "welcome", Version: 2}), `{"steps":[2]}`)
	run := f.run(first, f.contact("ada@example.com"), asleep(at(1)))
	w := f.claimOne(at(1))
	f.equal("version of a run", w.Runs[0].Version, run.Version)
}

// automations lists the ids of automations.
func (f *fixture) automations(status automation.Status) pager {
	return func(q automation.PageQuery) (ids []string, more bool, err error) {
		p, err := f.store.ListAutomations(f.ctx, automation.AutomationQuery{Status: status, PageQuery: q})
		for _, a := range p.Data {
			ids = append(ids, a.ID)
			want := f.findAutomation(a.ID)
			a.Definition, want.Definition = nil, nil
			f.equal("listed automation", automationText(a), automationText(want))
		}
		return ids, p.HasMore, err
	}
}

func automationPages(f *fixture) {
	ids := []string{"m", "z", "a", "k", "q"} // not in the order of creation
	for _, id := range ids {
		f.automation(id, "signup")
	}
	slices.Reverse(ids)
	f.edit("a", func(a *automation.AutomationRecord) { a.UpdatedAt = at(99) })
	f.pages(ids, f.automations(""), func() string {
		f.automation("n", "signup")
		return "n"
	})
}

func automationStatus(f *fixture) {
	for _, id := range []string{"m", "z", "a", "k", "q"} {
		f.automation(id, "signup")
	}
	f.disable("z")
	f.disable("k")
	disabled, enabled := f.automations(automation.StatusDisabled), f.automations(automation.StatusEnabled)
	f.shown(disabled, automation.PageQuery{Limit: 2}, []string{"k", "z"}, false)
	f.shown(enabled, automation.PageQuery{Limit: 2}, []string{"q", "a"}, true)
	// The cursor may have left the list since the page that contained it.
	f.disable("a")
	f.shown(enabled, automation.PageQuery{Limit: 2, After: "a"}, []string{"m"}, false)
	f.shown(enabled, automation.PageQuery{Limit: 2, Before: "a"}, []string{"q"}, false)
}

func automationDelete(f *fixture) {
	first := f.automation("welcome", "signup")
	f.edit("welcome", func(a *automation.AutomationRecord) { a.Version, a.Definition = 2, []byte(`{"steps":[2]}`) })
	contact := f.contact("ada@example.com")
	running := f.run(first, contact, waiting("ping"))
	failed := f.run(automation.VersionRef{AutomationID: "welcome", Version: 2}, contact, ended(automation.RunFailed, at(1)))
	text := f.findDefinitionOf(first)

	f.must("delete", f.store.DeleteAutomation(f.ctx, "welcome", at(5)))
	_, err := f.store.FindAutomation(f.ctx, "welcome")
	f.refused("find", err, automation.ErrNotFound)
	f.refused("delete again", f.store.DeleteAutomation(f.ctx, "welcome", at(5)), automation.ErrNotFound)
	f.shown(f.automations(""), automation.PageQuery{Limit: 10}, nil, false)

	f.equal("definition of a running run", f.findDefinitionOf(first), text)
	f.equal("definition of a run that has ended", f.findDefinitionOf(automation.VersionRef{AutomationID: "welcome", Version: 2}), `{"steps":[2]}`)
	f.equal("run that has ended", runText(f.findRun(failed.ID)), runText(failed))
	w := f.claimRequested(running.ID, automation.RequestCancel, at(5))
	f.commit(ending(w, running, automation.RunCancelled, at(6)))
	f.equal("status", f.findRun(running.ID).Status, automation.RunCancelled)
}

func automationDeletedID(f *fixture) {
	f.automation("unused", "signup")
	f.must("delete", f.store.DeleteAutomation(f.ctx, "unused", at(1)))
	f.automation("unused", "signup")

	f.automation("welcome", "signup")
	f.edit("welcome", func(a *automation.AutomationRecord) { a.Version, a.Definition = 2, []byte(`{"steps":[2]}`) })
	f.run(automation.VersionRef{AutomationID: "welcome", Version: 2}, f.contact("ada@example.com"), ended(automation.RunCompleted, at(1)))
	f.must("delete", f.store.DeleteAutomation(f.ctx, "welcome", at(1)))
	a := f.record("welcome", "signup")
	f.refused("insert while a run is kept", f.store.InsertAutomation(f.ctx, a), automation.ErrConflict)
	f.equal("definition", f.findDefinitionOf(automation.VersionRef{AutomationID: "welcome", Version: 2}), `{"steps":[2]}`)

	f.prune(at(100), 100)
	_, err := f.store.FindAutomationVersion(f.ctx, automation.VersionRef{AutomationID: "welcome", Version: 2})
	f.refused("definition after the run was pruned", err, automation.ErrNotFound)
	f.automation("welcome", "signup")
	f.equal("version after 2, which processes may have cached", f.findAutomation("welcome").Version, 3)
}
