package sqlite

import "context"

// sendEvents keeps the events of a transition as pending events of the contact, except those
// that the store has already.
func (c *committer) sendEvents(ctx context.Context, w *transitionWrite) error {
	for i := range w.t.Events {
		n := &w.t.Events[i]
		number, err := eventNumbers(ctx, c.tx, 1)
		if err == nil {
			_, err = c.tx.exec(ctx, insertForOwner, pendingColumns(n, number, w.owner)...)
		}
		if err != nil {
			return failed("send event", err)
		}
		c.pendingMoved = true
	}
	return nil
}
