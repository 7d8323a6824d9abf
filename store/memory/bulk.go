package memory

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// bulk is a bulk with the marks of each of its steps.
type bulk struct {
	automation.BulkRecord
	marks [][]automation.BulkMark
}

// BeginBulk implements automation.BulkStarter.
func (s *Store) BeginBulk(ctx context.Context, b automation.BulkRecord) (automation.BulkRecord, error) {
	if err := s.lock(ctx); err != nil {
		return automation.BulkRecord{}, err
	}
	defer s.mu.Unlock()
	known := s.bulks[b.ID]
	switch {
	case known == nil || !known.ExpiresAt.After(b.BegunAt):
		b.Step = 0
		s.bulks[b.ID] = &bulk{BulkRecord: b}
		return b, nil
	case known.ContentHash != b.ContentHash:
		return automation.BulkRecord{}, record.BulkDiffers(b.ID)
	default:
		return known.BulkRecord, nil
	}
}

// ListBulkMarks implements automation.BulkStarter.
func (s *Store) ListBulkMarks(ctx context.Context, bulkID string, after int64) (marks []automation.BulkMark, last int64, err error) {
	if err := s.lock(ctx); err != nil {
		return nil, 0, err
	}
	defer s.mu.Unlock()
	b := s.bulks[bulkID]
	if b == nil || after >= b.Step {
		return nil, after, nil
	}
	return slices.Concat(b.marks[after:]...), b.Step, nil
}

// FindPending implements automation.BulkStarter.
func (s *Store) FindPending(ctx context.Context, contacts []automation.ContactRef) ([]bool, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	pending := make([]bool, len(contacts))
	for i, ref := range contacts {
		pending[i] = s.hasPending(ref)
	}
	return pending, nil
}

// hasPending reports whether a contact has pending events, under its id or its email.
func (s *Store) hasPending(ref automation.ContactRef) bool {
	if cs := s.contacts[ref.ID]; cs != nil && len(cs.pending()) > 0 {
		return true
	}
	cs := s.emails[automation.EmailKey(ref.Email)]
	return cs != nil && len(cs.pending()) > 0
}

// StartRuns implements automation.BulkStarter.
func (s *Store) StartRuns(ctx context.Context, step automation.BulkStep) ([]automation.StartOutcome, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	b := s.bulks[step.BulkID]
	if b == nil || b.Step != step.After || !b.BegunAt.Equal(step.BegunAt) {
		return nil, record.BulkMoved(step.BulkID)
	}
	for i := range step.Starts {
		n := &step.Starts[i].Event
		if !record.MatchesDefinition(n, s.eventDefinition(n.Event.Name)) {
			return nil, fmt.Errorf("memory store: event %q: %w", n.Event.Name, automation.ErrDefinitionChanged)
		}
	}
	a := s.automations[step.Version.AutomationID]
	current := a != nil && a.Status == automation.StatusEnabled && a.Version == step.Version.Version && s.engine == ""
	outcomes := record.SortStarts(&step, s.knows, func(start *automation.RunStart) bool { return s.isBusy(start, toMicros(step.ReadAt)) }, current)
	marks := make([]automation.BulkMark, 0, len(step.Starts))
	for i := range step.Starts {
		if outcomes[i] != automation.StartNoContact {
			s.start(&step.Starts[i], outcomes[i])
			marks = append(marks, step.Starts[i].Mark)
		}
	}
	b.Step, b.ExpiresAt, b.marks = b.Step+1, step.ExpiresAt, append(b.marks, marks)
	s.wake()
	return outcomes, nil
}

// knows reports whether the store has the contact of a start.
func (s *Store) knows(start *automation.RunStart) bool {
	cs := s.contacts[start.Event.Event.ContactID]
	return cs != nil && cs.known
}

// isBusy reports whether something may come before a start.
func (s *Store) isBusy(start *automation.RunStart, readAt micros) bool {
	id := start.Event.Event.ContactID
	if s.hasPending(automation.ContactRef{ID: id, Email: start.Email}) {
		return true
	}
	cs := s.contacts[id]
	return cs != nil && start.Listens() && cs.hasSince(readAt)
}

// start keeps the event of a start and, if it is handled, what became of it.
func (s *Store) start(start *automation.RunStart, outcome automation.StartOutcome) {
	cs := s.stateFor(start.Event.Event.ContactID, "", true)
	kept := s.keep(cs, &start.Event)
	if outcome == automation.StartPending {
		s.scheduleBy(cs, kept.accepted)
		return
	}
	t := start.Turn
	cs.handle(t, toMicros(t.Now))
	s.decide(t.Decisions)
	var res automation.CommitResult
	for i := range t.Runs {
		s.writeRun(cs, &t.Runs[i], toMicros(t.Now), &res)
	}
	s.schedule(cs)
}

// hasSince reports whether the contact has an event that was accepted at a time or later.
func (cs *contactState) hasSince(at micros) bool {
	return slices.ContainsFunc(cs.events, func(e *event) bool { return e.accepted >= at })
}

// pruneBulks removes the bulks that have expired.
func (s *Store) pruneBulks(now micros) {
	for id, b := range s.bulks {
		if toMicros(b.ExpiresAt) <= now {
			delete(s.bulks, id)
		}
	}
}
