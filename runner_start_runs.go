package automation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// bulkRuns is a bulk in a store that starts many runs at once.
type bulkRuns struct {
	store   BulkStarter
	bulk    BulkRecord            // as of the last step that this call knows
	started map[BulkMark]struct{} // the contacts that the steps have started
}

// begin begins the bulk, or goes on with it, if the store starts many runs at once.
func (s *bulkStart) begin(ctx context.Context) error {
	store, ok := StoreAs[BulkStarter](s.store)
	if !ok || s.DryRun {
		return nil
	}
	s.runs = &bulkRuns{store: store, started: map[BulkMark]struct{}{}}
	return s.catchUp(ctx)
}

// catchUp reads which contacts other calls of the bulk have started.
func (s *bulkStart) catchUp(ctx context.Context) error {
	r, now := s.runs, s.now()
	b, err := r.store.BeginBulk(ctx, BulkRecord{
		ID: s.ID, ContentHash: contentHash(&Event{AutomationID: s.AutomationID, Payload: s.Payload}),
		BegunAt: now, ExpiresAt: now.Add(s.opts.IdempotencyWindow),
	})
	if err != nil {
		return err
	}
	b.Step = r.bulk.Step
	if !b.BegunAt.Equal(r.bulk.BegunAt) { // the first time, or the bulk that this call knew has expired
		b.Step = 0
	}
	for more := true; more; {
		marks, last, err := r.store.ListBulkMarks(ctx, s.ID, b.Step)
		if err != nil {
			return err
		}
		for _, m := range marks {
			r.started[m] = struct{}{}
		}
		more, b.Step = last > b.Step, last
	}
	r.bulk = b
	return nil
}

// startRuns starts the automation for a batch of contacts, in one step of the bulk.
func (s *bulkStart) startRuns(ctx context.Context, batch []ContactRef) error {
	for changes := 0; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		step, err := s.planStep(ctx, batch, changes > 0)
		if err == nil && len(step.Starts) > 0 {
			step.outcomes, err = s.runs.store.StartRuns(ctx, step.BulkStep)
		}
		switch {
		case err == nil:
			s.finish(step)
			return nil
		case errors.Is(err, ErrDefinitionChanged) && changes < maxAdmissions:
			changes++
		case errors.Is(err, ErrConflict): // another call has written a step, so the bulk goes on in any case
			if err := s.catchUp(ctx); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// bulkStep is a step of a bulk with what this process needs once it is written.
type bulkStep struct {
	BulkStep
	outcomes   []StartOutcome
	notices    [][]Notice // of the turns of Starts
	logs       [][]logRecord
	duplicates int
	unknown    int // contacts that were not found
}

// planStep decides what becomes of a batch of contacts. What is pending is read before the contacts
// are: an event that came before has changed the contact by then, or is seen to be pending.
func (s *bulkStart) planStep(ctx context.Context, batch []ContactRef, reread bool) (*bulkStep, error) {
	now, b := s.now(), &s.runs.bulk
	step := &bulkStep{BulkStep: BulkStep{
		BulkID: s.ID, BegunAt: b.BegunAt, After: b.Step, ExpiresAt: now.Add(s.opts.IdempotencyWindow), ReadAt: now,
	}}
	e := s.eventFor("contact") // any will do: all events have the same name and payload
	schemas := map[string]foundSchema{}
	payload, problems, err := s.sender().validateOne(ctx, s.store, &e, schemas, reread)
	if err = errors.Join(err, problems.Err("bulk")); err != nil {
		return nil, err
	}
	if payload == nil {
		payload = s.Payload
	}
	contacts, err := s.unstarted(ctx, batch, step)
	if err != nil || len(contacts) == 0 {
		return step, err
	}
	planner, err := s.planner(ctx, step, contacts, now)
	if err != nil {
		return nil, err
	}
	for i := range contacts {
		c := &contacts[i]
		n := NewEvent{
			Event: Event{
				ID: s.ids.Next(now), Name: s.event, AutomationID: s.AutomationID, ContactID: c.ID, Payload: payload,
				OccurredAt: now, AcceptedAt: now,
			},
			Schema: schemas[s.event].text, HostContact: s.opts.Contacts != nil,
		}
		start := RunStart{Event: n, Mark: markOf(c.ID), Email: c.Email}
		notices, logs, err := planner.plan(ctx, &start, c)
		if err != nil {
			return nil, err
		}
		step.Starts, step.notices, step.logs = append(step.Starts, start), append(step.notices, notices), append(step.logs, logs)
	}
	return step, nil
}

// unstarted returns the contacts of a batch that the bulk has not started yet, and counts the others.
func (s *bulkStart) unstarted(ctx context.Context, batch []ContactRef, step *bulkStep) ([]Contact, error) {
	found, err := s.find(ctx, batch)
	if err != nil {
		return nil, err
	}
	contacts := make([]Contact, 0, len(found))
	seen := make(map[BulkMark]struct{}, len(found))
	for i := range found {
		c := &found[i]
		if c.refused != "" {
			step.unknown++
			continue
		}
		mark := markOf(c.ID)
		_, started := s.runs.started[mark]
		_, twice := seen[mark]
		if seen[mark] = struct{}{}; started || twice {
			step.duplicates++
			continue
		}
		contacts = append(contacts, c.Contact)
	}
	return contacts, nil
}

// startPlanner plans the turns of a step.
type startPlanner struct {
	turn
	graph *Graph // nil if each start is left to a claim
	v     VersionRef
	busy  map[string]bool    // contacts with pending events, by id
	fresh map[string]Contact // contacts as they were read after busy, nil if the plan does not depend on it
}

// planner reads what the turns of a step need.
func (s *bulkStart) planner(ctx context.Context, step *bulkStep, contacts []Contact, now time.Time) (*startPlanner, error) {
	p := &startPlanner{}
	p.r, p.now, p.direct = s.Runner, now, true
	g, err := s.directGraph(ctx, p)
	if err != nil || g == nil {
		return p, err
	}
	step.Version = p.v
	refs, ids := make([]ContactRef, len(contacts)), make([]string, len(contacts))
	for i := range contacts {
		refs[i], ids[i] = ContactRef{ID: contacts[i].ID, Email: contacts[i].Email}, contacts[i].ID
	}
	pending, err := s.runs.store.FindPending(ctx, refs)
	if err != nil {
		return nil, err
	}
	p.busy = map[string]bool{}
	for i, has := range pending {
		if has {
			p.busy[ids[i]] = true
		}
	}
	if g.readsContactAtStart() {
		if p.fresh, err = s.GetContacts(ctx, ids); err != nil {
			return nil, err
		}
	}
	p.graph = g
	return p, nil
}

// directGraph returns the graph of the automation as it is now, or nil if a claim must decide
// about each start.
func (s *bulkStart) directGraph(ctx context.Context, p *startPlanner) (*Graph, error) {
	rec, err := s.store.FindAutomation(ctx, s.AutomationID)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, nil // it was deleted meanwhile
	case err != nil:
		return nil, err
	}
	p.v = VersionRef{rec.ID, rec.Version}
	g, err := s.Runner.graph(ctx, p.v)
	switch {
	case errors.Is(err, errUnusable):
		return nil, nil
	case err != nil:
		return nil, err
	case rec.Status != StatusEnabled || !slices.Contains(g.Events(), s.event) || !g.startsAlone():
		return nil, nil
	}
	return g, nil
}

// plan plans the turn of a start, unless a claim must take it.
func (p *startPlanner) plan(ctx context.Context, start *RunStart, c *Contact) ([]Notice, []logRecord, error) {
	if p.graph == nil || p.busy[c.ID] {
		return nil, nil, nil
	}
	if p.fresh != nil {
		again, ok := p.fresh[c.ID]
		if !ok {
			return nil, nil, nil // it was deleted
		}
		c = &again
	}
	p.turnState = turnState{r: p.r, now: p.now, direct: true, runs: p.runs[:0], dirty: p.dirty[:0], starts: p.starts, schemas: p.schemas, in: TurnInput{
		Now: p.now, ReadAt: p.now, Work: Work{
			Key: ContactRef{ID: c.ID}, Contact: c, Events: []PendingEvent{{Event: start.Event.Event, Starts: []VersionRef{p.v}}},
		},
	}}
	if err := p.begin(ctx); err != nil {
		return nil, nil, fmt.Errorf("contact %q: %w", c.ID, err)
	}
	if slices.ContainsFunc(p.runs, (*activeRun).looksBack) {
		p.recycleRuns()
		return nil, nil, nil
	}
	tr := p.result()
	p.recycleRuns()
	if slices.ContainsFunc(tr.Runs, func(r RunChange) bool { return len(r.Outputs) > 0 }) {
		return nil, nil, nil
	}
	start.Turn = &tr
	return p.notices, p.logs, nil
}

// finish counts what a step has done, and announces it.
func (s *bulkStart) finish(step *bulkStep) {
	s.done.Duplicates += step.duplicates
	s.refuse(DecisionContactUnknown, step.unknown)
	accepted := 0
	for i, outcome := range step.outcomes {
		start := &step.Starts[i]
		if outcome == StartNoContact {
			s.refuse(DecisionContactUnknown, 1)
			continue
		}
		accepted++
		s.runs.started[start.Mark] = struct{}{}
		if s.opts.Observer != nil {
			s.observe(&EventAccepted{At: start.Event.Event.AcceptedAt, Event: start.Event.Event})
		}
		if outcome == StartHandled {
			s.observe(step.notices[i]...)
			s.log(step.logs[i]...)
		}
	}
	if len(step.Starts) > 0 {
		s.runs.bulk.Step++
	}
	s.accepted(accepted)
}
