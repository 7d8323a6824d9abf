package postgres

import (
	"context"
	"fmt"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// These rely on contacts_email, and on the primary key of contact_segments.
const (
	withPrefix     = ` WHERE c.email_key >= $1::text AND c.email_key < $2::text AND c.no <> $3::bigint `
	laterEmails    = `SELECT ` + contactColumns + ` FROM automation.contacts c` + withPrefix + `ORDER BY c.email_key LIMIT $4::int`
	earlierEmails  = `SELECT ` + contactColumns + ` FROM automation.contacts c` + withPrefix + `ORDER BY c.email_key DESC LIMIT $4::int`
	amongMembers   = ` FROM automation.contacts c JOIN automation.contact_segments m ON m.segment = $5::text AND m.contact_no = c.no`
	laterMembers   = `SELECT ` + contactColumns + amongMembers + withPrefix + `ORDER BY c.email_key LIMIT $4::int`
	earlierMembers = `SELECT ` + contactColumns + amongMembers + withPrefix + `ORDER BY c.email_key DESC LIMIT $4::int`

	findContactKey = `SELECT no, email_key FROM automation.contacts WHERE id = $1::text AND deleted_at IS NULL`
)

// search is ListContacts for a query with a prefix.
func (s *Store) search(ctx context.Context, q automation.ContactQuery) (automation.Page[automation.Contact], error) {
	var page automation.Page[automation.Contact]
	if err := s.ready(ctx); err != nil {
		return page, err
	}
	no, cursor, err := s.emailCursor(ctx, q.PageQuery)
	if err != nil {
		return page, err
	}
	emails := record.EmailsWith(q.EmailPrefix).Beyond(q.PageQuery, cursor)
	sql, args := record.InDirection(q.PageQuery, laterEmails, earlierEmails), []any{emails.From, emails.To, no, q.Limit + 1}
	if q.Segment != "" {
		sql, args = record.InDirection(q.PageQuery, laterMembers, earlierMembers), append(args, q.Segment)
	}
	rows, err := s.readContacts(ctx, implicit{s}, sql, args...)
	if err != nil {
		return page, fmt.Errorf("postgres store: list contacts: %w", err)
	}
	return record.PageOf(known(rows), q.PageQuery), nil
}

// emailCursor returns the number and the key of the contact that a page begins at. They
// are zero without a cursor.
func (s *Store) emailCursor(ctx context.Context, q automation.PageQuery) (no int64, key string, err error) {
	id := q.After + q.Before
	if id == "" {
		return 0, "", nil
	}
	var sc script
	sc.query(func(scan scanFunc) error { return scan(&no, &key) }, findContactKey, id)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return 0, "", fmt.Errorf("postgres store: contact %q: %w", id, err)
	}
	if no == 0 {
		return 0, "", record.NotFound("contact", id)
	}
	return no, key, nil
}

// known returns the contacts of rows.
func known(rows []storedContact) []automation.Contact {
	contacts := make([]automation.Contact, len(rows))
	for i, row := range rows {
		contacts[i] = row.Contact
	}
	return contacts
}
