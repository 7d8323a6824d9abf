package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// AppendEvents implements automation.EventWriter.
func (s *Store) AppendEvents(ctx context.Context, events []automation.NewEvent) (receipts []automation.EventReceipt, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *transaction) error {
		receipts, err = appendEvents(ctx, tx, events)
		return err
	})
	if err != nil {
		return nil, err
	}
	return receipts, nil
}

// A savepoint undoes a call that consists of several statements as a whole.
const (
	beginAppend = `SAVEPOINT automation_append`
	undoAppend  = `ROLLBACK TO automation_append`
	endAppend   = `RELEASE automation_append`
)

// appendEvents keeps all events or, when it fails, none.
func appendEvents(ctx context.Context, q session, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	if _, own := q.(*transaction); own && len(events) == 1 && events[0].Event.IdempotencyKey == "" {
		return keepEvents(ctx, q, events) // if it fails, it has written nothing
	}
	if _, err := q.exec(ctx, beginAppend); err != nil {
		return nil, failed("append events", err)
	}
	receipts, err := keepEvents(ctx, q, events)
	if err != nil {
		_, undo := q.exec(ctx, undoAppend)
		if undo == nil {
			_, undo = q.exec(ctx, endAppend)
		}
		if undo != nil { // the database has rolled the transaction back, which is no refusal
			return nil, failed("append events", fmt.Errorf("%w, after: %v", undo, err))
		}
		return nil, err
	}
	_, err = q.exec(ctx, endAppend)
	return receipts, failed("append events", err)
}

// keepEvents keeps the events that are no duplicates.
func keepEvents(ctx context.Context, q session, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	receipts := make([]automation.EventReceipt, len(events))
	for i := range events {
		n := &events[i]
		definition, err := definitionByName(ctx, q, n.Event.Name)
		if err != nil {
			return nil, err
		}
		if !record.MatchesDefinition(n, definition) {
			return nil, fmt.Errorf("sqlite store: event %q: %w", n.Event.Name, automation.ErrDefinitionChanged)
		}
		if receipts[i], err = receiptOf(ctx, q, n); err != nil {
			return nil, err
		}
		if receipts[i].Duplicate {
			continue
		}
		if err := keepEvent(ctx, q, n); err != nil {
			return nil, err
		}
	}
	return receipts, nil
}

// Each of these inserts one row of values, and none of them is an INSERT ... SELECT:
// to be able to undo that, SQLite first copies the pages that it changes. For a
// contact that does not exist the owner is NULL, and a row without an owner is left
// out. They rely on the unique indexes on the ids of events and contacts, and on the
// email of contacts.
const (
	insertEvent = `
INSERT OR IGNORE INTO automation_events (id, email, name, payload, key, occurred_at, accepted_at, automation_id, cause, owner)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, `
	insertForOwner   = insertEvent + `?10)`
	insertForContact = insertEvent + `(SELECT c.id FROM automation_contacts c WHERE c.id = ?10 AND c.deleted_at IS NULL))`
	insertForEmail   = insertEvent + `coalesce((SELECT c.id FROM automation_contacts c WHERE c.email_key = ?11), ?10))`
	insertPending    = `
INSERT INTO automation_pending (owner, accepted_at, event_no, unannounced)
VALUES (coalesce(?3, (SELECT e.owner FROM automation_events e WHERE e.no = ?1)), ?2, ?1, ?4)`
)

// keepEvent inserts an event that is no duplicate.
func keepEvent(ctx context.Context, q session, n *automation.NewEvent) error {
	e := &n.Event
	owner := ownerKey(automation.ContactRef{ID: e.ContactID, Email: e.Email})
	values := append(eventColumns(e), owner.column())
	query, known := insertForContact, owner.column()
	switch {
	case n.HostContact:
		query = insertForOwner
	case e.ContactID == "":
		query, values, known = insertForEmail, append(values, automation.EmailKey(e.Email)), nil
	}
	res, err := q.exec(ctx, query, values...)
	if err != nil {
		return failed("append events", err)
	}
	if kept, err := res.RowsAffected(); err != nil || kept == 0 {
		return cmp.Or(failed("append events", err), notKept(ctx, q, e))
	}
	no, err := res.LastInsertId()
	if err != nil {
		return failed("append events", err)
	}
	if _, err := q.exec(ctx, insertPending, no, e.AcceptedAt.UnixMicro(), known, trueOrNull(n.Unannounced)); err != nil {
		return failed("append events", err)
	}
	return rememberKey(ctx, q, n)
}

// eventColumns returns the values of an event's row, without the owner.
func eventColumns(e *automation.Event) []any {
	accepted := e.AcceptedAt.UnixMicro()
	var occurred any
	if o := e.OccurredAt.UnixMicro(); o != accepted {
		occurred = o
	}
	return args(idKey(e.ID).column(), textOrNull(e.Email), e.Name, textOrNull(string(e.Payload)),
		textOrNull(e.IdempotencyKey), occurred, accepted, textOrNull(e.AutomationID), textOrNull(record.EncodeCause(e.Cause)))
}

// eventExists relies on the unique index on id.
const eventExists = `SELECT 1 FROM automation_events WHERE id = ?`

// notKept returns why an event was not kept.
func notKept(ctx context.Context, q session, e *automation.Event) error {
	exists, err := first(ctx, q, eventExists, args(idKey(e.ID).column()), new(int))
	switch {
	case err != nil:
		return failed("append events", err)
	case exists:
		return record.Conflict("event %q exists already", e.ID)
	default:
		return record.NotFound("contact", e.ContactID)
	}
}

const selectEvent = `
SELECT e.id, e.owner, e.email, e.name, e.payload, e.key, e.occurred_at, e.accepted_at, e.automation_id, e.cause`

// storedEvent is a row of automation_events.
type storedEvent struct {
	automation.Event
	owner key
}

// scanStoredEvent scans the columns of selectEvent, and the columns after them into more.
func scanStoredEvent(rows *sql.Rows, more ...any) (e storedEvent, err error) {
	var id key
	var email, payload, idempotency, addressed, cause nullText
	var occurred nullTime
	var accepted timestamp
	columns := []any{&id, &e.owner, &email, &e.Name, &payload, &idempotency, &occurred, &accepted, &addressed, &cause}
	if err := rows.Scan(append(columns, more...)...); err != nil {
		return e, err
	}
	e.ID, e.ContactID, e.IdempotencyKey, e.AutomationID = id.id(), e.owner.id(), string(idempotency), string(addressed)
	if e.ContactID == "" {
		e.Email = string(email)
	}
	if payload != "" {
		e.Payload = []byte(payload)
	}
	e.AcceptedAt, e.OccurredAt = accepted.Time, occurred.Time
	if e.OccurredAt.IsZero() {
		e.OccurredAt = e.AcceptedAt
	}
	e.Cause, err = record.DecodeCause(string(cause))
	return e, err
}

func scanEvent(rows *sql.Rows) (automation.Event, error) {
	e, err := scanStoredEvent(rows)
	return e.Event, err
}

// contactEvents relies on automation_events_owner.
const contactEvents = selectEvent + `
FROM automation_events e WHERE e.owner = ? AND e.accepted_at >= ? AND e.name = ? ORDER BY e.accepted_at, e.no`

// ListContactEvents implements automation.EventReader.
func (s *Store) ListContactEvents(ctx context.Context, contactID, name string, since time.Time) (events []automation.Event, err error) {
	err = s.read(ctx, func(q session) error {
		events, err = all(ctx, q, scanEvent, contactEvents, idKey(contactID).column(), since.UnixMicro(), name)
		return failed("contact events", err)
	})
	return events, err
}
