package automation

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// drainBatch is how many contacts Drain works on at a time.
const drainBatch = 256

// Drain does the work that is due now, and the work that becomes due by this. It returns
// how many events it handled plus how often it advanced a run. It skips contacts that
// another Runner has leased.
//
// Drain performs effects one after the other. With a fake clock and a deterministic
// source of ids, the same inputs give the same history.
//
// The error is an error of the Store or of the contact directory, or that of ctx. The
// work that was committed before stays committed.
func (r *Runner) Drain(ctx context.Context) (int, error) {
	defer func() { r.logCounts(r.sampler.Rest()) }()
	total := 0
	for {
		works, at, err := r.claim(ctx, ClaimParams{Limit: drainBatch})
		if err != nil {
			return total, fmt.Errorf("automation: drain: %w", err)
		}
		if len(works) == 0 {
			return total, nil
		}
		n, err := r.drain(ctx, works, at)
		total += n
		if err != nil {
			return total, fmt.Errorf("automation: drain: %w", err)
		}
	}
}

// drain works on contacts that were claimed at the given time, in rounds: each round writes the results of the round
// before in one commit, and then performs the effects. It abandons a task that fails, and
// continues with the others.
func (r *Runner) drain(ctx context.Context, works []Work, claimedAt time.Time) (total int, err error) {
	tasks := make([]*task, 0, len(works))
	for _, w := range works {
		t := newTask(r, w, claimedAt)
		if failure := t.begin(ctx); failure != nil {
			err = errors.Join(err, r.abandon(ctx, t, failure))
			continue
		}
		tasks = append(tasks, t)
	}
	for len(tasks) > 0 {
		written, n, failure := r.writeTasks(ctx, tasks)
		total, err = total+n, errors.Join(err, failure)
		r.performEffects(ctx, written)
		tasks = written
	}
	return total, err
}

// writeTasks commits the tasks' transitions. It returns the tasks that have effects to
// perform, and how many events and advances it wrote.
func (r *Runner) writeTasks(ctx context.Context, tasks []*task) (open []*task, n int, err error) {
	tasks, err = r.withoutFailed(ctx, tasks)
	ts := make([]Transition, len(tasks))
	for i, t := range tasks {
		ts[i] = t.transition(len(t.ready) == 0)
	}
	results := r.commitEach(ctx, ts)
	for i, t := range tasks {
		if failure := results[i].Err; failure != nil {
			err = errors.Join(err, r.abandon(ctx, t, failure))
			continue
		}
		n += t.advanced
		t.advanced = 0
		t.written(results[i])
		for _, run := range t.ready {
			run.freshAt = r.now()
		}
		r.observe(t.takeNotices()...)
		r.log(t.takeLogs()...)
		if !ts[i].Release {
			open = append(open, t)
		}
	}
	return open, n, err
}

// performEffects performs the tasks' effects one after the other. Meanwhile it renews the
// leases of all tasks.
func (r *Runner) performEffects(ctx context.Context, tasks []*task) {
	renewed := r.now()
	for _, t := range tasks {
		if now := r.now(); now.Sub(renewed) >= r.opts.Lease/3 {
			renewed = now
			renewals := make([]Transition, len(tasks))
			for i, t := range tasks {
				renewals[i] = r.underLease(&t.in.Work, now)
			}
			r.renewLeases(ctx, renewals)
		}
		for _, run := range t.takeReady() {
			if err := t.performEffect(ctx, ctx, run); err != nil {
				t.failure = err
			}
		}
	}
}

// withoutFailed abandons the tasks whose effects ended in an error of the library, and
// returns the others.
func (r *Runner) withoutFailed(ctx context.Context, tasks []*task) (sound []*task, err error) {
	for _, t := range tasks {
		if t.failure != nil {
			err = errors.Join(err, r.abandon(ctx, t, t.failure))
			continue
		}
		sound = append(sound, t)
	}
	return sound, err
}
