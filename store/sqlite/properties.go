package sqlite

import (
	"context"
	"database/sql"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

const selectProperty = `SELECT id, key, type, fallback, created_at FROM automation_contact_properties`

func scanProperty(rows *sql.Rows) (p automation.ContactProperty, err error) {
	var id key
	var fallback nullText
	var created timestamp
	if err = rows.Scan(&id, &p.Key, &p.Type, &fallback, &created); err != nil {
		return p, err
	}
	p.ID, p.CreatedAt = id.id(), created.Time
	p.Fallback, err = record.DecodeFallback(string(fallback))
	return p, err
}

const insertProperty = `
INSERT INTO automation_contact_properties (id, key, type, fallback, created_at)
VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`

// InsertContactProperty implements automation.PropertyStore.
func (s *Store) InsertContactProperty(ctx context.Context, p automation.ContactProperty) error {
	fallback, err := record.EncodeFallback(p.Fallback)
	if err != nil {
		return failed("insert contact property", err)
	}
	return s.write(ctx, func(ctx context.Context, tx *transaction) error {
		n, err := changed(ctx, tx, insertProperty, idKey(p.ID).column(), p.Key, string(p.Type), textOrNull(fallback), p.CreatedAt.UnixMicro())
		if err == nil && n == 0 {
			return record.PropertyDefined(p.Key)
		}
		return failed("insert contact property", err)
	})
}

// These rely on the unique indexes on id and key.
const (
	findProperty   = selectProperty + ` WHERE id = ? UNION ALL ` + selectProperty + ` WHERE key = ?`
	updateProperty = `UPDATE automation_contact_properties SET fallback = ? WHERE id = ?`
	deleteProperty = `DELETE FROM automation_contact_properties WHERE id = ?`
)

// FindContactProperty implements automation.PropertyStore.
func (s *Store) FindContactProperty(ctx context.Context, idOrKey string) (p automation.ContactProperty, err error) {
	err = s.read(ctx, func(q session) error {
		var found bool
		p, found, err = one(ctx, q, scanProperty, findProperty, idKey(idOrKey).column(), idOrKey)
		if err == nil && !found {
			return record.NotFound("contact property", idOrKey)
		}
		return failed("find contact property", err)
	})
	return p, err
}

// UpdateContactProperty implements automation.PropertyStore.
func (s *Store) UpdateContactProperty(ctx context.Context, p automation.ContactProperty) error {
	fallback, err := record.EncodeFallback(p.Fallback)
	if err != nil {
		return failed("update contact property", err)
	}
	return s.write(ctx, func(ctx context.Context, tx *transaction) error {
		n, err := changed(ctx, tx, updateProperty, textOrNull(fallback), idKey(p.ID).column())
		if err == nil && n == 0 {
			return record.NotFound("contact property", p.ID)
		}
		return failed("update contact property", err)
	})
}

// DeleteContactProperty implements automation.PropertyStore.
func (s *Store) DeleteContactProperty(ctx context.Context, id string) error {
	return s.write(ctx, func(ctx context.Context, tx *transaction) error {
		n, err := changed(ctx, tx, deleteProperty, idKey(id).column())
		if err == nil && n == 0 {
			return record.NotFound("contact property", id)
		}
		return failed("delete contact property", err)
	})
}

// These rely on the primary key, from the cursor on.
const (
	olderProperties = selectProperty + ` WHERE no < ? ORDER BY no DESC LIMIT 0 + ?`
	newerProperties = selectProperty + ` WHERE no > ? ORDER BY no LIMIT 0 + ?`
	findPropertyNo  = `SELECT no FROM automation_contact_properties WHERE id = ?`
)

// ListContactProperties implements automation.PropertyStore.
func (s *Store) ListContactProperties(ctx context.Context, q automation.PageQuery) (automation.Page[automation.ContactProperty], error) {
	list := lister[automation.ContactProperty]{
		kind: "contact property", number: findPropertyNo, scan: scanProperty,
		older: olderProperties, newer: newerProperties,
	}
	return list.page(ctx, s, q, idKey(q.After+q.Before).column())
}
