package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

const propertyColumns = `id, key, type, fallback, created_at`

func scanProperty(scan scanFunc) (p automation.ContactProperty, err error) {
	var propertyType string
	var fallback pgtype.Text
	var created pgtype.Timestamptz
	if err = scan(&p.ID, &p.Key, &propertyType, &fallback, &created); err != nil {
		return p, err
	}
	p.Type, p.CreatedAt = automation.PropertyType(propertyType), timeOf(created)
	p.Fallback, err = record.DecodeFallback(fallback.String)
	return p, err
}

const insertProperty = `
INSERT INTO automation.contact_properties (id, key, type, fallback, created_at)
VALUES ($1::text, $2::text, $3::text, $4::text, $5::timestamptz)`

// InsertContactProperty implements automation.PropertyStore.
func (s *Store) InsertContactProperty(ctx context.Context, p automation.ContactProperty) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	fallback, err := record.EncodeFallback(p.Fallback)
	if err == nil {
		var sc script
		sc.exec(insertProperty, p.ID, p.Key, string(p.Type), textOrNull(fallback), timeOrNull(p.CreatedAt))
		err = implicit{s}.run(ctx, sc)
	}
	if errorCode(err) == uniqueViolation {
		return record.PropertyDefined(p.Key)
	}
	if err != nil {
		return fmt.Errorf("postgres store: insert contact property %q: %w", p.Key, err)
	}
	return nil
}

// These rely on contact_properties_id and contact_properties_key.
const (
	findProperty = `
SELECT ` + propertyColumns + ` FROM automation.contact_properties WHERE id = $1::text
UNION ALL
SELECT ` + propertyColumns + ` FROM automation.contact_properties WHERE key = $1::text LIMIT 1`
	updateProperty = `UPDATE automation.contact_properties SET fallback = $2::text WHERE id = $1::text RETURNING ` + propertyColumns
	deleteProperty = `DELETE FROM automation.contact_properties WHERE id = $1::text RETURNING ` + propertyColumns
)

// FindContactProperty implements automation.PropertyStore.
func (s *Store) FindContactProperty(ctx context.Context, idOrKey string) (automation.ContactProperty, error) {
	return s.property(ctx, idOrKey, findProperty)
}

// UpdateContactProperty implements automation.PropertyStore.
func (s *Store) UpdateContactProperty(ctx context.Context, p automation.ContactProperty) error {
	fallback, err := record.EncodeFallback(p.Fallback)
	if err != nil {
		return fmt.Errorf("postgres store: contact property %q: %w", p.ID, err)
	}
	_, err = s.property(ctx, p.ID, updateProperty, textOrNull(fallback))
	return err
}

// DeleteContactProperty implements automation.PropertyStore.
func (s *Store) DeleteContactProperty(ctx context.Context, id string) error {
	_, err := s.property(ctx, id, deleteProperty)
	return err
}

// property runs a statement that returns one definition. The id or the key is the first
// argument of the statement.
func (s *Store) property(ctx context.Context, id, sql string, args ...any) (p automation.ContactProperty, err error) {
	if err := s.ready(ctx); err != nil {
		return p, err
	}
	found := false
	var sc script
	sc.query(func(scan scanFunc) error {
		found = true
		p, err = scanProperty(scan)
		return err
	}, sql, append([]any{id}, args...)...)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return p, fmt.Errorf("postgres store: contact property %q: %w", id, err)
	}
	if !found {
		return p, record.NotFound("contact property", id)
	}
	return p, nil
}

// The lists rely on the primary key of contact_properties.
const (
	findPropertyNo  = `SELECT no FROM automation.contact_properties WHERE id = $1::text`
	olderProperties = `SELECT ` + propertyColumns + ` FROM automation.contact_properties WHERE no < $1::bigint ORDER BY no DESC LIMIT $2::int`
	newerProperties = `SELECT ` + propertyColumns + ` FROM automation.contact_properties WHERE no > $1::bigint ORDER BY no LIMIT $2::int`
)

// ListContactProperties implements automation.PropertyStore.
func (s *Store) ListContactProperties(ctx context.Context, q automation.PageQuery) (automation.Page[automation.ContactProperty], error) {
	return lister[automation.ContactProperty]{
		kind: "contact property", number: findPropertyNo, older: olderProperties, newer: newerProperties, scan: scanProperty,
	}.page(ctx, s, q)
}
