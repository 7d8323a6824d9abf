package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// FindEventDefinition implements automation.EventWriter.
func (s *Store) FindEventDefinition(ctx context.Context, idOrName string) (automation.EventDefinition, error) {
	if err := s.ready(ctx); err != nil {
		return automation.EventDefinition{}, err
	}
	return findEventDefinition(ctx, implicit{s}, idOrName)
}

func findEventDefinition(ctx context.Context, in session, idOrName string) (automation.EventDefinition, error) {
	found := eventDefinitions{}
	var sc script
	found.find(&sc, []string{idOrName})
	if err := in.run(ctx, sc); err != nil {
		return automation.EventDefinition{}, fmt.Errorf("postgres store: find event definition: %w", err)
	}
	d, ok := found[idOrName]
	if !ok {
		return automation.EventDefinition{}, record.NotFound("event definition", idOrName)
	}
	return d.EventDefinition, nil
}

// storedDefinition is a definition with its number.
type storedDefinition struct {
	automation.EventDefinition
	no int64
}

// eventDefinitions contains definitions by their ids and names. If the name of one is
// the id of another, it contains the older one.
type eventDefinitions map[string]storedDefinition

// findEventDefinitions relies on event_definitions_id and event_definitions_name.
const findEventDefinitions = `
SELECT ` + eventDefinitionColumns + ` FROM automation.event_definitions WHERE id = ANY ($1::text[])
UNION ALL
SELECT ` + eventDefinitionColumns + ` FROM automation.event_definitions WHERE name = ANY ($1::text[])`

func (f eventDefinitions) find(sc *script, idsOrNames []string) {
	sc.query(func(scan scanFunc) error {
		d, no, err := scanEventDefinition(scan)
		for _, key := range []string{d.ID, d.Name} {
			if old, ok := f[key]; !ok || no < old.no {
				f[key] = storedDefinition{d, no}
			}
		}
		return err
	}, findEventDefinitions, idsOrNames)
}

// byName returns the definition that a look-up by the name of an event found, nil if
// there is none.
func (f eventDefinitions) byName(event string) *automation.EventDefinition {
	d, ok := f[event]
	if !ok {
		return nil
	}
	return &d.EventDefinition
}

const eventDefinitionColumns = `no, id, name, schema, created_at, updated_at`

// scanEventDefinition scans eventDefinitionColumns. It also returns the number.
func scanEventDefinition(scan scanFunc) (d automation.EventDefinition, no int64, err error) {
	var schema pgtype.Text
	var created, updated pgtype.Timestamptz
	err = scan(&no, &d.ID, &d.Name, &schema, &created, &updated)
	if schema.Valid {
		d.Schema = json.RawMessage(schema.String)
	}
	d.CreatedAt, d.UpdatedAt = timeOf(created), timeOf(updated)
	return d, no, err
}

const insertEventDefinition = `
INSERT INTO automation.event_definitions (id, name, schema, created_at, updated_at)
VALUES ($1::text, $2::text, $3::text, $4::timestamptz, $5::timestamptz)`

// InsertEventDefinition implements automation.EventReader.
func (s *Store) InsertEventDefinition(ctx context.Context, d automation.EventDefinition) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	var sc script
	sc.exec(insertEventDefinition, d.ID, d.Name, textOrNull(string(d.Schema)), timeOrNull(d.CreatedAt), timeOrNull(d.UpdatedAt))
	err := implicit{s}.run(ctx, sc)
	if errorCode(err) == uniqueViolation {
		return record.EventDefined(d.Name)
	}
	if err != nil {
		return fmt.Errorf("postgres store: insert event definition %q: %w", d.Name, err)
	}
	return nil
}

const (
	updateEventDefinition = `
UPDATE automation.event_definitions SET schema = $2::text, updated_at = $3::timestamptz WHERE id = $1::text RETURNING id`
	deleteEventDefinition = `DELETE FROM automation.event_definitions WHERE id = $1::text RETURNING id`
)

// UpdateEventDefinition implements automation.EventReader.
func (s *Store) UpdateEventDefinition(ctx context.Context, d automation.EventDefinition) error {
	return s.changeEventDefinition(ctx, d.ID, updateEventDefinition, d.ID, textOrNull(string(d.Schema)), timeOrNull(d.UpdatedAt))
}

// DeleteEventDefinition implements automation.EventReader.
func (s *Store) DeleteEventDefinition(ctx context.Context, id string) error {
	return s.changeEventDefinition(ctx, id, deleteEventDefinition, id)
}

// changeEventDefinition runs a statement that returns the definition's id.
func (s *Store) changeEventDefinition(ctx context.Context, id, sql string, args ...any) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	found := false
	var sc script
	sc.query(func(scan scanFunc) error {
		found = true
		return scan(&id)
	}, sql, args...)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return fmt.Errorf("postgres store: change event definition %q: %w", id, err)
	}
	if !found {
		return record.NotFound("event definition", id)
	}
	return nil
}

// The lists rely on the primary key of event_definitions.
const (
	findEventDefinitionNo = `SELECT no FROM automation.event_definitions WHERE id = $1::text`
	olderEventDefinitions = `SELECT ` + eventDefinitionColumns + ` FROM automation.event_definitions WHERE no < $1::bigint ORDER BY no DESC LIMIT $2::int`
	newerEventDefinitions = `SELECT ` + eventDefinitionColumns + ` FROM automation.event_definitions WHERE no > $1::bigint ORDER BY no LIMIT $2::int`
)

// ListEventDefinitions implements automation.EventReader.
func (s *Store) ListEventDefinitions(ctx context.Context, q automation.PageQuery) (automation.Page[automation.EventDefinition], error) {
	return lister[automation.EventDefinition]{
		kind: "event definition", number: findEventDefinitionNo, older: olderEventDefinitions, newer: newerEventDefinitions,
		scan: func(scan scanFunc) (automation.EventDefinition, error) {
			d, _, err := scanEventDefinition(scan)
			return d, err
		},
	}.page(ctx, s, q)
}
