package sqlite

import (
	"context"
	"database/sql"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

const selectEventDefinition = `SELECT id, name, schema, created_at, updated_at FROM automation_event_definitions`

func scanEventDefinition(rows *sql.Rows) (d automation.EventDefinition, err error) {
	var id key
	var schema nullText
	var created, updated timestamp
	err = rows.Scan(&id, &d.Name, &schema, &created, &updated)
	d.ID, d.CreatedAt, d.UpdatedAt = id.id(), created.Time, updated.Time
	if schema != "" {
		d.Schema = []byte(schema)
	}
	return d, err
}

// findEventDefinitions relies on the unique indexes on id and name.
const findEventDefinitions = selectEventDefinition + ` WHERE id = ? UNION ALL ` + selectEventDefinition + ` WHERE name = ?`

// FindEventDefinition implements automation.EventWriter.
func (s *Store) FindEventDefinition(ctx context.Context, idOrName string) (d automation.EventDefinition, err error) {
	err = s.read(ctx, func(q session) error {
		d, err = findEventDefinition(ctx, q, idOrName)
		return err
	})
	return d, err
}

func findEventDefinition(ctx context.Context, q session, idOrName string) (automation.EventDefinition, error) {
	d, found, err := one(ctx, q, scanEventDefinition, findEventDefinitions, idKey(idOrName).column(), idOrName)
	if err != nil {
		return d, failed("find event definition", err)
	}
	if !found {
		return d, record.NotFound("event definition", idOrName)
	}
	return d, nil
}

// definitionByName returns the definition that a look-up by the name of an event
// finds, nil if there is none. A transaction of the Store looks each name up once,
// because it often keeps many events of few names.
func definitionByName(ctx context.Context, q session, event string) (*automation.EventDefinition, error) {
	tx, own := q.(*transaction)
	if own {
		if d, ok := tx.definitions[event]; ok {
			return d, nil
		}
	}
	d, found, err := one(ctx, q, scanEventDefinition, findEventDefinitions, idKey(event).column(), event)
	if err != nil {
		return nil, failed("find event definition", err)
	}
	var definition *automation.EventDefinition
	if found {
		definition = &d
	}
	if own {
		tx.definitions[event] = definition
	}
	return definition, nil
}

const insertEventDefinition = `
INSERT INTO automation_event_definitions (id, name, schema, created_at, updated_at)
VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`

// InsertEventDefinition implements automation.EventReader.
func (s *Store) InsertEventDefinition(ctx context.Context, d automation.EventDefinition) error {
	id, schema := idKey(d.ID).column(), textOrNull(string(d.Schema))
	return s.write(ctx, func(ctx context.Context, tx *transaction) error {
		clear(tx.definitions)
		n, err := changed(ctx, tx, insertEventDefinition, id, d.Name, schema, d.CreatedAt.UnixMicro(), d.UpdatedAt.UnixMicro())
		if err == nil && n == 0 {
			return record.EventDefined(d.Name)
		}
		return failed("insert event definition", err)
	})
}

const updateEventDefinition = `UPDATE automation_event_definitions SET schema = ?, updated_at = ? WHERE id = ?`

// UpdateEventDefinition implements automation.EventReader.
func (s *Store) UpdateEventDefinition(ctx context.Context, d automation.EventDefinition) error {
	schema := textOrNull(string(d.Schema))
	return s.write(ctx, func(ctx context.Context, tx *transaction) error {
		clear(tx.definitions)
		n, err := changed(ctx, tx, updateEventDefinition, schema, d.UpdatedAt.UnixMicro(), idKey(d.ID).column())
		if err == nil && n == 0 {
			return record.NotFound("event definition", d.ID)
		}
		return failed("update event definition", err)
	})
}

const deleteEventDefinition = `DELETE FROM automation_event_definitions WHERE id = ?`

// DeleteEventDefinition implements automation.EventReader.
func (s *Store) DeleteEventDefinition(ctx context.Context, id string) error {
	return s.write(ctx, func(ctx context.Context, tx *transaction) error {
		clear(tx.definitions)
		n, err := changed(ctx, tx, deleteEventDefinition, idKey(id).column())
		if err == nil && n == 0 {
			return record.NotFound("event definition", id)
		}
		return failed("delete event definition", err)
	})
}

// These rely on the primary key, from the cursor on.
const (
	olderEventDefinitions = selectEventDefinition + ` WHERE no < ? ORDER BY no DESC LIMIT 0 + ?`
	newerEventDefinitions = selectEventDefinition + ` WHERE no > ? ORDER BY no LIMIT 0 + ?`
	findEventDefinitionNo = `SELECT no FROM automation_event_definitions WHERE id = ?`
)

// ListEventDefinitions implements automation.EventReader.
func (s *Store) ListEventDefinitions(ctx context.Context, q automation.PageQuery) (automation.Page[automation.EventDefinition], error) {
	list := lister[automation.EventDefinition]{
		kind: "event definition", number: findEventDefinitionNo, scan: scanEventDefinition,
		older: olderEventDefinitions, newer: newerEventDefinitions,
	}
	return list.page(ctx, s, q, idKey(q.After+q.Before).column())
}
