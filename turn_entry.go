package automation

import (
	"context"
	"errors"
	"slices"

	"github.com/seed-b636437c/automation/internal/uuid"
)

// admission is a run that an event starts.
type admission struct {
	id    string
	v     VersionRef
	graph *Graph // nil if this process cannot compile it
	err   error  // why it cannot
}

// admit decides, for each automation whose trigger names the event, whether it starts a run.
// It ends the runs that the new ones replace. An automation that this process cannot compile
// is decided by the process that can; until then its run is set aside.
func (t *turn) admit(ctx context.Context, e *PendingEvent, payload map[string]any) ([]admission, error) {
	starts := t.starts[:0] // those of the event before are done
	defer func() { t.starts = starts }()
	for _, v := range e.Starts {
		if !t.mayStart(&e.Event, v.AutomationID) {
			if t.closesChain(&e.Event, v.AutomationID) {
				t.decide(Decision{EventID: e.ID, AutomationID: v.AutomationID, Code: DecisionChain})
			}
			continue
		}
		g, err := t.r.graph(ctx, v)
		if err != nil && !errors.Is(err, errUnusable) {
			return nil, err
		}
		start := admission{v: v, graph: g, err: err}
		if err != nil {
			start.id = t.newRunID(&e.Event, len(starts))
			starts = append(starts, start)
			continue
		}
		d, entries, err := t.enter(ctx, g, v.AutomationID, &e.Event, payload)
		switch {
		case err != nil:
			return nil, err
		case d.Code != "":
			t.decide(d)
		default:
			start.id = t.newRunID(&e.Event, len(starts))
			t.entered(g, entries, start.id)
			starts = append(starts, start)
		}
	}
	return starts, nil
}

// newRunID returns the id of a run that the event starts after n others. That of the first one
// follows from the event's.
func (t *turn) newRunID(e *Event, n int) string {
	if n == 0 {
		if id := uuid.Twin(e.ID); id != "" {
			return id
		}
	}
	return t.r.ids.Next(t.now)
}

// admitsEmail reports whether an event for an email that belongs to no contact may start a run:
// the rules of entry read a contact that has the email and nothing else. It records the
// decisions against it.
func (t *turn) admitsEmail(ctx context.Context, e *PendingEvent) (admitted bool, err error) {
	payload := storedPayload(e.Payload)
	for _, v := range e.Starts {
		if !t.mayStart(&e.Event, v.AutomationID) {
			continue
		}
		g, err := t.r.graph(ctx, v)
		switch {
		case errors.Is(err, errUnusable):
			return true, nil
		case err != nil:
			return false, err
		}
		in := Input{Now: t.now, Event: &e.Event, Payload: payload, Data: Data{Contact: &Contact{Email: e.Email}}}
		d, _ := g.Enter(Entries{Count: EntryCount{EntryRef: EntryRef{AutomationID: v.AutomationID}}}, in)
		if d.Code == "" {
			return true, nil
		}
		t.decide(d)
	}
	return false, nil
}

// enter decides whether the event starts a run. It reads what the decision needs, and no more.
func (t *turn) enter(ctx context.Context, g *Graph, automationID string, e *Event, payload map[string]any) (Decision, Entries, error) {
	in := Input{Now: t.now, Event: e, Payload: payload, Data: Data{Contact: t.contact}}
	entries := Entries{Count: EntryCount{EntryRef: EntryRef{AutomationID: automationID}}}
	d, result := g.Enter(entries, in)
	if d.Code != "" || g.entry == nil || g.whileRunning() == ReentryParallel && !g.isLimited() {
		return d, result, nil
	}
	key, _ := g.EntryKey(payload)
	entries.Count.Key = key
	if g.whileRunning() != ReentryParallel {
		for _, run := range t.runningOf(g, automationID, key) {
			if run.rec.EventID != e.ID {
				entries.Running = append(entries.Running, run.rec.ID)
			}
		}
		slices.Sort(entries.Running)
	}
	if g.isLimited() {
		count, err := t.countOf(ctx, entries.Count.EntryRef)
		if err != nil {
			return d, result, err
		}
		entries.Count = count
	}
	d, result = g.Enter(entries, in)
	return d, result, nil
}

// entered applies that a run with this id starts.
func (t *turn) entered(g *Graph, entries Entries, id string) {
	for _, replaced := range entries.Running {
		t.replace(t.find(replaced), id)
	}
	if g.isLimited() {
		t.counts[entries.Count.EntryRef] = entries.Count
		t.counted = append(t.counted, entries.Count.EntryRef)
	}
}

// replace ends a run of whose unit another run starts.
func (t *turn) replace(run *activeRun, by string) {
	if run.graph != nil {
		t.leave(run, RunExit{Reason: exitReplaced, Name: by})
		return
	}
	run.served = run.request
	run.rec.end(RunCancelled, &StepError{Code: CancelledReplaced, Message: "run " + by + " of the same unit replaced it"}, t.now)
	run.moved = true
	t.touch(run)
}

// decide records why an event starts no run, or ends none.
func (t *turn) decide(d Decision) {
	d.At = stamp(t.now)
	t.decisions = append(t.decisions, d)
}

// isRunning reports whether the run is running as of now. A run that this process can start,
// and has not started yet, is not: its entry is still to be decided.
func (run *activeRun) isRunning() bool {
	if run.graph == nil {
		return run.rec.Status == RunRunning
	}
	return run.state.Status() == RunRunning && run.state.isStarted()
}

// runningOf returns the running runs of an automation that belong to a unit.
func (t *turn) runningOf(g *Graph, automationID, key string) (runs []*activeRun) {
	for _, run := range t.runs {
		if run.rec.AutomationID != automationID || !run.isRunning() {
			continue
		}
		if unit, ok := g.EntryKey(t.startPayload(run)); ok && unit == key {
			runs = append(runs, run)
		}
	}
	return runs
}

// startPayload returns the decoded payload of the event that started the run.
func (t *turn) startPayload(run *activeRun) map[string]any {
	if run.data.Event != nil {
		return run.data.Event
	}
	return storedPayload(run.payload)
}

// countOf returns how many runs of a unit have started, with those of this turn.
func (t *turn) countOf(ctx context.Context, ref EntryRef) (EntryCount, error) {
	if count, ok := t.counts[ref]; ok {
		return count, nil
	}
	ctx, cancel := context.WithTimeout(ctx, t.r.opts.StoreTimeout)
	defer cancel()
	found, err := t.r.store.FindEntries(ctx, t.in.Key.ID, []EntryRef{ref})
	if err != nil {
		return EntryCount{}, err
	}
	count := EntryCount{EntryRef: ref}
	if len(found) > 0 {
		count = found[0]
	}
	if t.counts == nil {
		t.counts = map[EntryRef]EntryCount{}
	}
	t.counts[ref] = count
	return count, nil
}

// takeCounts returns the counts that changed since the last transition.
func (t *turn) takeCounts() (counts []EntryCount) {
	for _, ref := range t.counted {
		if !slices.ContainsFunc(counts, func(c EntryCount) bool { return c.EntryRef == ref }) {
			counts = append(counts, t.counts[ref])
		}
	}
	t.counted = nil
	return counts
}
