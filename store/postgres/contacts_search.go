package postgres

import (
	"context"
	"fmt"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// These rely on contacts_email, and on the primary key of contact_segments.
//
// A list of a segment reads the contacts with the prefix until it has found enough members of
// the segment. With few members it could read almost all contacts, so it reads the members of
// a small segment by contacts_no instead, and sorts those with the prefix. OFFSET 0 keeps the
// planner from another order of the tables.
const (
	withPrefix     = ` WHERE c.email_key >= $1::text AND c.email_key < $2::text AND c.no <> $3::bigint `
	laterEmails    = `SELECT ` + contactColumns + ` FROM automation.contacts c` + withPrefix + `ORDER BY c.email_key LIMIT $4::int`
	earlierEmails  = `SELECT ` + contactColumns + ` FROM automation.contacts c` + withPrefix + `ORDER BY c.email_key DESC LIMIT $4::int`
	amongMembers   = ` FROM automation.contacts c JOIN automation.contact_segments m ON m.segment = $5::text AND m.contact_no = c.no`
	laterMembers   = `SELECT ` + contactColumns + amongMembers + withPrefix + `ORDER BY c.email_key LIMIT $4::int`
	earlierMembers = `SELECT ` + contactColumns + amongMembers + withPrefix + `ORDER BY c.email_key DESC LIMIT $4::int`

	fewMembers = ` FROM (
	SELECT c.* FROM automation.contact_segments m
	CROSS JOIN LATERAL (SELECT c.* FROM automation.contacts c WHERE c.no = m.contact_no OFFSET 0) c
	WHERE m.segment = $5::text OFFSET 0
) c`
	laterOfFew      = `SELECT ` + contactColumns + fewMembers + withPrefix + `ORDER BY c.email_key LIMIT $4::int`
	earlierOfFew    = `SELECT ` + contactColumns + fewMembers + withPrefix + `ORDER BY c.email_key DESC LIMIT $4::int`
	countFewMembers = `SELECT count(*) FROM (SELECT FROM automation.contact_segments WHERE segment = $1::text LIMIT $2::int) m`

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
		if sql, err = s.membersWith(ctx, q); err != nil {
			return page, err
		}
		args = append(args, q.Segment)
	}
	rows, err := s.readContacts(ctx, implicit{s}, sql, args...)
	if err != nil {
		return page, fmt.Errorf("postgres store: list contacts: %w", err)
	}
	return record.PageOf(known(rows), q.PageQuery), nil
}

// membersWith returns the statement for a query with a segment.
func (s *Store) membersWith(ctx context.Context, q automation.ContactQuery) (sql string, err error) {
	var n int
	var sc script
	sc.query(func(scan scanFunc) error { return scan(&n) }, countFewMembers, q.Segment, record.FewMembers+1)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return "", fmt.Errorf("postgres store: list contacts: %w", err)
	}
	if n <= record.FewMembers {
		return record.InDirection(q.PageQuery, laterOfFew, earlierOfFew), nil
	}
	return record.InDirection(q.PageQuery, laterMembers, earlierMembers), nil
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
