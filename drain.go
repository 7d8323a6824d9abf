package automation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// How much one claim brings of one contact. More is left for the next.
const (
	claimEvents = 256
	claimRuns   = 1024
)

// drainBatch is how many contacts Drain works on at a time.
const drainBatch = 256

// Drain does everything that is due now, and everything that becomes due by
// doing it, and returns how many events it has handled and steps it has moved
// runs on. It performs effects one after the other: with a fake clock and a
// deterministic source of ids, the same inputs give the same history. What
// another Runner has leased is left to that one.
//
// The error is the Store's; what was committed before stays.
func (r *Runner) Drain(ctx context.Context) (int, error) {
	total := 0
	for {
		works, err := r.claim(ctx, ClaimParams{Limit: drainBatch})
		if err != nil {
			return total, fmt.Errorf("automation: drain: %w", err)
		}
		if len(works) == 0 {
			return total, nil
		}
		n, err := r.drain(ctx, works)
		total += n
		if err != nil {
			return total, fmt.Errorf("automation: drain: %w", err)
		}
	}
}

func (r *Runner) claim(ctx context.Context, p ClaimParams) ([]Work, error) {
	// A claim that is cut off may have been made, and nobody would know of it.
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

// drain works on claimed contacts, all in step: every round writes what the
// last one has led to, in one commit, and then performs the effects. A task that
// fails is put back, and the others go on.
func (r *Runner) drain(ctx context.Context, works []Work) (total int, err error) {
	tasks := make([]*task, 0, len(works))
	for _, w := range works {
		t := newTask(r, w)
		if failure := t.begin(ctx); failure != nil {
			err = errors.Join(err, r.abandon(ctx, t, failure))
			continue
		}
		tasks = append(tasks, t)
	}
	for len(tasks) > 0 {
		written, n, failure := r.writeAll(ctx, tasks)
		total, err = total+n, errors.Join(err, failure)
		r.performAll(ctx, written)
		tasks = written
	}
	return total, err
}

// writeAll commits what the tasks have come to. It returns those that have
// something to perform, and how much was done.
func (r *Runner) writeAll(ctx context.Context, tasks []*task) (open []*task, n int, err error) {
	ts := make([]Transition, len(tasks))
	for i, t := range tasks {
		ts[i] = t.transition(len(t.ready) == 0)
	}
	results, down := r.commit(ctx, ts)
	for i, t := range tasks {
		failure := down
		if down == nil {
			failure = results[i].Err
		}
		if failure != nil {
			err = errors.Join(err, r.abandon(ctx, t, failure))
			continue
		}
		n += t.advanced
		t.advanced = 0
		t.written(results[i])
		for _, run := range t.ready {
			run.read = r.now()
		}
		r.observe(t.takeNotices()...)
		if !ts[i].Release {
			open = append(open, t)
		}
	}
	return open, n, err
}

// performAll performs the tasks' effects, one after the other. The leases of
// those that have to wait for the others are renewed.
func (r *Runner) performAll(ctx context.Context, tasks []*task) {
	renewed := r.now()
	for _, t := range tasks {
		if now := r.now(); now.Sub(renewed) >= r.opts.Lease/3 {
			renewed = now
			ts := make([]Transition, len(tasks))
			for i, t := range tasks {
				ts[i] = t.renewal(now)
			}
			r.renew(ctx, ts)
		}
		r.performTask(ctx, t)
	}
}

func (r *Runner) performTask(ctx context.Context, t *task) {
	for _, run := range t.takeReady() {
		effect, in := t.prepare(ctx, ctx, run)
		if in == nil {
			result := r.perform(ctx, t.work.Key.ID, effect)
			in = &result
		}
		t.mu.Lock()
		t.applyOutcome(run, *in)
		t.mu.Unlock()
		t.catchUp(ctx, run)
	}
}

// renewal extends the task's lease and writes nothing else.
func (t *task) renewal(now time.Time) Transition {
	return Transition{Key: t.work.Key, Token: t.work.Token, Now: now, Extend: now.Add(t.r.opts.Lease)}
}

// renew writes renewals. A lease that is lost is noticed by its task, when it
// commits.
func (r *Runner) renew(ctx context.Context, renewals []Transition) {
	if len(renewals) == 0 {
		return
	}
	if _, err := r.commit(ctx, renewals); err != nil {
		r.opts.Logger.Error("automation: cannot renew leases", "error", err)
	}
}

// commit writes transitions, also after ctx has ended: stopping must not lose
// what was done.
func (r *Runner) commit(ctx context.Context, ts []Transition) ([]CommitResult, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.opts.StoreTimeout)
	defer cancel()
	return r.store.Commit(ctx, ts)
}

// abandon ends a task whose transition was not written. Who has the lease now
// does the work; if an automation was disabled since the claim, the next claim
// sees that. Only what is the store's failure is returned.
func (r *Runner) abandon(ctx context.Context, t *task, failure error) error {
	_, err := r.commit(ctx, []Transition{r.abandonment(t, failure)})
	if unanswered(CommitResult{Err: failure}) {
		err = errors.Join(failure, err)
	}
	return err
}

// abandonment ends the lease of a task that is given up: at once if its work was
// refused, a little later if the store or the host could not be asked.
func (r *Runner) abandonment(t *task, failure error) Transition {
	now := r.now()
	tr := Transition{Key: t.work.Key, Token: t.work.Token, Now: now, Extend: now.Add(retryContactAfter)}
	tr.Release = !unanswered(CommitResult{Err: failure})
	level := slog.LevelWarn
	if errors.Is(failure, ErrConflict) {
		level = slog.LevelInfo // an automation was stopped meanwhile: the next claim knows
	}
	r.opts.Logger.Log(context.Background(), level, "automation: contact given up", "contact", t.work.Key.ID, "error", failure)
	return tr
}

// tryCommit is commit with the failure of all as the failure of each.
func (r *Runner) tryCommit(ctx context.Context, ts []Transition) []CommitResult {
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

// retryContactAfter is how long a contact is left alone after the store or the host could
// not be asked about it.
const retryContactAfter = unreadableInitial

// serveRequests carries out what was asked of a contact's runs, if nobody else holds
// the contact. It performs no effects: what is ready is left to the next claim.
func (r *Runner) serveRequests(ctx context.Context, ref ContactRef) error {
	works, err := r.claim(ctx, ClaimParams{Limit: 1, Contact: ref})
	if err != nil || len(works) == 0 {
		return err
	}
	t := newTask(r, works[0])
	if err := t.begin(ctx); err != nil {
		return r.abandon(ctx, t, err)
	}
	for _, run := range t.takeReady() {
		if run.state.attemptOpen {
			t.advance(run, Input{Kind: InputReleased})
		}
	}
	_, _, err = r.writeAll(ctx, []*task{t})
	return err
}
