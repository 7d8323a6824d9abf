package memory

import (
	"context"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// contactEntries are the counts of a contact's starts.
type contactEntries map[automation.EntryRef]automation.EntryCount

// writeEntries replaces counts of a contact's starts.
func (s *Store) writeEntries(cs *contactState, counts []automation.EntryCount) {
	if cs.isEmail || cs.deleted {
		return
	}
	for _, c := range counts {
		s.writeEntry(cs.id, c)
	}
}

// writeEntry replaces a count, unless its automation does not exist.
func (s *Store) writeEntry(contactID string, c automation.EntryCount) {
	if s.automations[c.AutomationID] == nil {
		return
	}
	if s.entries[contactID] == nil {
		s.entries[contactID] = contactEntries{}
	}
	c.Starts, c.ExpiresAt = asKeptTimes(c.Starts), asKept(c.ExpiresAt)
	s.entries[contactID][c.EntryRef] = c
}

// asKeptTimes returns a copy of times, as the store keeps them.
func asKeptTimes(times []time.Time) []time.Time {
	kept := make([]time.Time, len(times))
	for i, t := range times {
		kept[i] = asKept(t)
	}
	return kept
}

// FindEntries implements automation.RunReader.
func (s *Store) FindEntries(ctx context.Context, contactID string, refs []automation.EntryRef) ([]automation.EntryCount, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var found []automation.EntryCount
	for _, ref := range refs {
		if c, ok := s.entries[contactID][ref]; ok {
			c.Starts = slices.Clone(c.Starts)
			found = append(found, c)
		}
	}
	return found, nil
}

// forgetEntries removes the counts of a contact.
func (s *Store) forgetEntries(cs *contactState) {
	if !cs.isEmail {
		delete(s.entries, cs.id)
	}
}

// forgetEntriesOf removes the counts of an automation.
func (s *Store) forgetEntriesOf(automationID string) {
	s.removeEntries(func(c *automation.EntryCount) bool { return c.AutomationID == automationID })
}

// pruneEntries removes the counts that have expired.
func (s *Store) pruneEntries(now time.Time) {
	s.removeEntries(func(c *automation.EntryCount) bool { return !c.ExpiresAt.IsZero() && c.ExpiresAt.Before(now) })
}

// removeEntries looks at all counts: this store has no index of them.
func (s *Store) removeEntries(gone func(c *automation.EntryCount) bool) {
	for contact, counts := range s.entries {
		for ref, c := range counts {
			if gone(&c) {
				delete(counts, ref)
			}
		}
		if len(counts) == 0 {
			delete(s.entries, contact)
		}
	}
}
