package memory

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// automationEntry is an automation with its runs.
type automationEntry struct {
	automation.AutomationRecord
	seq  uint64
	runs []*run // in order of creation, as byCreation has it
}

// InsertAutomation implements automation.AutomationStore.
func (s *Store) InsertAutomation(ctx context.Context, a automation.AutomationRecord) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if _, ok := s.automations[a.ID]; ok {
		return record.AutomationExists(a.ID)
	}
	if len(s.versionsOf(a.ID)) > 0 || s.hasRuns(a.ID) { // only kept runs make a version outlive its automation
		return record.AutomationHasRuns(a.ID)
	}
	delete(s.strangers, a.ID)
	s.seq++
	e := &automationEntry{AutomationRecord: a, seq: s.seq}
	e.Version = s.retired[a.ID] + 1
	record.SetTriggerNames(&e.AutomationRecord, a.TriggerNames())
	e.CreatedAt, e.UpdatedAt, e.StoppedAt = asKept(a.CreatedAt), asKept(a.UpdatedAt), asKept(a.StoppedAt)
	s.automations[a.ID] = e
	s.created = append(s.created, e)
	s.define(e)
	s.addTriggers(e)
	return nil
}

// UpdateAutomation implements automation.AutomationStore.
func (s *Store) UpdateAutomation(ctx context.Context, a automation.AutomationRecord) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	e, ok := s.automations[a.ID]
	if !ok {
		return record.NotFound("automation", a.ID)
	}
	if e.Revision != a.Revision-1 {
		return record.AutomationChanged(&a, e.Revision)
	}
	s.removeTriggers(e)
	e.AutomationRecord = a
	record.SetTriggerNames(&e.AutomationRecord, a.TriggerNames())
	e.CreatedAt, e.UpdatedAt, e.StoppedAt = asKept(a.CreatedAt), asKept(a.UpdatedAt), asKept(a.StoppedAt)
	s.define(e)
	s.addTriggers(e)
	return nil
}

// hasRuns reports whether runs of an automation are kept.
func (s *Store) hasRuns(automationID string) bool {
	for v := range s.runsOf {
		if v.AutomationID == automationID {
			return true
		}
	}
	return false
}

// FindAutomation implements automation.AutomationStore.
func (s *Store) FindAutomation(ctx context.Context, id string) (automation.AutomationRecord, error) {
	if err := s.lock(ctx); err != nil {
		return automation.AutomationRecord{}, err
	}
	defer s.mu.Unlock()
	e, ok := s.automations[id]
	if !ok {
		return automation.AutomationRecord{}, s.noAutomation(id)
	}
	a := e.AutomationRecord
	a.Definition, a.EventNames = bytes.Clone(a.Definition), slices.Clone(a.EventNames)
	return a, nil
}

// noAutomation returns the error for an id that no automation has.
func (s *Store) noAutomation(id string) error {
	if _, deleted := s.retired[id]; deleted {
		return record.Deleted("automation", id)
	}
	return record.NotFound("automation", id)
}

// ListAutomations implements automation.AutomationStore.
func (s *Store) ListAutomations(ctx context.Context, q automation.AutomationQuery) (automation.Page[automation.AutomationRecord], error) {
	if err := s.lock(ctx); err != nil {
		return automation.Page[automation.AutomationRecord]{}, err
	}
	defer s.mu.Unlock()
	keep := func(e *automationEntry) bool { return q.Status == "" || e.Status == q.Status }
	return page(s.created, q.PageQuery, "automation",
		func(e *automationEntry) string { return e.ID }, keep,
		func(e *automationEntry) automation.AutomationRecord {
			a := e.AutomationRecord
			a.Definition, a.EventNames = nil, slices.Clone(a.EventNames)
			return a
		})
}

// DeleteAutomation implements automation.AutomationStore.
func (s *Store) DeleteAutomation(ctx context.Context, id string, now time.Time) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	e, ok := s.automations[id]
	if !ok {
		return record.NotFound("automation", id)
	}
	s.cancelRunsOf(e, toMicros(now))
	s.removeTriggers(e)
	s.retired[id] = e.Version
	s.forgetEntriesOf(id)
	delete(s.automations, id)
	s.created = slices.DeleteFunc(s.created, func(a *automationEntry) bool { return a == e })
	for v := range s.versions {
		if v.AutomationID == id && s.runsOf[v] == 0 {
			delete(s.versions, v)
		}
	}
	s.wake()
	return nil
}
