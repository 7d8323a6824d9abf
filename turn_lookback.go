package automation

import (
	"cmp"
	"context"
)

// earlierEvents reads the events with these names since the start of a run, in the order in
// which they were accepted.
func (t *turn) earlierEvents(ctx context.Context, run *activeRun, names []string) ([]Event, error) {
	ctx, cancel := context.WithTimeout(ctx, t.r.opts.StoreTimeout)
	defer cancel()
	var events []Event
	for _, name := range names {
		more, err := t.r.store.ListContactEvents(ctx, run.rec.ContactID, name, run.state.startedAt())
		if err != nil {
			return nil, err
		}
		events = mergeEvents(events, more)
	}
	return events, nil
}

// mergeEvents merges two lists of events, each of which is in the order of acceptance. Ids
// order events that were accepted at the same time, because they are ordered by time too.
func mergeEvents(a, b []Event) []Event {
	if len(a) == 0 {
		return b
	}
	merged := make([]Event, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if cmp.Or(a[0].AcceptedAt.Compare(b[0].AcceptedAt), cmp.Compare(a[0].ID, b[0].ID)) <= 0 {
			merged, a = append(merged, a[0]), a[1:]
		} else {
			merged, b = append(merged, b[0]), b[1:]
		}
	}
	return append(append(merged, a...), b...)
}
