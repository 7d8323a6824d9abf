package automation

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// pruneBatch is how many runs and events Prune removes in one call of the store.
const pruneBatch = 1000

// Prune removes runs that ended, and events that were handled, longer ago than
// age, in batches that are short enough not to hold up other work. It returns
// how many it has removed. Events that have started a run that is kept, and runs
// in progress, stay.
func (r *Runner) Prune(ctx context.Context, age time.Duration) (PruneResult, error) {
	if age < 0 {
		return PruneResult{}, Problems{{
			Severity: SeverityError, Code: CodeInvalidOption, Path: "age", Message: fmt.Sprintf("must not be negative, and is %v", age),
		}}.Err("prune")
	}
	var total PruneResult
	for {
		now := r.now()
		res, err := r.store.Prune(ctx, PruneParams{Before: now.Add(-age), Limit: pruneBatch, Now: now})
		total.Runs += res.Runs
		total.Events += res.Events
		if err != nil {
			return total, fmt.Errorf("automation: prune: %w", err)
		}
		if res.Runs < pruneBatch && res.Events < pruneBatch {
			return total, nil
		}
	}
}

// EraseContact removes everything personal that is kept of a contact, named by
// id or by email: the contact itself, where contacts live in the Store, the
// payloads of its events, also of those that were sent for its email before it
// was a contact, and the outputs, errors and variables of its runs. Runs in
// progress are cancelled. What stays says only that runs have existed and how
// they ended.
//
// It fails with ErrConflict while a Runner is at work on the contact: call it
// again. Erasing twice, or somebody of whom nothing is known, is no error.
func (r *Runner) EraseContact(ctx context.Context, ref ContactRef) error {
	if (ref.ID == "") == (ref.Email == "") {
		return Problems{{Severity: SeverityError, Code: CodeInvalidContact, Message: "needs either an id or an email"}}.Err("erase contact")
	}
	e := eraser{r: r, key: ref, email: ref.Email}
	c, err := r.findContact(ctx, ref)
	switch {
	case err == nil:
		e.key, e.email = ContactRef{ID: c.ID}, c.Email
	case !errors.Is(err, ErrNotFound):
		return fmt.Errorf("automation: erase contact %q: %w", ref, err)
	}
	for more := true; more; {
		if more, err = e.once(ctx); err != nil {
			return fmt.Errorf("automation: erase contact %q: %w", ref, err)
		}
	}
	return nil
}

// eraser is EraseContact at work.
type eraser struct {
	r     *Runner
	key   ContactRef // what is leased
	email string     // of the contact, if it is known
	work  Work
	now   time.Time
}

// once claims the contact and erases what the claim shows. There is more if it
// has more events than one claim brings: they are not handled yet.
func (e *eraser) once(ctx context.Context) (more bool, err error) {
	works, err := e.r.claim(ctx, ClaimParams{Limit: 1, Contact: e.key})
	if err != nil {
		return false, err
	}
	if len(works) == 0 {
		return false, fmt.Errorf("it is being worked on; try again: %w", ErrConflict)
	}
	e.work, e.now = works[0], e.r.now()
	if err := e.erase(ctx); err != nil {
		tr := e.transition()
		tr.Release = true
		_ = e.commit(ctx, tr) // else the caller could not try again until the lease ends
		return false, err
	}
	return len(e.work.Events) == claimEvents, nil
}

func (e *eraser) erase(ctx context.Context) error {
	// The contact and the events first: what happens after that finds nothing.
	tr := e.transition()
	tr.Erase, tr.EraseEmail, tr.Delete = true, e.email, e.work.Contact != nil
	for _, ev := range e.work.Events {
		tr.Handled = append(tr.Handled, ev.ID)
	}
	tr.Release = e.key.ID == "" // an email has no runs
	if err := e.commit(ctx, tr); err != nil || tr.Release {
		return err
	}
	q := RunQuery{ContactID: e.key.ID, PageQuery: PageQuery{Limit: 100}}
	for {
		page, err := e.r.store.ListRuns(ctx, q)
		if err != nil {
			return err
		}
		tr := e.transition()
		for _, rec := range page.Data {
			change, err := e.scrub(ctx, rec.ID)
			if err != nil {
				return err
			}
			tr.Runs = append(tr.Runs, change)
		}
		tr.Release = !page.HasMore
		if err := e.commit(ctx, tr); err != nil || tr.Release {
			return err
		}
		q.After = page.Data[len(page.Data)-1].ID
	}
}

func (e *eraser) transition() Transition {
	return Transition{Key: e.work.Key, Token: e.work.Token, Now: e.now, Extend: e.r.now().Add(e.r.opts.Lease)}
}

func (e *eraser) commit(ctx context.Context, tr Transition) error {
	results, err := e.r.commit(ctx, []Transition{tr})
	if err != nil {
		return err
	}
	return results[0].Err
}

// erasedMessage replaces every error message: it may quote anything.
const erasedMessage = "erased"

// scrub returns the run without anything personal, and ended.
func (e *eraser) scrub(ctx context.Context, runID string) (RunChange, error) {
	rec, err := e.r.store.FindRun(ctx, runID)
	if err != nil {
		return RunChange{}, err
	}
	running := rec.Status == RunRunning
	s := State{RunID: rec.ID}
	if s.UnmarshalBinary(rec.State) == nil {
		if running && s.started {
			s.cancel(e.now)
		}
		s.scrub()
		rec.State, _ = s.MarshalBinary()
	} else {
		rec.State = nil // nobody can tell what is in it
	}
	if running {
		rec.Status, rec.CompletedAt = RunCancelled, e.now
		rec.DueAt, rec.WaitEvent = time.Time{}, ""
		rec.Error = &StepError{Code: CancelledContactGone}
	}
	if rec.Error != nil {
		rec.Error = &StepError{Code: rec.Error.Code, Message: erasedMessage}
	}
	return RunChange{RunRecord: rec, Served: RequestCancel}, nil
}

// cancel ends a run outside of its graph.
func (s *State) cancel(now time.Time) {
	st := s.current()
	st.status, st.completedAt, st.err = StepCancelled, now, &StepError{Code: CancelledContactGone}
	s.status, s.attemptOpen, s.dueAt = RunCancelled, false, time.Time{}
}

// scrub removes all that a step has recorded, but for what became of it.
func (s *State) scrub() {
	for i := range s.steps {
		st := &s.steps[i]
		st.output = nil
		if st.err != nil {
			st.err = &StepError{Code: st.err.Code, Message: erasedMessage}
		}
		for j := range st.attempts {
			st.attempts[j].Error.Message = erasedMessage
		}
	}
}
