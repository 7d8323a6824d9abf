package automation

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// pruneBatch is how many runs, and how many events, one call of the store removes at
// most.
const pruneBatch = 1000

// Prune removes the runs that ended, and the events that were handled, longer ago than
// age. It also removes expired idempotency keys, and versions of automations that no run
// uses, except for the newest KeptVersions of each automation. Runs in progress stay, and so
// does an event that started a run which stays. Prune works in small batches, so that it does
// not delay other work.
//
// Prune returns once everything is removed that is old enough. Options.Retention makes Run
// do the same in the background.
//
// Prune returns how many runs and events it removed, also if it returns an error. A
// negative age fails with a *ValidationError.
func (r *Runner) Prune(ctx context.Context, age time.Duration) (PruneResult, error) {
	if age < 0 {
		var ps Problems
		ps.Add(CodeInvalidOption, "age", "must not be negative, and is %v", age)
		return PruneResult{}, ps.Err("prune")
	}
	var total PruneResult
	for more := true; more; {
		var res PruneResult
		var err error
		res, more, err = r.pruneOnce(ctx, age, pruneBatch)
		total.Runs += res.Runs
		total.Events += res.Events
		if err != nil {
			return total, fmt.Errorf("automation: prune: %w", err)
		}
	}
	return total, nil
}

// EraseContact removes the personal data of the contact with an id or an email:
//
//   - the contact itself, if contacts live in the Store
//   - the payloads, causes and idempotency keys of its events, and the evidence of the
//     decisions about them, including events that were sent for its email before the contact
//     existed
//   - the outputs, error messages and variables of its runs
//   - the counts of its starts: Reentry.Limit counts anew if the contact enters again
//
// It cancels runs in progress. The records that stay show only which runs existed and how
// they ended.
//
// EraseContact fails with ErrConflict while a Runner works on the contact. The caller can
// then try again. After any other error, the caller can call it again too. To erase a
// contact twice, or a contact that does not exist, is no error.
func (r *Runner) EraseContact(ctx context.Context, ref ContactRef) error {
	if (ref.ID == "") == (ref.Email == "") {
		var ps Problems
		ps.Add(CodeInvalidContact, "", "needs either an id or an email")
		return ps.Err("erase contact")
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

// eraser is one call of EraseContact.
type eraser struct {
	r     *Runner
	key   ContactRef // of the lease
	email string     // of the contact; empty if it is unknown
	work  Work
	now   time.Time
}

// once claims the contact, and erases the contact and what the claim returns. It reports
// whether the contact may have more pending events than one claim returns.
func (e *eraser) once(ctx context.Context) (more bool, err error) {
	works, _, err := e.r.claim(ctx, ClaimParams{Limit: 1, Contact: e.key, Erase: true})
	if err != nil {
		return false, err
	}
	if len(works) == 0 {
		return false, fmt.Errorf("a Runner works on it; try again: %w", ErrConflict)
	}
	e.work, e.now = works[0], e.r.now()
	if err := e.erase(ctx); err != nil {
		tr := e.transition()
		tr.Release = true
		_ = e.commit(ctx, tr) // without it the caller cannot try again until the lease expires
		return false, err
	}
	return len(e.work.Events) == claimEvents, nil
}

func (e *eraser) erase(ctx context.Context) error {
	// The contact and the events come first: work that starts later finds nothing.
	tr := e.transition()
	tr.Erase, tr.EraseEmail, tr.Delete = true, e.email, e.work.Contact != nil
	for _, ev := range e.work.Events {
		tr.Handled = append(tr.Handled, HandledEvent{ID: ev.ID, Reason: ReasonContactDeleted})
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
	tr := e.r.underLease(&e.work, e.r.now())
	tr.Now = e.now
	return tr
}

func (e *eraser) commit(ctx context.Context, tr Transition) error {
	return e.r.commitEach(ctx, []Transition{tr})[0].Err
}

// scrub returns the run without personal data. A run in progress is cancelled.
func (e *eraser) scrub(ctx context.Context, runID string) (RunChange, error) {
	rec, err := e.r.store.FindRun(ctx, runID)
	if err != nil {
		return RunChange{}, err
	}
	running := rec.Status == RunRunning
	s := State{RunID: rec.ID}
	if s.UnmarshalBinary(rec.State) == nil {
		if running {
			s.cancel(e.now)
		}
		s.scrub()
		rec.State, _ = s.MarshalBinary()
	} else {
		rec.State = nil // it may hold anything
	}
	if running {
		rec.end(RunCancelled, &StepError{Code: CancelledContactGone}, e.now)
	}
	if rec.Error != nil {
		rec.Error = &StepError{Code: rec.Error.Code, Message: erasedMessage}
	}
	return RunChange{RunRecord: rec, Served: RequestCancel, DropOutputs: true}, nil
}
