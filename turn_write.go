package automation

import (
	"cmp"
	"slices"
	"time"
)

// result returns what is to be written now, and forgets it. It reuses the slice of runs of
// the result before.
func (t *turn) result() Transition {
	tr := Transition{
		Key: t.in.Key, Token: t.in.Token, Now: t.now,
		Handled: t.handled, Events: t.sent.events, Change: t.change, Delete: t.remove,
		Decisions: t.decisions, Entries: t.takeCounts(), Heed: t.heeds(),
	}
	if t.moveTo != nil {
		tr.MoveTo = t.moveTo.ID
		if t.created {
			tr.Create = t.moveTo
		}
	}
	takeover := t.now // if this process dies, the next holder of the lease takes over
	if t.in.OutcomesBy.After(t.now) {
		takeover = t.in.OutcomesBy
	}
	slices.SortFunc(t.dirty, func(a, b *activeRun) int { return cmp.Compare(a.place, b.place) })
	tr.Runs = t.changes[:0]
	for _, run := range t.dirty {
		if run.dirty {
			tr.Runs = append(tr.Runs, run.write(t.now, takeover))
		}
	}
	t.changes, t.dirty = tr.Runs, t.dirty[:0]
	t.handled, t.sent.events, t.decisions, t.change, t.remove, t.moveTo, t.created = nil, nil, nil, nil, false, nil, false
	return tr
}

// heeds reports whether an effect is to begin of a run that an event may end meanwhile.
func (t *turn) heeds() bool {
	return slices.ContainsFunc(t.ready, func(run *activeRun) bool { return run.graph.heeds() })
}

// write returns what the store has to write about the run. takeover is when an attempt that
// is open is taken over.
func (run *activeRun) write(now, takeover time.Time) RunChange {
	rec := &run.rec
	c := RunChange{New: run.isNew, Served: run.served}
	if run.graph != nil && rec.DecodeFailures == 0 {
		rec.Status, rec.Error = run.state.Status(), run.state.failure()
		rec.Step, rec.Listens, rec.Exit = run.action.Step, run.graph.listens(&run.action), run.state.Exit()
		rec.DueAt = run.graph.dueAt(&run.state)
		switch {
		case run.action.Kind == ActionPerform:
			rec.DueAt = takeover
		case run.action.Kind == ActionDone && rec.CompletedAt.IsZero():
			rec.CompletedAt = now
		case run.action.Kind != ActionDone:
			rec.CompletedAt = time.Time{}
		}
		if !run.retryAt.IsZero() && rec.Status == RunRunning && (rec.DueAt.IsZero() || run.retryAt.Before(rec.DueAt)) {
			rec.DueAt = run.retryAt
		}
		c.Outputs = run.storeApart()
		rec.State = run.state.marshal(true)
	}
	c.RunRecord = *rec
	run.dirty, run.isNew, run.served = false, false, RequestNone
	return c
}

// takeNotices returns the notices for the Observer. They are valid once the latest
// transition is committed.
func (t *turn) takeNotices() []Notice {
	notices := t.notices
	t.notices = nil
	return notices
}

// takeReady returns the runs whose effects may be performed once the latest transition is
// committed.
func (t *turn) takeReady() []*activeRun {
	ready := t.ready
	t.ready = nil
	return ready
}

// effects returns the effects whose attempts the turn has opened. The caller has written the
// runs.
func (t *turn) effects() (effects []PlannedEffect) {
	for _, run := range t.runs {
		if !run.moved || run.graph == nil || !run.state.AttemptOpen() {
			continue
		}
		effects = append(effects, PlannedEffect{
			Run:  ClaimedRun{RunRecord: run.rec, TriggerPayload: run.payload, Cause: run.cause},
			Step: run.action.Step, Attempt: run.action.Attempt, Delivery: run.action.Delivery,
		})
	}
	return effects
}

// due returns when the first of the runs is due, or zero if none is ever due by time. The
// caller has written the runs.
func (t *turn) due() (due time.Time) {
	for _, run := range t.runs {
		at := run.rec.DueAt
		if run.rec.Status != RunRunning || at.IsZero() {
			continue
		}
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	if !due.IsZero() && due.Before(t.now) {
		due = t.now
	}
	return due
}
