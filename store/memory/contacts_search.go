package memory

import (
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// search is ListContacts for a query with a prefix. It reads all contacts, because the
// store has no order of emails.
func (s *Store) search(q automation.ContactQuery) (automation.Page[automation.Contact], error) {
	cursor := s.contacts[q.After+q.Before]
	if q.After+q.Before != "" && (cursor == nil || !cursor.known) {
		return automation.Page[automation.Contact]{}, record.NotFound("contact", q.After+q.Before)
	}
	// As in any list, the first one is at the end.
	found := s.withPrefix(automation.EmailKey(q.EmailPrefix), q.Segment)
	slices.SortFunc(found, func(a, b *contactState) int { return strings.Compare(b.emailKey(), a.emailKey()) })
	at := -1
	if cursor != nil {
		at = position(found, q.PageQuery, func(cs *contactState) int { return strings.Compare(cursor.emailKey(), cs.emailKey()) })
	}
	return pageFrom(found, q.PageQuery, at, func(*contactState) bool { return true }, (*contactState).record), nil
}

func (s *Store) withPrefix(prefix, segment string) (found []*contactState) {
	for key, cs := range s.contactsByEmail {
		if cs.known && strings.HasPrefix(key, prefix) && cs.isIn(segment) {
			found = append(found, cs)
		}
	}
	return found
}

func (cs *contactState) emailKey() string { return automation.EmailKey(cs.contact.email) }

// isIn reports whether the contact is in the segment. Every contact is in the empty one.
func (cs *contactState) isIn(segment string) bool {
	return segment == "" || slices.Contains(cs.contact.segments, segment)
}
