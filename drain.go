package automation

import (
	"context"
	"errors"
	"fmt"
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
	ctx, cancel := context.WithTimeout(ctx, r.opts.StoreTimeout)
	defer cancel()
	p.Now, p.Lease, p.Events, p.Runs = r.now(), r.opts.Lease, claimEvents, claimRuns
	return r.store.Claim(ctx, p)
}

// drain works on claimed contacts, all in step: every round writes what the
// last one has led to, in one commit, and then performs the effects.
func (r *Runner) drain(ctx context.Context, works []Work) (total int, err error) {
	tasks := make([]*task, 0, len(works))
	for _, w := range works {
		t := &task{r: r, work: w}
		if beginErr := t.begin(ctx); beginErr != nil {
			r.putBack(ctx, t, beginErr)
			err = errors.Join(err, beginErr)
			continue
		}
		tasks = append(tasks, t)
	}
	for len(tasks) > 0 && err == nil {
		var open []*task
		if open, err = r.round(ctx, tasks, &total); err != nil {
			break
		}
		tasks = open
	}
	if err != nil {
		for _, t := range tasks {
			r.putBack(ctx, t, err)
		}
	}
	return total, err
}

// round commits what the tasks have come to and performs what they need next.
// It returns the tasks that are not done.
func (r *Runner) round(ctx context.Context, tasks []*task, total *int) ([]*task, error) {
	ts := make([]Transition, len(tasks))
	for i, t := range tasks {
		ts[i] = t.transition(0)
	}
	results, err := r.commit(ctx, ts)
	if err != nil {
		return nil, err
	}
	open := tasks[:0]
	for i, t := range tasks {
		if results[i].Err != nil {
			if err := r.refused(ctx, t, results[i].Err); err != nil {
				return nil, err
			}
			continue
		}
		*total += t.advanced
		t.advanced = 0
		r.observe(t.written(results[i])...)
		if ts[i].Release {
			continue
		}
		if err := r.performAll(ctx, t); err != nil {
			return nil, err
		}
		open = append(open, t)
	}
	return open, nil
}

// performAll performs the task's effects, one after the other.
func (r *Runner) performAll(ctx context.Context, t *task) error {
	for _, run := range t.takeReady() {
		if err := t.refresh(ctx); err != nil {
			return err
		}
		effect, in := t.resolve(ctx, run)
		if in == nil {
			result := r.perform(ctx, t.work.Contact.ID, effect)
			in = &result
		}
		if err := t.settled(ctx, run, *in); err != nil {
			return err
		}
	}
	return nil
}

// commit writes transitions, also after ctx has ended: stopping must not lose
// what was done.
func (r *Runner) commit(ctx context.Context, ts []Transition) ([]CommitResult, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.opts.StoreTimeout)
	defer cancel()
	return r.store.Commit(ctx, ts)
}

// refused ends a task whose transition was not written. Who has the lease now
// will do the work; if an automation was disabled meanwhile, the next claim
// will see that.
func (r *Runner) refused(ctx context.Context, t *task, err error) error {
	switch {
	case errors.Is(err, ErrLeaseLost):
		r.opts.Logger.Warn("automation: lease lost", "contact", t.work.Contact.ID)
		return nil
	case errors.Is(err, ErrConflict), errors.Is(err, ErrNotFound):
		t.again = true
		return r.release(ctx, t)
	}
	return err
}

// release ends the task's lease and writes nothing else.
func (r *Runner) release(ctx context.Context, t *task) error {
	tr := Transition{Contact: t.work.Contact, Token: t.work.Token, Now: r.now(), Release: true}
	_, err := r.commit(ctx, []Transition{tr})
	return err
}

// setback is how long a contact is left alone after the store or the host could
// not be asked about it.
const setback = setbackInitial

// putBack gives up on a task for a moment: its lease ends a little later.
func (r *Runner) putBack(ctx context.Context, t *task, cause error) {
	now := r.now()
	tr := Transition{Contact: t.work.Contact, Token: t.work.Token, Now: now, Extend: now.Add(setback)}
	if _, err := r.commit(ctx, []Transition{tr}); err != nil {
		cause = errors.Join(cause, err)
	}
	r.opts.Logger.Error("automation: contact put back", "contact", t.work.Contact.ID, "error", cause)
}

// settle carries out what was asked of a contact's runs, if nobody else holds
// the contact. It performs no effects.
func (r *Runner) settle(ctx context.Context, ref ContactRef) error {
	works, err := r.claim(ctx, ClaimParams{Limit: 1, Contact: ref})
	if err != nil || len(works) == 0 {
		return err
	}
	t := &task{r: r, work: works[0]}
	if err := t.begin(ctx); err != nil {
		r.putBack(ctx, t, err)
		return err
	}
	for _, run := range t.takeReady() {
		t.advance(run, Input{Kind: InputReleased})
	}
	results, err := r.commit(ctx, []Transition{t.transition(0)})
	if err != nil {
		return err
	}
	if results[0].Err != nil {
		return r.refused(ctx, t, results[0].Err)
	}
	r.observe(t.written(results[0])...)
	return nil
}
