package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// storedContact is the row of a contact that may be deleted.
type storedContact struct {
	automation.Contact
	no      int64
	deleted bool
}

const contactColumns = `c.id, c.no, c.email, c.first_name, c.last_name, c.unsubscribed, c.properties, c.segments, c.created_at, c.deleted_at IS NOT NULL`

// scanStoredContact scans contactColumns, and the columns after them into more.
func scanStoredContact(scan scanFunc, more ...any) (c storedContact, err error) {
	// Each variable that a row is scanned into is allocated, so there is one.
	var row struct {
		storedContact
		properties, segments string
		created              pgtype.Timestamptz
	}
	columns := append(make([]any, 0, 16),
		&row.ID, &row.no, &row.Email, &row.FirstName, &row.LastName, &row.Unsubscribed, &row.properties, &row.segments, &row.created, &row.deleted)
	if err = scan(append(columns, more...)...); err != nil {
		return row.storedContact, err
	}
	row.CreatedAt = timeOf(row.created)
	err = record.DecodeContact(&row.Contact, row.properties, row.segments)
	return row.storedContact, err
}

// change returns the row after a change, as it will be read from the database.
func (c storedContact) change(change automation.ContactChange) storedContact {
	change.Apply(&c.Contact)
	c.FirstName, c.LastName = storable(c.FirstName), storable(c.LastName)
	return c
}

// findContactByID, findContactsByID and findContactByEmail rely on the primary key of
// contacts and on contacts_email.
const (
	findContactByID    = `SELECT ` + contactColumns + ` FROM automation.contacts c WHERE c.id = $1::text AND c.deleted_at IS NULL`
	findContactsByID   = `SELECT ` + contactColumns + ` FROM automation.contacts c WHERE c.id = ANY ($1::text[]) AND c.deleted_at IS NULL`
	findContactByEmail = `SELECT ` + contactColumns + ` FROM automation.contacts c WHERE c.email_key = $1::text`
)

// FindContact implements automation.ContactStore.
func (s *Store) FindContact(ctx context.Context, ref automation.ContactRef) (automation.Contact, error) {
	if err := s.ready(ctx); err != nil {
		return automation.Contact{}, err
	}
	sql, arg := findContactByID, ref.ID
	if ref.ID == "" {
		sql, arg = findContactByEmail, automation.EmailKey(ref.Email)
	}
	rows, err := s.readContacts(ctx, implicit{s}, sql, arg)
	if err != nil {
		return automation.Contact{}, fmt.Errorf("postgres store: find contact: %w", err)
	}
	if len(rows) == 0 {
		return automation.Contact{}, record.NotFound("contact", ref.String())
	}
	return rows[0].Contact, nil
}

// FindContacts implements automation.ContactStore.
func (s *Store) FindContacts(ctx context.Context, ids []string) ([]automation.Contact, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	rows, err := s.readContacts(ctx, implicit{s}, findContactsByID, ids)
	if err != nil {
		return nil, fmt.Errorf("postgres store: find contacts: %w", err)
	}
	return known(rows), nil
}

func (s *Store) readContacts(ctx context.Context, in session, sql string, args ...any) ([]storedContact, error) {
	var rows []storedContact
	var sc script
	sc.query(func(scan scanFunc) error {
		c, err := scanStoredContact(scan)
		rows = append(rows, c)
		return err
	}, sql, args...)
	return rows, in.run(ctx, sc)
}

const (
	newContact = `
INSERT INTO automation.contacts (id, email, email_key, first_name, last_name, unsubscribed, properties, segments, created_at)
VALUES ($1::text, $2::text, $3::text, $4::text, $5::text, $6::boolean, $7::text, $8::text, $9::timestamptz)`

	itsSegments = `INSERT INTO automation.contact_segments (segment, contact_no) SELECT DISTINCT unnest($10::text[]), no FROM c`

	insertContact = `WITH c AS (` + newContact + ` RETURNING no) ` + itsSegments

	// createContact does nothing if the id or the email is taken.
	createContact = `WITH c AS (` + newContact + ` ON CONFLICT DO NOTHING RETURNING no) ` + itsSegments
)

// insertContactArgs returns the arguments of both statements that insert a contact.
func insertContactArgs(c automation.Contact) ([]any, error) {
	properties, segments, err := record.EncodeContact(&c)
	if err != nil {
		return nil, fmt.Errorf("contact %q: %w", c.ID, err)
	}
	return []any{
		c.ID, c.Email, automation.EmailKey(c.Email), storable(c.FirstName), storable(c.LastName),
		c.Unsubscribed, properties, segments, timeOrNull(c.CreatedAt), slices.Clone(c.Segments),
	}, nil
}

// InsertContact implements automation.ContactStore.
func (s *Store) InsertContact(ctx context.Context, c automation.Contact) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	args, err := insertContactArgs(c)
	if err != nil {
		return fmt.Errorf("postgres store: insert contact: %w", err)
	}
	err = s.transact(ctx, func(tx *transaction) error {
		var sc script
		sc.exec(insertContact, args...)
		s.adopt(&sc, c)
		return tx.commit(ctx, sc)
	})
	switch violatedConstraint(err) {
	case "":
	case emailConstraint:
		return record.EmailTaken(c.Email)
	default:
		return record.ContactExists(c.ID)
	}
	if err != nil {
		return fmt.Errorf("postgres store: insert contact %q: %w", c.ID, err)
	}
	return nil
}

const emailConstraint = "contacts_email"

// lockContact relies on the primary key of contacts.
const lockContact = `SELECT ` + contactColumns + ` FROM automation.contacts c WHERE c.id = $1::text AND c.deleted_at IS NULL FOR NO KEY UPDATE`

// UpdateContact implements automation.ContactStore.
func (s *Store) UpdateContact(ctx context.Context, id string, change automation.ContactChange) (automation.Contact, error) {
	if err := s.ready(ctx); err != nil {
		return automation.Contact{}, err
	}
	var c storedContact
	err := s.transact(ctx, func(tx *transaction) error {
		rows, err := s.readContacts(ctx, tx, lockContact, id)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return record.NotFound("contact", id)
		}
		c = rows[0].change(change)
		var sc script
		if change.Email != nil {
			sc.exec(adoptStrays, []string{id}, owners{ownerOf(automation.ContactRef{ID: id})})
		}
		if err := updateContacts(&sc, []contactChange{{old: rows[0], now: c}}); err != nil {
			return err
		}
		if change.Email != nil {
			s.adopt(&sc, c.Contact)
		}
		return tx.commit(ctx, sc)
	})
	if violatedConstraint(err) == emailConstraint {
		return automation.Contact{}, record.EmailOfAnother(*change.Email)
	}
	if err != nil {
		return automation.Contact{}, fmt.Errorf("postgres store: change contact: %w", err)
	}
	return c.Contact.Clone(), nil
}

// contactChange is a contact before and after a change.
type contactChange struct{ old, now storedContact }

// writeContacts and joinSegments rely on the primary keys of contacts and of
// contact_segments.
const (
	writeContacts = `
UPDATE automation.contacts c
SET email = u.email, email_key = u.email_key, first_name = u.first_name, last_name = u.last_name,
	unsubscribed = u.unsubscribed, properties = u.properties, segments = u.segments
FROM (
	SELECT unnest($1::text[]) AS id, unnest($2::text[]) AS email, unnest($3::text[]) AS email_key, unnest($4::text[]) AS first_name,
		unnest($5::text[]) AS last_name, unnest($6::boolean[]) AS unsubscribed, unnest($7::text[]) AS properties, unnest($8::text[]) AS segments
) u
WHERE c.id = ANY (ARRAY[u.id])`

	joinSegments = `
INSERT INTO automation.contact_segments (segment, contact_no) SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT DO NOTHING`
)

// updateContacts writes changed contacts and their segments.
func updateContacts(sc *script, changes []contactChange) error {
	var ids, emails, keys, firstNames, lastNames, properties, segments, joined, left []string
	var unsubscribed []bool
	var joining, leaving []int64
	for _, ch := range changes {
		c := ch.now
		p, s, err := record.EncodeContact(&c.Contact)
		if err != nil {
			return fmt.Errorf("contact %q: %w", c.ID, err)
		}
		ids, emails, keys = append(ids, c.ID), append(emails, c.Email), append(keys, automation.EmailKey(c.Email))
		firstNames, lastNames, unsubscribed = append(firstNames, c.FirstName), append(lastNames, c.LastName), append(unsubscribed, c.Unsubscribed)
		properties, segments = append(properties, p), append(segments, s)
		in, out := record.SegmentChanges(ch.old.Segments, c.Segments)
		joined, joining = append(joined, in...), append(joining, slices.Repeat([]int64{c.no}, len(in))...)
		left, leaving = append(left, out...), append(leaving, slices.Repeat([]int64{c.no}, len(out))...)
	}
	sc.exec(writeContacts, ids, emails, keys, firstNames, lastNames, unsubscribed, properties, segments)
	if len(joined) > 0 {
		sc.exec(joinSegments, joined, joining)
	}
	if len(left) > 0 {
		sc.exec(leaveSegments, left, leaving)
	}
	return nil
}

// The row of a contact's lease is also the lock under which the contact is deleted, so
// that no transaction commits a run for the contact meanwhile. holdLease inserts the row
// if there is none, and dropLease deletes it again. They rely on the primary keys of
// leases and contacts.
const (
	holdLease  = `INSERT INTO automation.leases (owner, fence_no, until) VALUES ($1::bytea, 0, '-infinity') ON CONFLICT (owner) DO UPDATE SET owner = excluded.owner`
	dropLease  = `DELETE FROM automation.leases WHERE owner = $1::bytea AND fence_no = 0`
	findLiving = `SELECT ` + contactColumns + ` FROM automation.contacts c WHERE c.id = $1::text AND c.deleted_at IS NULL FOR UPDATE`
)

// DeleteContact implements automation.ContactStore.
func (s *Store) DeleteContact(ctx context.Context, id string, now time.Time) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	owner := ownerOf(automation.ContactRef{ID: id})
	err := s.transact(ctx, func(tx *transaction) error {
		var row *storedContact
		var sc script
		sc.exec(holdLease, owner)
		sc.query(func(scan scanFunc) error {
			c, err := scanStoredContact(scan)
			row = &c
			return err
		}, findLiving, id)
		if err := tx.run(ctx, sc); err != nil {
			return err
		}
		if row == nil {
			return record.NotFound("contact", id)
		}
		sc = nil
		sc.exec(adoptStrays, []string{id}, owners{owner})
		deleteContacts(&sc, []storedContact{*row}, []time.Time{now})
		sc.exec(deleteEntries, owners{owner})
		cancelOwners(&sc, owners{owner}, []time.Time{now})
		sc.exec(dropLease, owner)
		s.notify(&sc)
		return tx.commit(ctx, sc)
	})
	if err != nil {
		return fmt.Errorf("postgres store: delete contact: %w", err)
	}
	return nil
}

// emptyContacts and leaveSegments rely on the primary keys of contacts and of
// contact_segments.
const (
	emptyContacts = `
UPDATE automation.contacts c
SET email = '', email_key = NULL, first_name = '', last_name = '', unsubscribed = false, properties = '', segments = '',
	created_at = NULL, deleted_at = u.now
FROM unnest($1::text[], $2::timestamptz[]) AS u (id, now)
WHERE c.id = ANY (ARRAY[u.id])`

	leaveSegments = `
DELETE FROM automation.contact_segments WHERE ctid = ANY (ARRAY(
	SELECT m.ctid FROM unnest($1::text[], $2::bigint[]) AS u (segment, contact_no)
	CROSS JOIN LATERAL (
		SELECT s.ctid FROM automation.contact_segments s WHERE (s.segment, s.contact_no) = (u.segment, u.contact_no) LIMIT 1
	) m
))`
)

// deleteContacts empties contacts and marks them as deleted, at a time for each.
func deleteContacts(sc *script, contacts []storedContact, at []time.Time) {
	var ids, segments []string
	var members []int64
	for _, c := range contacts {
		ids = append(ids, c.ID)
		for _, segment := range c.Segments {
			segments, members = append(segments, segment), append(members, c.no)
		}
	}
	sc.exec(emptyContacts, ids, at)
	if len(segments) > 0 {
		sc.exec(leaveSegments, segments, members)
	}
}

// The lists rely on contacts_no, and on the primary key of contact_segments.
const (
	findContactNo = `SELECT no FROM automation.contacts WHERE id = $1::text AND deleted_at IS NULL`

	listContacts  = `SELECT ` + contactColumns + ` FROM automation.contacts c WHERE c.deleted_at IS NULL AND `
	olderContacts = listContacts + `c.no < $1::bigint ORDER BY c.no DESC LIMIT $2::int`
	newerContacts = listContacts + `c.no > $1::bigint ORDER BY c.no LIMIT $2::int`

	listMembers  = `SELECT ` + contactColumns + ` FROM automation.contact_segments m JOIN automation.contacts c ON c.no = m.contact_no AND c.deleted_at IS NULL WHERE m.segment = $3::text AND `
	olderMembers = listMembers + `m.contact_no < $1::bigint ORDER BY m.contact_no DESC LIMIT $2::int`
	newerMembers = listMembers + `m.contact_no > $1::bigint ORDER BY m.contact_no LIMIT $2::int`
)

// ListContacts implements automation.ContactStore.
func (s *Store) ListContacts(ctx context.Context, q automation.ContactQuery) (automation.Page[automation.Contact], error) {
	if q.EmailPrefix != "" {
		return s.search(ctx, q)
	}
	list := lister[automation.Contact]{
		kind: "contact", number: findContactNo, older: olderContacts, newer: newerContacts,
		scan: func(scan scanFunc) (automation.Contact, error) {
			c, err := scanStoredContact(scan)
			return c.Contact, err
		},
	}
	if q.Segment == "" {
		return list.page(ctx, s, q.PageQuery)
	}
	list.older, list.newer = olderMembers, newerMembers
	return list.page(ctx, s, q.PageQuery, q.Segment)
}
