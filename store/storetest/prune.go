package storetest

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/seed-b636437c/automation"
)

func pruneChecks() []Check {
	return []Check{
		check("prune/removes runs that ended before", pruneRuns),
		check("prune/removes handled events that started no kept run", pruneEvents),
		check("prune/is bounded", pruneBounded),
		check("prune/pruners at once remove each run once", pruneAtOnce),
		check("prune/removes keys that have expired", pruneKeys),
		check("prune/removes versions that nothing uses, except for the newest", pruneVersions),
	}
}

// prune removes what ended before a time, and the idempotency keys that have expired at
// that time.
func (f *fixture) prune(before time.Time, limit int) automation.PruneResult {
	res, err := f.store.Prune(f.ctx, automation.PruneParams{Before: before, Limit: limit, Now: before})
	f.must("prune", err)
	return res
}

func pruneRuns(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	var gone []string
	for _, status := range []automation.RunStatus{automation.RunCompleted, automation.RunFailed, automation.RunCancelled} {
		gone = append(gone, f.run(v, contact, ended(status, at(9))).ID)
	}
	retried := f.run(v, contact, ended(automation.RunFailed, at(9)))
	f.request(retried.ID, automation.RequestRetry, at(9))
	kept := []string{
		f.run(v, contact, ended(automation.RunCompleted, at(10))).ID,
		f.run(v, contact, waiting("ping")).ID,
		f.run(v, contact, asleep(at(9))).ID,
		retried.ID,
	}
	f.equal("how many runs were removed", f.prune(at(10), 100).Runs, len(gone))
	for _, id := range gone {
		_, err := f.store.FindRun(f.ctx, id)
		f.refused("find", err, automation.ErrNotFound)
		_, _, err = f.runs(automation.RunQuery{})(automation.PageQuery{Limit: 1, After: id})
		f.refused("list after it", err, automation.ErrNotFound)
	}
	for _, id := range kept {
		f.findRun(id)
	}
	ids, _ := f.page(f.runs(automation.RunQuery{ContactID: contact}), automation.PageQuery{Limit: 100})
	f.equal("how many runs are listed", len(ids), len(kept))
	counts, err := f.store.CountRuns(f.ctx, "welcome")
	f.must("count", err)
	total := 0
	for _, c := range counts {
		total += c.Count
	}
	f.equal("how many runs are counted", total, len(kept))
	f.equal("nothing more is removed", f.prune(at(10), 100), automation.PruneResult{})
}

func pruneEvents(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	run := f.run(v, contact, waiting("ping")) // its event was handled at 0
	gone := f.send("a", contact, at(1))
	f.commit(done(f.claimOne(at(2)), at(2)))
	late := f.send("a", contact, at(1))
	f.commit(done(f.claimOne(at(10)), at(10)))
	pending := f.send("a", contact, at(1))

	f.equal("removed", f.prune(at(10), 100), automation.PruneResult{Events: 1})
	_, err := f.store.FindEvent(f.ctx, gone)
	f.refused("find", err, automation.ErrNotFound)
	for _, id := range []string{run.EventID, late, pending} {
		f.findEvent(id)
	}
	run.Status, run.Listens, run.CompletedAt = automation.RunCompleted, nil, at(3)
	w := f.claimOne(at(11))
	f.equal("events", eventsOf(w), []string{pending})
	f.commit(release(w, at(11)))
	f.change(run, at(11))
	res := f.prune(at(10), 100)
	f.equal("runs removed", res.Runs, 1)
	if res.Events == 0 { // the event of a run may go with it or after it
		res = f.prune(at(10), 100)
	}
	f.equal("events removed", res.Events, 1)
	_, err = f.store.FindEvent(f.ctx, run.EventID)
	f.refused("find the event of a run that was removed", err, automation.ErrNotFound)
	events, err := f.store.ListContactEvents(f.ctx, contact, "a", time.Time{})
	f.must("contact events", err)
	f.equal("how many events are left", len(events), 2)
}

func pruneBounded(f *fixture) {
	const limit, count = 2, 5
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	for range count {
		f.run(v, contact, ended(automation.RunCompleted, at(1)))
	}
	var total automation.PruneResult
	for range 2*count + 2 {
		res := f.prune(at(10), limit)
		if res.Runs > limit || res.Events > limit {
			f.failf("prune: %+v was removed, with a limit of %d", res, limit)
		}
		total.Runs += res.Runs
		total.Events += res.Events
		if res.Runs < limit && res.Events < limit {
			break
		}
	}
	f.equal("removed", total, automation.PruneResult{Runs: count, Events: count})
	ids, _ := f.page(f.runs(automation.RunQuery{}), automation.PageQuery{Limit: 10})
	f.equal("runs that are left", len(ids), 0)
}

func pruneAtOnce(f *fixture) {
	const limit, count = 3, 20
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	for range count {
		f.run(v, contact, ended(automation.RunCompleted, at(1)))
	}
	kept := f.run(v, contact, asleep(at(1)))
	var removed [4]automation.PruneResult
	errs := atOnce(len(removed), func(i int) error {
		for {
			res, err := f.handle(i).Prune(f.ctx, automation.PruneParams{Before: at(10), Limit: limit, Now: at(10)})
			removed[i].Runs += res.Runs
			removed[i].Events += res.Events
			if err != nil || res.Runs < limit && res.Events < limit {
				return err
			}
		}
	})
	f.must("prune", errors.Join(errs...))
	var total automation.PruneResult
	for _, res := range removed {
		total.Runs += res.Runs
		total.Events += res.Events
	}
	f.equal("removed", total, automation.PruneResult{Runs: count, Events: count})
	f.findRun(kept.ID)
	f.findEvent(kept.EventID)
}

func pruneKeys(f *fixture) {
	contact := f.contact("ada@example.com")
	first := keyed(f.event("a", contact, at(0)), "key", "hash")
	f.append(first)
	f.commit(done(f.claimOne(at(1)), at(1)))
	f.equal("removed", f.prune(at(100), 100), automation.PruneResult{Events: 1})
	again := keyed(f.event("a", contact, at(100)), "key", "hash")
	f.equal("duplicate of an event that was removed", f.append(again)[0], automation.EventReceipt{ID: first.Event.ID, Duplicate: true})
	f.prune(first.KeyExpiresAt.Add(time.Second), 100)
	// The clock of another node may be behind. The key is gone all the same.
	fresh := keyed(f.event("a", contact, at(200)), "key", "other")
	f.equal("receipt after the key was removed", f.append(fresh)[0], automation.EventReceipt{ID: fresh.Event.ID})
}

// pruneVersions leaves out most versions of an automation: what counts are their numbers.
func pruneVersions(f *fixture) {
	first := f.automation("welcome", "signup")
	version := func(n int) automation.VersionRef {
		f.edit("welcome", func(a *automation.AutomationRecord) {
			a.Version, a.Definition = n, fmt.Appendf(nil, `{"steps":[%d]}`, n)
		})
		return automation.VersionRef{AutomationID: "welcome", Version: n}
	}
	second, third, last := version(2), version(3), version(2+automation.KeptVersions)
	contact := f.contact("ada@example.com")
	f.run(first, contact, ended(automation.RunCompleted, at(20)))
	f.prune(at(10), 100)
	_, err := f.store.FindAutomationVersion(f.ctx, second)
	f.refused("a version that nothing uses", err, automation.ErrNotFound)
	f.findDefinitionOf(first)
	f.equal("an unused version, one of the newest", f.findDefinitionOf(third), `{"steps":[3]}`)
	f.prune(at(30), 100)
	_, err = f.store.FindAutomationVersion(f.ctx, first)
	f.refused("the version of a run that was removed", err, automation.ErrNotFound)
	f.findDefinitionOf(third)
	f.equal("the version that is in use", f.findDefinitionOf(last), fmt.Sprintf(`{"steps":[%d]}`, last.Version))
	f.shown(f.versions("welcome"), automation.PageQuery{Limit: 10, After: "3"}, nil, false)
	f.shown(f.versions("welcome"), automation.PageQuery{Limit: 10, Before: "2"}, []string{strconv.Itoa(last.Version), "3"}, false)
}
