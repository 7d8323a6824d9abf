package automation

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// How much one claim brings of one contact. The rest stays for the next claim.
const (
	claimEvents = 256
	claimRuns   = 1024
)

// retryContactAfter is how long a contact is left alone after the store or the
// contact directory did not answer about it.
const retryContactAfter = time.Second

// storeRetry is the back-off of calls that a store does not answer.
var storeRetry = RetryPolicy{Initial: 100 * time.Millisecond, Max: 5 * time.Second, Jitter: 0.2}

// claim leases contacts that have work.
func (r *Runner) claim(ctx context.Context, p ClaimParams) ([]Work, error) {
	// The store may complete a claim whose caller has gone, and the leases would stay
	// unused until they expire: ctx is looked at before the claim, not during it.
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.opts.StoreTimeout)
	defer cancel()
	p.Now, p.Lease, p.Events, p.Runs = r.now(), r.opts.Lease, claimEvents, claimRuns
	works, err := r.store.Claim(ctx, p)
	for i := range works {
		works[i].claimedAt = p.Now
	}
	return works, err
}

// underLease returns a transition that extends the lease on w and writes nothing else.
// Every transition of the Runner begins as one.
func (r *Runner) underLease(w *Work, now time.Time) Transition {
	return Transition{Key: w.Key, Token: w.Token, Now: now, Extend: now.Add(r.opts.Lease)}
}

// commit writes transitions, also after ctx has ended: a stopping Runner must not lose
// the outcomes of its effects.
func (r *Runner) commit(ctx context.Context, ts []Transition) ([]CommitResult, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.opts.StoreTimeout)
	defer cancel()
	return r.store.Commit(ctx, ts)
}

// commitEach is commit with an error of the store in each of the results.
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

// commitPatiently commits transitions. It repeats those that the store did not answer
// for as long as the leases are valid: they may hold outcomes of effects, which cannot
// be had a second time. Before each call extend brings the ends of the leases up to
// date.
func (r *Runner) commitPatiently(ctx context.Context, ts []Transition, extend func()) []CommitResult {
	extend()
	results := r.commitEach(ctx, ts)
	until := r.now().Add(r.opts.Lease)
	for failures := 1; ctx.Err() == nil && r.now().Before(until); failures++ {
		open := unansweredOf(results)
		if len(open) == 0 {
			break
		}
		r.opts.Logger.Error("automation: cannot commit", "transitions", len(ts), "error", results[open[0]].Err)
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

// unansweredOf returns the indices of the results without an answer of the store.
func unansweredOf(results []CommitResult) (open []int) {
	for i := range results {
		if isUnanswered(results[i].Err) {
			open = append(open, i)
		}
	}
	return open
}

// isUnanswered reports whether err leaves open what the store wrote: it is not a
// refusal.
func isUnanswered(err error) bool {
	return err != nil && !errors.Is(err, ErrLeaseLost) && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound)
}

// renewLeases writes transitions that only extend leases. A task notices that its lease
// is lost when it commits.
func (r *Runner) renewLeases(ctx context.Context, renewals []Transition) {
	if len(renewals) == 0 {
		return
	}
	if _, err := r.commit(ctx, renewals); err != nil {
		r.opts.Logger.Error("automation: cannot renew leases", "error", err)
	}
}

// abandonment returns the transition that ends the lease of a task that failed: at once
// if the store refused its work, a little later if the store or the contact directory
// did not answer.
func (r *Runner) abandonment(t *task, failure error) Transition {
	now := r.now()
	tr := r.underLease(&t.work, now)
	tr.Extend = now.Add(retryContactAfter)
	tr.Release = !isUnanswered(failure)
	level := slog.LevelWarn
	if errors.Is(failure, ErrConflict) {
		level = slog.LevelInfo // an automation was stopped meanwhile; the next claim sees that
	}
	r.opts.Logger.Log(context.Background(), level, "automation: contact given up", "contact", t.work.Key.ID, "error", failure)
	return tr
}

// abandon ends the lease of a task whose transition was not written. The next holder of
// the lease does the work. The error is nil where the store refused the work.
func (r *Runner) abandon(ctx context.Context, t *task, failure error) error {
	_, err := r.commit(ctx, []Transition{r.abandonment(t, failure)})
	if isUnanswered(failure) {
		err = errors.Join(failure, err)
	}
	return err
}
