package storetest

import (
	"slices"

	"github.com/seed-b636437c/automation"
)

func triggerChecks() []Check {
	return []Check{
		check("triggers/an automation is kept with the names of all its events", triggersKept),
		check("triggers/each event starts the automation", triggersStart),
		check("triggers/only events of the newest version start the automation", triggersChange),
		check("triggers/runs are listed by the event that started them", triggersListed),
	}
}

// triggered inserts an enabled automation with several triggers.
func (f *fixture) triggered(id string, events ...string) automation.VersionRef {
	a := f.record(id, events[0])
	a.EventNames = events
	f.must("insert automation", f.store.InsertAutomation(f.ctx, a))
	return automation.VersionRef{AutomationID: id, Version: 1}
}

func triggersKept(f *fixture) {
	a := f.record("welcome", "z")
	a.EventNames, a.Gathers = []string{"z", "välkommen 🎉", "a"}, true
	f.must("insert", f.store.InsertAutomation(f.ctx, a))
	f.equal("automation", automationText(f.findAutomation("welcome")), automationText(a))
	a.Revision, a.EventName, a.EventNames, a.Gathers = 2, "a", []string{"a", "z"}, false
	f.must("update", f.store.UpdateAutomation(f.ctx, a))
	f.equal("changed automation", automationText(f.findAutomation("welcome")), automationText(a))
	f.shown(f.automations(""), automation.PageQuery{Limit: 10}, []string{"welcome"}, false)

	a.Revision, a.EventName, a.EventNames = 3, "b", []string{"b"}
	f.must("update", f.store.UpdateAutomation(f.ctx, a))
	a.EventNames = nil
	f.equal("automation with one name", automationText(f.findAutomation("welcome")), automationText(a))
	found := f.findAutomation("welcome")
	f.equal("names of one event", len(found.EventNames), 0)
}

// startsOf returns the automations that an event starts, and whether it names a disabled one.
func (f *fixture) startsOf(name string) ([]automation.VersionRef, bool) {
	contact := f.contact(f.id() + "@example.com")
	f.send(name, contact, at(1))
	w := f.take(contact, at(1))
	f.commit(done(w, at(1)))
	return w.Events[0].Starts, w.Events[0].Disabled
}

func (f *fixture) starts(name string, want ...automation.VersionRef) {
	refs, _ := f.startsOf(name)
	f.equal("automations that "+name+" starts", refs, slices.Concat([]automation.VersionRef{}, want))
}

func triggersStart(f *fixture) {
	first := f.triggered("m", "a", "b", "c")
	second := f.triggered("k", "c", "b")
	third := f.automation("z", "b")
	f.starts("a", first)
	f.starts("b", first, second, third)
	f.starts("c", first, second)
	f.starts("d")
	f.disable("m")
	f.starts("c", second)
	_, disabled := f.startsOf("a")
	f.equal("a disabled automation names the event", disabled, true)
}

func triggersChange(f *fixture) {
	f.triggered("welcome", "a", "b", "c")
	f.starts("c", automation.VersionRef{AutomationID: "welcome", Version: 1})
	f.edit("welcome", func(a *automation.AutomationRecord) {
		a.Version, a.EventName, a.EventNames = 2, "c", []string{"c", "d"}
	})
	second := automation.VersionRef{AutomationID: "welcome", Version: 2}
	f.starts("a")
	f.starts("b")
	f.starts("c", second)
	f.starts("d", second)
	f.edit("welcome", func(a *automation.AutomationRecord) { a.EventName, a.EventNames = "d", nil })
	f.starts("c")
	f.starts("d", second)
	f.must("delete", f.store.DeleteAutomation(f.ctx, "welcome", at(1)))
	f.starts("d")
	if _, disabled := f.startsOf("d"); disabled {
		f.failf("the event of a deleted automation names a disabled one")
	}
	f.triggered("welcome", "e", "d")
	f.starts("d", automation.VersionRef{AutomationID: "welcome", Version: 3})
}

// triggersListed has runs of one version that stand at one step. Most of them were started by
// one event, and all of these are younger than the others.
func triggersListed(f *fixture) {
	several := f.triggered("several", "rare", "common")
	one := f.automation("one", "common")
	byEvent := map[string][]string{}
	start := func(v automation.VersionRef, name string, set func(*automation.RunRecord)) {
		contact := f.contact(f.id() + "@example.com")
		e := f.event(name, contact, at(0))
		f.append(e)
		change := f.started(v, contact, e.Event)
		set(&change.RunRecord)
		t := release(f.take(contact, at(0)), at(0))
		t.Handled, t.Runs = handled(e.Event.ID), []automation.RunChange{change}
		f.commit(t)
		byEvent[name] = slices.Insert(byEvent[name], 0, change.ID)
	}
	list := func(q automation.RunQuery) pager {
		return func(page automation.PageQuery) (ids []string, more bool, err error) {
			q.PageQuery = page
			p, err := f.other.ListRuns(f.ctx, q)
			for _, r := range p.Data {
				ids = append(ids, r.ID)
				f.equal("event of a listed run", r.EventName, q.EventName)
			}
			return ids, p.HasMore, err
		}
	}
	for range 3 {
		start(several, "rare", asleep(at(100)))
	}
	for range 6 {
		start(several, "common", asleep(at(100)))
		start(one, "common", asleep(at(100)))
	}
	for _, name := range []string{"rare", "common"} {
		q, want := automation.RunQuery{EventName: name}, byEvent[name]
		f.shown(list(q), automation.PageQuery{Limit: 100}, want, false)
		f.shown(list(q), automation.PageQuery{Limit: 2}, want[:2], true)
		f.shown(list(q), automation.PageQuery{Limit: 2, After: want[0]}, want[1:3], len(want) > 3)
		f.shown(list(q), automation.PageQuery{Limit: 1, Before: want[2]}, want[1:2], true)
	}
	f.shown(list(automation.RunQuery{EventName: "never"}), automation.PageQuery{Limit: 100}, nil, false)

	byEvent = map[string][]string{}
	for i, name := range []string{"rare", "common", "rare", "common", "common"} {
		start(several, name, func(r *automation.RunRecord) {
			ended(automation.RunFailed, at(10+i))(r)
			r.Error = &automation.StepError{Code: automation.FailedTimeout, Message: "m"}
		})
	}
	for _, name := range []string{"rare", "common"} {
		want := byEvent[name]
		f.shown(list(automation.RunQuery{EventName: name, CompletedFrom: at(1)}), automation.PageQuery{Limit: 100}, want, false)
		f.shown(list(automation.RunQuery{EventName: name, CompletedFrom: at(1)}), automation.PageQuery{Limit: 1}, want[:1], true)
		f.shown(list(automation.RunQuery{EventName: name, ErrorCode: automation.FailedTimeout}), automation.PageQuery{Limit: 100}, want, false)
		f.shown(list(automation.RunQuery{EventName: name, ErrorCode: automation.FailedTimeout, CompletedFrom: at(1)}), automation.PageQuery{Limit: 1, After: want[0]}, want[1:2], len(want) > 2)
		f.shown(list(automation.RunQuery{EventName: name, Statuses: []automation.RunStatus{automation.RunFailed}}), automation.PageQuery{Limit: 100}, want, false)
	}
}
