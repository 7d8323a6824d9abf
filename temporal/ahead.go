package temporal

import (
	"context"
	"time"
)

// The activity of an effect also plans the turn that follows, so that the result of the activity
// brings this turn into the history. The workflow adopts it if it has taken no other turn since it
// scheduled the activity. A turn that is in the history is given to the catalog in the same workflow
// task, so a run that ends or goes to sleep after its effect needs one workflow task and one
// activity less.
//
// A turn that plans effects is not planned ahead: a request that has come during the effect counts
// before the next one.

// maxAhead bounds the states that activities get. They are in the history once more.
const maxAhead = 16 << 10

// aheadTimeout bounds the planning: the outcome of the effect waits for it.
const aheadTimeout = 5 * time.Second

// planAhead plans the turn that follows the only effect of a contact with one run. It returns nil if
// that is better left to the workflow.
func (w *Worker) planAhead(ctx context.Context, in turnInput) (next *turnResult) {
	ctx, cancel := context.WithTimeout(ctx, aheadTimeout)
	defer cancel()
	err := guard(func() error {
		t := w.newTurn(&in)
		if err := t.load(ctx); err != nil || len(t.state.Runs) != 1 {
			return err
		}
		if err := t.plan(ctx); err != nil {
			return err
		}
		if len(t.out.Record) > 0 && len(t.out.Effects)+len(t.out.Forward) == 0 {
			next = &t.out
			w.announcer.plannedAhead(w.names.workflow(in.Key), t.state.Sequence, t.turn)
		}
		return nil
	})
	if err != nil {
		return nil // the workflow takes the turn, with this error or without it
	}
	return next
}

// recordAhead is the local activity that gives the record of an adopted turn to the catalog. If
// another process has planned the turn, it is planned again for its notices.
func (w *Worker) recordAhead(ctx context.Context, in turnInput, next turnResult) error {
	id := w.names.workflow(in.Key)
	if !w.announcer.adopt(id, next.Sequence) && w.planAhead(ctx, in) != nil {
		w.announcer.adopt(id, next.Sequence)
	}
	return w.recordOnce(ctx, next.Record)
}
