package storetest

import (
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
)

func statsChecks() []Check {
	return []Check{
		check("stats/there is no work in what sleeps, waits or has ended", statsIdle),
		check("stats/pending events and due runs are counted", statsCounts),
		check("stats/the oldest due work is that of the contact without a lease", statsOldest),
		check("stats/the work of an expired lease is due since before the lease", statsExpired),
		check("stats/a run that has not slept is due like any other", statsInLease),
		check("stats/events of an email are work", statsEmail),
		check("stats/runs that were set aside are counted until they are decoded", statsSetAside),
		check("stats/counts end at the limit", statsLimit),
		check("stats/1970 is a time like any other", statsEpoch),
	}
}

// stats measures the work at a time. It finds the runs that are set aside for a minute.
func (f *fixture) stats(now time.Time) automation.StoreStats {
	return f.statsWith(automation.StatsParams{Now: now, Limit: 100, SetAsideUntil: now.Add(time.Minute)})
}

func (f *fixture) statsWith(p automation.StatsParams) automation.StoreStats {
	st, err := f.store.Stats(f.ctx, p)
	f.must("stats", err)
	return st
}

// measured ends the check unless the work at a time has these stats.
func (f *fixture) measured(what string, now time.Time, want automation.StoreStats) {
	f.equal("stats "+what, statsText(f.stats(now)), statsText(want))
}

func statsText(st automation.StoreStats) string {
	return fmt.Sprintf("stats{pending=%d due=%d oldest=%s leased=%s leases=%d expired=%d set aside=%d}",
		st.PendingEvents, st.DueRuns, stamp(st.OldestDue), stamp(st.OldestLeased), st.Leases, st.ExpiredLeases, st.SetAside)
}

func statsIdle(f *fixture) {
	f.measured("of an empty store", at(0), automation.StoreStats{})
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	f.run(v, contact, asleep(at(100)))
	f.run(v, contact, waiting("ping"))
	f.run(v, contact, ended(automation.RunFailed, at(1)))
	f.measured("before anything is due", at(100).Add(-time.Microsecond), automation.StoreStats{})
	f.measured("when a run is due", at(100), automation.StoreStats{DueRuns: 1, OldestDue: at(100)})
}

func statsCounts(f *fixture) {
	v := f.automation("welcome", "signup")
	ada, bob := f.contact("ada@example.com"), f.contact("bob@example.com")
	f.run(v, ada, asleep(at(30)))
	f.run(v, ada, asleep(at(31)))
	f.run(v, bob, asleep(at(32)))
	f.run(v, bob, asleep(at(1000)))
	f.send("a", bob, at(40))
	f.send("a", bob, at(41))
	f.send("a", ada, at(42))
	f.send("a", ada, at(1000)) // by a node whose clock is ahead
	want := automation.StoreStats{PendingEvents: 3, DueRuns: 3, OldestDue: at(30)}
	f.measured("of what waits", at(50), want)

	cancelled := f.run(v, bob, waiting("ping"))
	f.request(cancelled.ID, automation.RequestCancel, at(20))
	want.DueRuns, want.OldestDue = 4, at(20)
	f.measured("with a request", at(50), want)

	works := f.claim(at(50))
	f.equal("how many contacts are leased", len(works), 2)
	f.measured("under leases", at(50), automation.StoreStats{PendingEvents: 3, DueRuns: 4, OldestLeased: at(20), Leases: 2})
	f.commitAll(done(works[0], at(51)), done(works[1], at(51)))
	want.PendingEvents = 0
	f.measured("of runs that are left", at(51), want)
}

func statsOldest(f *fixture) {
	v := f.automation("welcome", "signup")
	ada, bob := f.contact("ada@example.com"), f.contact("bob@example.com")
	f.send("a", ada, at(1))
	f.run(v, bob, asleep(at(2)))
	p := everything(at(5))
	p.Limit = 1
	w := f.claimWith(p)[0]
	f.equal("claimed contact", w.Key.ID, ada)
	f.send("a", ada, at(3))
	f.measured("of a contact with a lease and one without", at(5), automation.StoreStats{
		PendingEvents: 2, DueRuns: 1, OldestDue: at(2), OldestLeased: at(1), Leases: 1,
	})
	f.commit(done(w, at(6)))
	f.measured("after the release", at(6), automation.StoreStats{PendingEvents: 1, DueRuns: 1, OldestDue: at(2)})
	f.take(bob, at(6))
	f.measured("with the other one leased", at(6), automation.StoreStats{
		PendingEvents: 1, DueRuns: 1, OldestDue: at(3), OldestLeased: at(2), Leases: 1,
	})
	idle := f.take(f.contact("eve@example.com"), at(6))
	f.equal("leases, one of which is on a contact without work", f.stats(at(6)).Leases, 2)
	f.equal("expired leases of contacts with work", f.stats(at(6).Add(lease)).ExpiredLeases, 1)
	f.commit(release(idle, at(7)))
}

func statsExpired(f *fixture) {
	f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	f.send("a", contact, at(1))
	w := f.claimOne(at(5))
	f.commit(hold(w, at(50)))
	end := at(50).Add(lease)
	f.measured("before the lease ends", end.Add(-time.Microsecond), automation.StoreStats{PendingEvents: 1, OldestLeased: at(1), Leases: 1})
	f.measured("when the lease ends", end, automation.StoreStats{PendingEvents: 1, OldestDue: at(1), ExpiredLeases: 1})

	w = f.claimOne(end)
	f.measured("when the contact is claimed again", end, automation.StoreStats{PendingEvents: 1, OldestLeased: at(1), Leases: 1})
	f.commit(done(w, end))
	f.measured("when the work is done", end.Add(lease), automation.StoreStats{})
}

func statsInLease(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	e := f.event("signup", contact, at(1))
	f.append(e)
	w := f.claimOne(at(2))
	change := f.started(v, contact, e.Event)
	change.DueAt = at(2)
	t := hold(w, at(2))
	t.Handled, t.Runs = handledOf(w), []automation.RunChange{change}
	f.commit(t)
	f.measured("under the lease", at(3), automation.StoreStats{DueRuns: 1, OldestLeased: at(2), Leases: 1})
	end := at(2).Add(lease)
	f.measured("after the lease", end, automation.StoreStats{DueRuns: 1, OldestDue: at(2), ExpiredLeases: 1})
	w = f.claimOne(end)
	f.equal("runs", runsOf(w), []string{change.ID})
	f.measured("under another lease", end, automation.StoreStats{DueRuns: 1, OldestLeased: at(2), Leases: 1})
}

func statsEmail(f *fixture) {
	f.automation("welcome", "signup")
	f.append(f.mail("signup", "ada@example.com", at(1)))
	f.measured("of an event", at(2), automation.StoreStats{PendingEvents: 1, OldestDue: at(1)})
	w := f.claimOne(at(2))
	f.measured("under a lease", at(2), automation.StoreStats{PendingEvents: 1, OldestLeased: at(1), Leases: 1})
	f.measured("after the lease", at(2).Add(lease), automation.StoreStats{PendingEvents: 1, OldestDue: at(1), ExpiredLeases: 1})
	f.commit(f.moved(w, at(3)))
	f.measured("of the contact", at(3), automation.StoreStats{PendingEvents: 1, OldestDue: at(1)})
}

func statsSetAside(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	failing := func(due time.Time) func(*automation.RunRecord) {
		return func(r *automation.RunRecord) { r.DueAt, r.DecodeFailures = due, 3 }
	}
	run := f.run(v, contact, failing(at(60)))
	f.run(v, contact, failing(at(200)))
	f.run(v, contact, asleep(at(60)))
	f.measured("while the run is set aside", at(1), automation.StoreStats{SetAside: 1})
	f.measured("when it is due", at(61), automation.StoreStats{DueRuns: 2, OldestDue: at(60), SetAside: 1})
	w := f.take(contact, at(62))
	f.measured("while a Runner tries it", at(62), automation.StoreStats{DueRuns: 2, OldestLeased: at(60), Leases: 1, SetAside: 1})
	run.DecodeFailures = 0
	t := release(w, at(62))
	t.Runs = []automation.RunChange{{RunRecord: run}}
	f.commit(t)
	f.measured("when it was decoded", at(62), automation.StoreStats{DueRuns: 2, OldestDue: at(60)})
}

func statsLimit(f *fixture) {
	v := f.automation("welcome", "signup")
	for i := range 3 {
		contact := f.contact(fmt.Sprintf("c%d@example.com", i))
		f.run(v, contact, func(r *automation.RunRecord) { r.DueAt, r.DecodeFailures = at(5), 1 })
		f.send("a", contact, at(5))
	}
	p := automation.StatsParams{Now: at(10), Limit: 2, SetAsideUntil: at(10)}
	f.equal("stats", statsText(f.statsWith(p)), statsText(automation.StoreStats{
		PendingEvents: 2, DueRuns: 2, OldestDue: at(5), SetAside: 2,
	}))
	f.equal("how many contacts are leased", len(f.claim(at(10))), 3)
	f.equal("leases", f.statsWith(p).Leases, 2)
	p.Now = at(10).Add(lease)
	f.equal("expired leases", f.statsWith(p).ExpiredLeases, 2)
	p.Limit = 0
	f.equal("stats without counts", statsText(f.statsWith(p)), statsText(automation.StoreStats{OldestDue: at(5)}))
	p.Now = at(10)
	f.equal("stats without counts, under leases", statsText(f.statsWith(p)), statsText(automation.StoreStats{}))
}

func statsEpoch(f *fixture) {
	epoch := time.Unix(0, 0).UTC()
	f.automation("welcome", "signup")
	f.send("a", f.contact("ada@example.com"), epoch)
	f.measured("of an event", epoch, automation.StoreStats{PendingEvents: 1, OldestDue: epoch})
	f.claimOne(epoch)
	f.measured("under a lease", epoch, automation.StoreStats{PendingEvents: 1, OldestLeased: epoch, Leases: 1})
}
