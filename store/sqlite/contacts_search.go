package sqlite

import (
	"context"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// These rely on the unique index on email_key, and on the primary key of
// automation_contact_segments. CROSS JOIN keeps the order of the tables.
//
// A list of a segment reads the contacts with the prefix until it has found enough members of
// the segment. With few members it could read almost all contacts, so it reads the members of
// a small segment instead, and sorts those with the prefix.
const (
	withPrefix     = ` WHERE c.email_key >= ?1 AND c.email_key < ?2 AND c.no <> ?3 `
	laterEmails    = selectContact + `FROM automation_contacts c` + withPrefix + `ORDER BY c.email_key LIMIT 0 + ?4`
	earlierEmails  = selectContact + `FROM automation_contacts c` + withPrefix + `ORDER BY c.email_key DESC LIMIT 0 + ?4`
	amongMembers   = `FROM automation_contacts c CROSS JOIN automation_contact_segments m ON m.segment = ?5 AND m.contact_no = c.no`
	laterMembers   = selectContact + amongMembers + withPrefix + `ORDER BY c.email_key LIMIT 0 + ?4`
	earlierMembers = selectContact + amongMembers + withPrefix + `ORDER BY c.email_key DESC LIMIT 0 + ?4`

	amongFew        = `FROM automation_contact_segments m CROSS JOIN automation_contacts c ON c.no = m.contact_no`
	laterOfFew      = selectContact + amongFew + withPrefix + `AND m.segment = ?5 ORDER BY +c.email_key LIMIT 0 + ?4`
	earlierOfFew    = selectContact + amongFew + withPrefix + `AND m.segment = ?5 ORDER BY +c.email_key DESC LIMIT 0 + ?4`
	countFewMembers = `SELECT count(*) FROM (SELECT 1 FROM automation_contact_segments WHERE segment = ?1 LIMIT 0 + ?2)`

	findContactKey = `SELECT no, email_key FROM automation_contacts WHERE id = ? AND deleted_at IS NULL`
)

// search is ListContacts for a query with a prefix.
func (s *Store) search(ctx context.Context, q automation.ContactQuery) (p automation.Page[automation.Contact], err error) {
	err = s.read(ctx, func(r session) error {
		no, cursor, err := emailCursor(ctx, r, q.PageQuery)
		if err != nil {
			return err
		}
		emails := record.EmailsWith(q.EmailPrefix).Beyond(q.PageQuery, cursor)
		query, filter := record.InDirection(q.PageQuery, laterEmails, earlierEmails), args(emails.From, emails.To, no, q.Limit+1)
		if q.Segment != "" {
			if query, err = membersWith(ctx, r, q); err != nil {
				return err
			}
			filter = append(filter, q.Segment)
		}
		rows, err := all(ctx, r, scanContact, query, filter...)
		p = record.PageOf(rows, q.PageQuery)
		return failed("list contacts", err)
	})
	return p, err
}

// membersWith returns the statement for a query with a segment.
func membersWith(ctx context.Context, r session, q automation.ContactQuery) (query string, err error) {
	var n int
	_, err = first(ctx, r, countFewMembers, args(q.Segment, record.FewMembers+1), &n)
	if n <= record.FewMembers {
		return record.InDirection(q.PageQuery, laterOfFew, earlierOfFew), failed("list contacts", err)
	}
	return record.InDirection(q.PageQuery, laterMembers, earlierMembers), failed("list contacts", err)
}

// emailCursor returns the number and the key of the contact that a page begins at. They
// are zero without a cursor.
func emailCursor(ctx context.Context, r session, q automation.PageQuery) (no int64, key string, err error) {
	id := q.After + q.Before
	if id == "" {
		return 0, "", nil
	}
	found, err := first(ctx, r, findContactKey, args(idKey(id).column()), &no, &key)
	if err == nil && !found {
		return 0, "", record.NotFound("contact", id)
	}
	return no, key, failed("list contacts", err)
}
