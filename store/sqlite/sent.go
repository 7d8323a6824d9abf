package sqlite

import "context"

// sendEvents keeps the events of a transition as pending events of the contact, except those
// that the store has already.
func (c *committer) sendEvents(ctx context.Context, w *transitionWrite) error {
	for i := range w.t.Events {
		n := &w.t.Events[i]
		res, err := c.tx.exec(ctx, insertForOwner, append(eventColumns(&n.Event), w.owner)...)
		if err != nil {
			return failed("send event", err)
		}
		kept, err := res.RowsAffected()
		if err != nil {
			return failed("send event", err)
		}
		if kept == 0 {
			continue
		}
		no, err := res.LastInsertId()
		if err != nil {
			return failed("send event", err)
		}
		if _, err := c.tx.exec(ctx, insertPending, no, n.Event.AcceptedAt.UnixMicro(), w.owner, trueOrNull(n.Unannounced)); err != nil {
			return failed("send event", err)
		}
	}
	return nil
}
