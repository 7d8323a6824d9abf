package storetest

import (
	"time"

	"github.com/seed-b636437c/automation"
)

func requestChecks() []Check {
	return []Check{
		check("requests/cancel makes the run due", requestCancel),
		check("requests/cancel of a run that has ended does nothing", requestCancelEnded),
		check("requests/retry makes a failed run due", requestRetry),
		check("requests/retry of a run that has not failed", requestRetryOthers),
		check("requests/a request made meanwhile is reported and kept", requestMeanwhile),
		check("requests/a request is forgotten when the run has ended", requestEnded),
		check("requests/a retry is kept when the failure is written again", requestRetryKept),
		check("requests/all runs of an automation are cancelled", requestAll),
	}
}

// request records a request that the store must accept.
func (f *fixture) request(id string, c automation.RunRequest, now time.Time) automation.RunRecord {
	r, err := f.other.RecordRunRequest(f.ctx, id, c, now)
	f.must("record run request", err)
	return r
}

// claimRequested claims the one run that is due, which must have this request.
func (f *fixture) claimRequested(id string, c automation.RunRequest, now time.Time) automation.Work {
	w := f.claimOne(now)
	f.equal("runs", runsOf(w), []string{id})
	f.equal("request", w.Runs[0].Request, c)
	return w
}

// ending returns a transition after which the run has ended.
func ending(w automation.Work, run automation.RunRecord, status automation.RunStatus, now time.Time) automation.Transition {
	run.Status, run.Listens, run.DueAt, run.CompletedAt = status, nil, time.Time{}, now
	t := release(w, now)
	t.Runs = []automation.RunChange{{RunRecord: run, Served: w.Runs[0].Request}}
	return t
}

func requestCancel(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	for _, set := range []func(*automation.RunRecord){asleep(at(1e6)), waiting("ping"), asleep(at(3))} {
		run := f.run(v, contact, set)
		for range 2 {
			f.equal("run as it was", f.request(run.ID, automation.RequestCancel, at(5)).Status, automation.RunRunning)
		}
		w := f.claimRequested(run.ID, automation.RequestCancel, at(5))
		f.commit(ending(w, run, automation.RunCancelled, at(6)))
		f.equal("status", f.findRun(run.ID).Status, automation.RunCancelled)
		f.equal("next due", f.nextDue(), "never")
	}
	_, err := f.store.RecordRunRequest(f.ctx, missing, automation.RequestCancel, at(0))
	f.refused("a run that does not exist", err, automation.ErrNotFound)
}

func requestCancelEnded(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	for _, status := range []automation.RunStatus{automation.RunCompleted, automation.RunFailed, automation.RunCancelled} {
		run := f.run(v, contact, ended(status, at(1)))
		f.equal("run", runText(f.request(run.ID, automation.RequestCancel, at(5))), runText(run))
		f.equal("next due", f.nextDue(), "never")
		f.idle(at(5))
	}
}

func requestRetry(f *fixture) {
	v := f.automation("welcome", "signup")
	run := f.run(v, f.contact("ada@example.com"), ended(automation.RunFailed, at(1)))
	f.equal("run as it was", runText(f.request(run.ID, automation.RequestRetry, at(5))), runText(run))
	f.equal("status of a run with a request", f.request(run.ID, automation.RequestRetry, at(5)).Status, automation.RunFailed)
	f.equal("next due", f.nextDue(), stamp(at(5)))
	w := f.claimRequested(run.ID, automation.RequestRetry, at(5))
	f.equal("status", w.Runs[0].Status, automation.RunFailed)
	f.equal("trigger", string(w.Runs[0].TriggerPayload), `{"plan":"pro"}`)

	run.Status, run.CompletedAt, run.DueAt, run.Step = automation.RunRunning, time.Time{}, at(50), "second"
	t := release(w, at(6))
	t.Runs = []automation.RunChange{{RunRecord: run, Served: automation.RequestRetry}}
	f.commit(t)
	f.equal("run", runText(f.findRun(run.ID)), runText(run))
	f.equal("next due", f.nextDue(), stamp(at(50)))
	w = f.claimRequested(run.ID, automation.RequestNone, at(50))
	f.commit(ending(w, run, automation.RunFailed, at(51)))
	f.request(run.ID, automation.RequestRetry, at(60))
	f.claimRequested(run.ID, automation.RequestRetry, at(60))
}

func requestRetryOthers(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	running := f.run(v, contact, asleep(at(100)))
	f.equal("a running run", runText(f.request(running.ID, automation.RequestRetry, at(5))), runText(running))
	for _, status := range []automation.RunStatus{automation.RunCompleted, automation.RunCancelled} {
		run := f.run(v, contact, ended(status, at(1)))
		_, err := f.store.RecordRunRequest(f.ctx, run.ID, automation.RequestRetry, at(5))
		f.refused("a run that is "+string(status), err, automation.ErrConflict)
	}
	f.equal("next due", f.nextDue(), stamp(at(100)))
	f.claimRequested(running.ID, automation.RequestNone, at(100))
}

func requestMeanwhile(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	run := f.run(v, contact, asleep(at(1)))
	w := f.claimRequested(run.ID, automation.RequestNone, at(1))
	f.request(run.ID, automation.RequestCancel, at(2))
	f.idle(at(2)) // the lease holds

	run.DueAt, run.Step = at(1e6), "second"
	t := hold(w, at(3))
	t.Runs = []automation.RunChange{{RunRecord: run}}
	for range 2 {
		f.equal("requests", f.commit(t).Requests, map[string]automation.RunRequest{run.ID: automation.RequestCancel})
	}
	f.equal("requests of a transition without the run", len(f.commit(release(w, at(4))).Requests), 0)
	w = f.claimRequested(run.ID, automation.RequestCancel, at(4))
	f.equal("step", w.Runs[0].Step, "second")
	f.equal("requests", len(f.commit(ending(w, run, automation.RunCancelled, at(5))).Requests), 0)
	f.idle(at(1e6))
}

func requestEnded(f *fixture) {
	v := f.automation("welcome", "signup")
	run := f.run(v, f.contact("ada@example.com"), asleep(at(1)))
	w := f.claimRequested(run.ID, automation.RequestNone, at(1))
	f.request(run.ID, automation.RequestCancel, at(2))
	t := ending(w, run, automation.RunCompleted, at(3))
	f.commit(t)
	f.equal("run", runText(f.findRun(run.ID)), runText(t.Runs[0].RunRecord))
	f.equal("next due", f.nextDue(), "never")
	f.idle(at(1e6))
}

// requestRetryKept requests a retry between two commits of the same failure, as if the
// result of the first one had not reached the node.
func requestRetryKept(f *fixture) {
	v := f.automation("welcome", "signup")
	run := f.run(v, f.contact("ada@example.com"), asleep(at(1)))
	w := f.claimRequested(run.ID, automation.RequestNone, at(1))
	t := ending(w, run, automation.RunFailed, at(2))
	t.Release, t.Extend = false, at(60)
	f.commit(t)
	f.request(run.ID, automation.RequestRetry, at(3))
	f.equal("requests", f.commit(t).Requests, map[string]automation.RunRequest{run.ID: automation.RequestRetry})
	f.commit(release(w, at(4)))
	f.claimRequested(run.ID, automation.RequestRetry, at(4))
}

func requestAll(f *fixture) {
	v, other := f.automation("welcome", "signup"), f.automation("other", "signup")
	ada, bob := f.contact("ada@example.com"), f.contact("bob@example.com")
	first, second := f.run(v, ada, asleep(at(100))), f.run(v, bob, waiting("ping"))
	f.run(v, ada, ended(automation.RunFailed, at(1)))
	f.run(v, bob, ended(automation.RunCompleted, at(1)))
	f.run(other, ada, asleep(at(100)))
	for range 2 {
		n, err := f.store.CancelRuns(f.ctx, "welcome", at(5))
		f.must("cancel runs", err)
		f.equal("how many runs are cancelled", n, 2)
	}
	requests := map[string]automation.RunRequest{}
	for _, w := range f.claim(at(5)) {
		for _, r := range w.Runs {
			requests[r.ID] = r.Request
		}
	}
	f.equal("runs that are due", requests, map[string]automation.RunRequest{first.ID: automation.RequestCancel, second.ID: automation.RequestCancel})
}
