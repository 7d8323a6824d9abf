package automation

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/seed-b636437c/automation/internal/redact"
)

// How many events and runs of one contact a claim returns at most. The rest stays for the
// next claim.
const (
	claimEvents = 256
	claimRuns   = 1024
)

// storeRetry is the back-off of calls that the store does not answer.
var storeRetry = RetryPolicy{Initial: 100 * time.Millisecond, Max: 5 * time.Second, Jitter: 0.2}

// claim leases contacts that have work. It also returns when it read this work.
func (r *Runner) claim(ctx context.Context, p ClaimParams) ([]Work, time.Time, error) {
	// The end of ctx must not interrupt the claim: the store could complete it all
	// the same, and no Runner could use the leases until they expire.
	if err := ctx.Err(); err != nil {
		return nil, time.Time{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.opts.StoreTimeout)
	defer cancel()
	p.Now, p.Lease, p.Events, p.Runs = r.now(), r.opts.Lease, claimEvents, claimRuns
	works, err := r.store.Claim(ctx, p)
	return works, p.Now, err
}

// underLease returns a transition that extends the lease on w and writes nothing else.
func (r *Runner) underLease(w *Work, now time.Time) Transition {
	return Transition{Key: w.Key, Token: w.Token, Now: now, Extend: now.Add(r.opts.Lease)}
}

// commit writes transitions, even after ctx has ended: a Runner that stops must not lose
// the outcomes of its effects.
func (r *Runner) commit(ctx context.Context, ts []Transition) ([]CommitResult, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.opts.StoreTimeout)
	defer cancel()
	return r.store.Commit(ctx, ts)
}

// commitEach is commit, but an error of the whole call becomes the error of each result.
func (r *Runner) commitEach(ctx context.Context, ts []Transition) []CommitResult {
	results, err := r.commit(ctx, ts)
	if err == nil {
		return results
	}
	results = make([]CommitResult, len(ts))
	for i := range results {
		results[i].Err = err
	}
	return results
}

// commitPatiently commits transitions. While the leases are valid, it repeats those that
// the store did not answer, because they may hold outcomes of effects, and a Runner
// cannot get an outcome a second time. It calls extend before each commit, to update the
// ends of the leases.
func (r *Runner) commitPatiently(ctx context.Context, ts []Transition, extend func()) []CommitResult {
	extend()
	results := r.commitEach(ctx, ts)
	until := r.now().Add(r.opts.Lease)
	for failures := 1; ctx.Err() == nil && r.now().Before(until); failures++ {
		open := unansweredOf(results)
		if len(open) == 0 {
			break
		}
		r.opts.Logger.Error("automation: cannot commit",
			"transitions", len(ts), "error", redact.Error(results[open[0]].Err))
		r.pause(ctx, storeRetry.backoff("commit", "", failures))
		extend()
		r.commitAgain(ctx, ts, results, open)
	}
	return results
}

// commitAgain repeats the transitions with these indices and replaces their results.
func (r *Runner) commitAgain(ctx context.Context, ts []Transition, results []CommitResult, open []int) {
	again := make([]Transition, len(open))
	for i, index := range open {
		again[i] = ts[index]
	}
	for i, res := range r.commitEach(ctx, again) {
		results[open[i]] = res
	}
}

// unansweredOf returns the indices of the transitions that the store did not answer.
func unansweredOf(results []CommitResult) (open []int) {
	for i := range results {
		if isUnanswered(results[i].Err) {
			open = append(open, i)
		}
	}
	return open
}

// isUnanswered reports whether err leaves open what the store wrote. A refusal does not.
func isUnanswered(err error) bool {
	return err != nil && !errors.Is(err, ErrLeaseLost) && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound)
}

// renewLeases writes transitions that only extend leases. It ignores lost leases: the
// next commit of their tasks fails with ErrLeaseLost.
func (r *Runner) renewLeases(ctx context.Context, renewals []Transition) {
	if len(renewals) == 0 {
		return
	}
	if _, err := r.commit(ctx, renewals); err != nil {
		r.opts.Logger.Error("automation: cannot renew leases", "error", redact.Error(err))
	}
}

// abandonment returns the transition that abandons the lease of a failed task. The lease
// ends at once if the store refused the work, and a little later if the store or the
// contact directory did not answer.
func (r *Runner) abandonment(t *task, failure error) Transition {
	now := r.now()
	tr := r.underLease(&t.in.Work, now)
	tr.Extend = now.Add(retryContactAfter)
	tr.Release = !isUnanswered(failure)
	level := slog.LevelWarn
	if errors.Is(failure, ErrConflict) {
		level = slog.LevelInfo // no failure: an automation was stopped since the claim
	}
	r.log(logRecord{
		logKind: logKind{level: level, message: "automation: lease abandoned"}, contact: t.in.Key.ID, err: failure,
	})
	return tr
}

// abandon abandons the lease of a task whose transition was not written. The next holder
// of the lease does the work. The error is nil if the store refused the work.
func (r *Runner) abandon(ctx context.Context, t *task, failure error) error {
	_, err := r.commit(ctx, []Transition{r.abandonment(t, failure)})
	if isUnanswered(failure) {
		err = errors.Join(failure, err)
	}
	return err
}
