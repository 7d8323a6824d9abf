package automation

import (
	"cmp"
	"context"
	"time"
)

// earlierEvents reads the events with these names since the start of a run, in the order of
// isBefore.
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

// isBefore reports whether e comes before an event of the same contact that was accepted at
// the given time. Events that were accepted in one microsecond have the order of their ids,
// which are ordered by time too.
func isBefore(e *Event, at time.Time, id string) bool {
	return cmp.Or(stamp(e.AcceptedAt).Compare(stamp(at)), cmp.Compare(e.ID, id)) < 0
}

// mergeEvents merges two lists of events, each of which is in the order of isBefore.
func mergeEvents(a, b []Event) []Event {
	if len(a) == 0 {
		return b
	}
	merged := make([]Event, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if isBefore(&b[0], a[0].AcceptedAt, a[0].ID) {
			merged, b = append(merged, b[0]), b[1:]
		} else {
			merged, a = append(merged, a[0]), a[1:]
		}
	}
	return append(append(merged, a...), b...)
}
