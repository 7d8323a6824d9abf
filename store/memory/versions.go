package memory

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// automationVersion is one version of an automation. It outlives the automation for
// as long as runs of the version are kept.
type automationVersion struct {
	definition []byte
	created    time.Time
	author     string
}

// define keeps e's version, if it is new.
func (s *Store) define(e *automationEntry) {
	v := automation.VersionRef{AutomationID: e.ID, Version: e.Version}
	e.Definition = bytes.Clone(e.Definition)
	if _, ok := s.versions[v]; !ok {
		s.versions[v] = &automationVersion{definition: e.Definition, created: e.UpdatedAt, author: e.Author}
	}
	e.Author = ""
}

// FindAutomationVersion implements automation.AutomationStore.
func (s *Store) FindAutomationVersion(ctx context.Context, v automation.VersionRef) (automation.VersionRecord, error) {
	if err := s.lock(ctx); err != nil {
		return automation.VersionRecord{}, err
	}
	defer s.mu.Unlock()
	d, ok := s.versions[v]
	if !ok {
		return automation.VersionRecord{}, record.VersionNotFound(v)
	}
	rec := s.versionRecord(v)
	rec.Definition = bytes.Clone(d.definition)
	return rec, nil
}

// versionRecord returns a version that is kept, without its definition.
func (s *Store) versionRecord(v automation.VersionRef) automation.VersionRecord {
	d, e := s.versions[v], s.automations[v.AutomationID]
	rec := automation.VersionRecord{VersionRef: v, CreatedAt: d.created, Author: d.author}
	if e != nil {
		rec.Name, rec.Current = e.Name, e.Version == v.Version
	}
	return rec
}

// ListAutomationVersions implements automation.AutomationStore.
func (s *Store) ListAutomationVersions(ctx context.Context, automationID string, q automation.PageQuery) (p automation.Page[automation.VersionRecord], err error) {
	if err := s.lock(ctx); err != nil {
		return p, err
	}
	defer s.mu.Unlock()
	cursor, err := record.VersionCursor(q)
	if err != nil {
		return p, err
	}
	numbers := s.versionsOf(automationID)
	if len(numbers) == 0 {
		return p, record.NotFound("automation", automationID)
	}
	from := position(numbers, q, func(n int) int { return n - cursor })
	return pageFrom(numbers, q, from, func(int) bool { return true }, func(n int) automation.VersionRecord {
		return s.versionRecord(automation.VersionRef{AutomationID: automationID, Version: n})
	}), nil
}

// versionsOf returns the versions of an automation, in order of creation.
func (s *Store) versionsOf(automationID string) (numbers []int) {
	for v := range s.versions {
		if v.AutomationID == automationID {
			numbers = append(numbers, v.Version)
		}
	}
	slices.Sort(numbers)
	return numbers
}
