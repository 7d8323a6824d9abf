package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// storedContact is a row of automation_contacts.
type storedContact struct {
	automation.Contact
	no      int64
	deleted nullTime
	damage  error // why its properties or segments cannot be decoded, nil if they can
}

const selectContact = `
SELECT c.no, c.id, c.email, c.first_name, c.last_name, c.unsubscribed, c.properties, c.segments, c.created_at, c.deleted_at
`

func scanStoredContact(rows *sql.Rows) (c storedContact, err error) {
	var id key
	var properties, segments string
	var created timestamp
	err = rows.Scan(&c.no, &id, &c.Email, &c.FirstName, &c.LastName, &c.Unsubscribed, &properties, &segments, &created, &c.deleted)
	if err != nil {
		return c, err
	}
	c.ID, c.CreatedAt = id.id(), created.Time
	c.damage = record.DecodeContact(&c.Contact, properties, segments)
	return c, nil
}

func scanContact(rows *sql.Rows) (automation.Contact, error) {
	c, err := scanStoredContact(rows)
	return c.Contact, cmp.Or(err, c.damage)
}

// These rely on the unique indexes on id and email_key.
const (
	findContactByID    = selectContact + `FROM automation_contacts c WHERE c.id = ?`
	findContactByEmail = selectContact + `FROM automation_contacts c WHERE c.email_key = ?`
)

// findStoredContact returns the contact with ref's id, which may be deleted, or with
// ref's email.
func findStoredContact(ctx context.Context, q session, ref automation.ContactRef) (c storedContact, found bool, err error) {
	if ref.ID != "" {
		c, found, err = one(ctx, q, scanStoredContact, findContactByID, idKey(ref.ID).column())
	} else {
		c, found, err = one(ctx, q, scanStoredContact, findContactByEmail, automation.EmailKey(ref.Email))
	}
	return c, found, cmp.Or(err, c.damage)
}

// findKnownContact returns a contact. A deleted one counts as not found.
func findKnownContact(ctx context.Context, q session, ref automation.ContactRef) (storedContact, error) {
	c, found, err := findStoredContact(ctx, q, ref)
	if err == nil && (!found || !c.deleted.IsZero()) {
		return c, record.NotFound("contact", ref.String())
	}
	return c, failed("find contact", err)
}

// FindContact implements automation.ContactStore.
func (s *Store) FindContact(ctx context.Context, ref automation.ContactRef) (c automation.Contact, err error) {
	err = s.read(ctx, func(q session) error {
		found, err := findKnownContact(ctx, q, ref)
		c = found.Contact
		return err
	})
	return c, err
}

// FindContacts implements automation.ContactStore. It looks up one id after the other,
// because the database is in this process.
func (s *Store) FindContacts(ctx context.Context, ids []string) (found []automation.Contact, err error) {
	err = s.read(ctx, func(q session) error {
		seen := make(map[string]bool, len(ids))
		for _, id := range ids {
			if seen[id] {
				continue
			}
			seen[id] = true
			c, ok, err := findStoredContact(ctx, q, automation.ContactRef{ID: id})
			if err != nil {
				return failed("find contacts", err)
			}
			if ok && c.deleted.IsZero() {
				found = append(found, c.Contact)
			}
		}
		return nil
	})
	return found, err
}

// InsertContact implements automation.ContactStore.
func (s *Store) InsertContact(ctx context.Context, c automation.Contact) error {
	return s.write(ctx, func(ctx context.Context, tx *transaction) error {
		if _, taken, err := findStoredContact(ctx, tx, automation.ContactRef{ID: c.ID}); err != nil || taken {
			return orConflict(err, record.ContactExists(c.ID))
		}
		if _, taken, err := findStoredContact(ctx, tx, automation.ContactRef{Email: c.Email}); err != nil || taken {
			return orConflict(err, record.EmailTaken(c.Email))
		}
		return tx.insertContact(ctx, c)
	})
}

// orConflict returns the error of a look-up, or conflict if the look-up succeeded and
// found an id or an email taken.
func orConflict(err, conflict error) error {
	if err != nil {
		return failed("find contact", err)
	}
	return conflict
}

const insertContact = `
INSERT INTO automation_contacts (id, email, email_key, first_name, last_name, unsubscribed, properties, segments, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`

// insertContact inserts a contact whose id and email are free.
func (tx *transaction) insertContact(ctx context.Context, c automation.Contact) error {
	properties, segments, err := encodeContact(&c)
	if err != nil {
		return err
	}
	res, err := tx.exec(ctx, insertContact, idKey(c.ID).column(), c.Email, automation.EmailKey(c.Email), c.FirstName, c.LastName,
		c.Unsubscribed, properties, segments, c.CreatedAt.UnixMicro())
	if err != nil {
		return failed("insert contact", err)
	}
	no, err := res.LastInsertId()
	if err != nil {
		return failed("insert contact", err)
	}
	if err := tx.join(ctx, no, c.Segments); err != nil {
		return err
	}
	return tx.moveEvents(ctx, automation.ContactRef{Email: c.Email}, automation.ContactRef{ID: c.ID})
}

// encodeContact returns the columns of a contact that hold JSON. The error is a
// refusal.
func encodeContact(c *automation.Contact) (properties, segments string, err error) {
	if properties, segments, err = record.EncodeContact(c); err != nil {
		return "", "", record.Damaged(c.ID, err)
	}
	return properties, segments, nil
}

const (
	joinSegment  = `INSERT INTO automation_contact_segments (segment, contact_no) VALUES (?, ?) ON CONFLICT DO NOTHING`
	leaveSegment = `DELETE FROM automation_contact_segments WHERE segment = ? AND contact_no = ?`
)

func (tx *transaction) join(ctx context.Context, no int64, segments []string) error {
	for _, segment := range segments {
		if _, err := tx.exec(ctx, joinSegment, segment, no); err != nil {
			return failed("join segment", err)
		}
	}
	return nil
}

func (tx *transaction) leave(ctx context.Context, no int64, segments []string) error {
	for _, segment := range segments {
		if _, err := tx.exec(ctx, leaveSegment, segment, no); err != nil {
			return failed("leave segment", err)
		}
	}
	return nil
}

// UpdateContact implements automation.ContactStore.
func (s *Store) UpdateContact(ctx context.Context, id string, change automation.ContactChange) (c automation.Contact, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *transaction) error {
		stored, err := findKnownContact(ctx, tx, automation.ContactRef{ID: id})
		if err != nil {
			return err
		}
		u, err := tx.prepareChange(ctx, &stored, &change)
		if err != nil {
			return err
		}
		c = u.contact.Contact
		return tx.changeContact(ctx, u)
	})
	return c, err
}

// contactUpdate is a change of a contact that prepareChange has accepted.
type contactUpdate struct {
	contact              storedContact // after the change
	properties, segments string
	joined, left         []string
	newEmail             bool
}

// prepareChange fails if the change cannot be encoded, or has the email of another
// contact.
func (tx *transaction) prepareChange(ctx context.Context, c *storedContact, change *automation.ContactChange) (*contactUpdate, error) {
	if change.Email != nil {
		other, found, err := findStoredContact(ctx, tx, automation.ContactRef{Email: *change.Email})
		if err != nil || found && other.no != c.no {
			return nil, orConflict(err, record.EmailOfAnother(*change.Email))
		}
	}
	u := &contactUpdate{contact: *c, newEmail: change.Email != nil}
	change.Apply(&u.contact.Contact)
	u.joined, u.left = record.SegmentChanges(c.Segments, u.contact.Segments)
	var err error
	if u.properties, u.segments, err = encodeContact(&u.contact.Contact); err != nil {
		return nil, err
	}
	// The caller gets the properties as they are stored. They share no memory with the
	// change.
	u.contact.Properties, err = record.DecodeProperties(u.properties)
	return u, err
}

const (
	updateContact = `
UPDATE automation_contacts SET first_name = ?, last_name = ?, unsubscribed = ?, properties = ?, segments = ? WHERE no = ?`
	updateEmail = `UPDATE automation_contacts SET email = ?, email_key = ? WHERE no = ?`
)

func (tx *transaction) changeContact(ctx context.Context, u *contactUpdate) error {
	c := &u.contact
	_, err := tx.exec(ctx, updateContact, c.FirstName, c.LastName, c.Unsubscribed, u.properties, u.segments, c.no)
	if err != nil {
		return failed("change contact", err)
	}
	if err := tx.join(ctx, c.no, u.joined); err != nil {
		return err
	}
	if err := tx.leave(ctx, c.no, u.left); err != nil || !u.newEmail {
		return err
	}
	if _, err := tx.exec(ctx, updateEmail, c.Email, automation.EmailKey(c.Email), c.no); err != nil {
		return failed("change contact", err)
	}
	return tx.moveEvents(ctx, automation.ContactRef{Email: c.Email}, automation.ContactRef{ID: c.ID})
}

// DeleteContact implements automation.ContactStore.
func (s *Store) DeleteContact(ctx context.Context, id string, now time.Time) error {
	return s.write(ctx, func(ctx context.Context, tx *transaction) error {
		c, err := findKnownContact(ctx, tx, automation.ContactRef{ID: id})
		if err != nil {
			return err
		}
		return tx.deleteContact(ctx, &c, now)
	})
}

const emptyContact = `
UPDATE automation_contacts
SET email = '', email_key = NULL, first_name = '', last_name = '', unsubscribed = 0, properties = '', segments = '', deleted_at = ?
WHERE no = ?`

// deleteContact empties the row of a contact, and records a cancel for its running
// runs.
func (tx *transaction) deleteContact(ctx context.Context, c *storedContact, now time.Time) error {
	if err := tx.leave(ctx, c.no, c.Segments); err != nil {
		return err
	}
	if _, err := tx.exec(ctx, emptyContact, now.UnixMicro(), c.no); err != nil {
		return failed("delete contact", err)
	}
	if _, err := tx.exec(ctx, deleteEntries, idKey(c.ID).column()); err != nil {
		return failed("delete contact", err)
	}
	return tx.cancelOwner(ctx, automation.ContactRef{ID: c.ID}, now)
}

// These rely on the primary keys, from the cursor on.
const (
	olderContacts = selectContact + `FROM automation_contacts c WHERE c.deleted_at IS NULL AND c.no < ? ORDER BY c.no DESC LIMIT 0 + ?`
	newerContacts = selectContact + `FROM automation_contacts c WHERE c.deleted_at IS NULL AND c.no > ? ORDER BY c.no LIMIT 0 + ?`
	olderMembers  = selectContact + `FROM automation_contacts c JOIN automation_contact_segments m ON m.contact_no = c.no
WHERE m.segment = ? AND m.contact_no < ? ORDER BY m.contact_no DESC LIMIT 0 + ?`
	newerMembers = selectContact + `FROM automation_contacts c JOIN automation_contact_segments m ON m.contact_no = c.no
WHERE m.segment = ? AND m.contact_no > ? ORDER BY m.contact_no LIMIT 0 + ?`
	findContactNo = `SELECT no FROM automation_contacts WHERE id = ? AND deleted_at IS NULL`
)

// ListContacts implements automation.ContactStore.
func (s *Store) ListContacts(ctx context.Context, q automation.ContactQuery) (automation.Page[automation.Contact], error) {
	if q.EmailPrefix != "" {
		return s.search(ctx, q)
	}
	list := lister[automation.Contact]{
		kind: "contact", number: findContactNo, scan: scanContact,
		older: olderContacts, newer: newerContacts,
	}
	var filter []any
	if q.Segment != "" {
		list.older, list.newer, filter = olderMembers, newerMembers, args(q.Segment)
	}
	return list.page(ctx, s, q.PageQuery, idKey(q.After+q.Before).column(), filter...)
}
