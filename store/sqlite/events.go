package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
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
	number, err := eventNumbers(ctx, q, len(events))
	if err != nil {
		return nil, failed("append events", err)
	}
	if _, own := q.(*transaction); own && len(events) == 1 && events[0].Event.IdempotencyKey == "" {
		return keepEvents(ctx, q, events, number) // if it fails, it has written nothing
	}
	if _, err := q.exec(ctx, beginAppend); err != nil {
		return nil, failed("append events", err)
	}
	receipts, err := keepEvents(ctx, q, events, number)
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

// keepEvents keeps the events that are no duplicates, with numbers from number on.
func keepEvents(ctx context.Context, q session, events []automation.NewEvent, number int64) ([]automation.EventReceipt, error) {
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
		if err := keepEvent(ctx, q, n, number+int64(i)); err != nil {
			return nil, err
		}
	}
	return receipts, nil
}

// Each of these inserts one row of values, and none of them is an INSERT ... SELECT:
// to be able to undo that, SQLite first copies the pages that it changes. For a
// contact that does not exist, and for an event that exists already, the owner is NULL, and a
// row without an owner is left out. They rely on the unique indexes on the ids of events, runs
// and contacts, and on the email of contacts.
const (
	insertPending = `
INSERT OR IGNORE INTO automation_pending
	(id, email, name, payload, key, occurred_at, accepted_at, automation_id, cause, no, unannounced, owner)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, iif(EXISTS (SELECT 1 FROM automation_events WHERE id = ?1)
	OR EXISTS (SELECT 1 FROM automation_active_runs WHERE id = ?12 AND event_age IS NOT NULL)
	OR EXISTS (SELECT 1 FROM automation_ended_runs WHERE id = ?12 AND event_age IS NOT NULL), NULL, `
	insertForOwner   = insertPending + `?13))`
	insertForContact = insertPending + `(SELECT c.id FROM automation_contacts c WHERE c.id = ?13 AND c.deleted_at IS NULL)))`
	insertForEmail   = insertPending + `coalesce((SELECT c.id FROM automation_contacts c WHERE c.email_key = ?14), ?13)))`
)

// keepEvent inserts an event with a number, unless the event is a duplicate.
func keepEvent(ctx context.Context, q session, n *automation.NewEvent, number int64) error {
	e := &n.Event
	owner := ownerKey(automation.ContactRef{ID: e.ContactID, Email: e.Email})
	values := pendingColumns(n, number, owner.column())
	query := insertForContact
	switch {
	case n.HostContact:
		query = insertForOwner
	case e.ContactID == "":
		query, values = insertForEmail, append(values, automation.EmailKey(e.Email))
	}
	kept, err := changed(ctx, q, query, values...)
	if err != nil || kept == 0 {
		return cmp.Or(failed("append events", err), notKept(ctx, q, e))
	}
	return rememberKey(ctx, q, n)
}

// pendingColumns returns the values of the row of a pending event.
func pendingColumns(n *automation.NewEvent, number int64, owner any) []any {
	return append(eventColumns(&n.Event), number, trueOrNull(n.Unannounced), idKey(n.Event.ID).twin().columnOrNull(), owner)
}

const takeEventNumbers = `UPDATE automation_tokens SET last_event = last_event + ?1 WHERE id = 1 RETURNING last_event - ?1 + 1`

// eventBatch is how many numbers of events a transaction of the Store reserves at least, because
// the calls that share it send one event each.
const eventBatch = 64

// eventNumbers reserves the numbers of n events, and returns the first one. It must be called
// before a savepoint that a caller may go back to: that would give the numbers back.
func eventNumbers(ctx context.Context, q session, n int) (number int64, err error) {
	tx, own := q.(*transaction)
	if !own {
		_, err = first(ctx, q, takeEventNumbers, args(n), &number)
		return number, err
	}
	if tx.eventsLeft < n {
		tx.eventsLeft = max(n, eventBatch)
		if _, err := first(ctx, q, takeEventNumbers, args(tx.eventsLeft), &tx.nextEvent); err != nil {
			return 0, err
		}
	}
	number = tx.nextEvent
	tx.nextEvent, tx.eventsLeft = tx.nextEvent+int64(n), tx.eventsLeft-n
	return number, nil
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

// eventExists relies on the unique indexes on id. It scans the leases, of which there are as many
// as contacts with work in progress.
const eventExists = `
SELECT 1 FROM automation_events WHERE id = ?1 UNION ALL SELECT 1 FROM automation_pending WHERE id = ?1
UNION ALL SELECT 1 FROM automation_active_runs WHERE id = ?2 AND event_age IS NOT NULL
UNION ALL SELECT 1 FROM automation_ended_runs WHERE id = ?2 AND event_age IS NOT NULL
UNION ALL SELECT 1 FROM automation_begun_runs WHERE id = ?2 AND event_age IS NOT NULL`

// existsEvent reports whether the store has an event.
func existsEvent(ctx context.Context, q session, id key) (bool, error) {
	return first(ctx, q, eventExists, args(id.column(), id.twin().columnOrNull()), new(int))
}

// notKept returns why an event was not kept.
func notKept(ctx context.Context, q session, e *automation.Event) error {
	exists, err := existsEvent(ctx, q, idKey(e.ID))
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

// storedEvent is a row of automation_events or automation_pending.
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

// contactEvents relies on automation_events_owner, the primary key of pending, and the indexes on the
// owner of each table of runs. An event in the row of a run has no number.
const (
	fromOwner = placeOfEvent + `
WHERE r.owner = ?1 AND r.created_at - r.event_age >= ?2 AND p.event_name = ?3`
	contactEvents = selectEvent + `, e.no
FROM automation_events e WHERE e.owner = ?1 AND e.accepted_at >= ?2 AND e.name = ?3 UNION ALL ` + selectPending + `
FROM automation_pending p WHERE p.owner = ?1 AND p.accepted_at >= ?2 AND p.name = ?3 UNION ALL ` +
		selectRunEvent + `, 0 FROM automation_active_runs` + fromOwner + ` UNION ALL ` +
		selectRunEvent + `, 0 FROM automation_ended_runs` + fromOwner + ` UNION ALL ` +
		selectRunEvent + `, 0 FROM automation_begun_runs` + fromOwner
)

// ListContactEvents implements automation.EventReader.
func (s *Store) ListContactEvents(ctx context.Context, contactID, name string, since time.Time) (events []automation.Event, err error) {
	var numbered []numberedEvent
	err = s.read(ctx, func(q session) error {
		numbered, err = all(ctx, q, scanNumberedEvent, contactEvents, idKey(contactID).column(), since.UnixMicro(), name)
		return failed("contact events", err)
	})
	for i := range numbered {
		if e := &numbered[i]; e.no == 0 {
			e.ID = idKey(e.ID).twin().id()
		}
	}
	slices.SortStableFunc(numbered, func(a, b numberedEvent) int {
		return cmp.Or(a.AcceptedAt.Compare(b.AcceptedAt), cmp.Compare(a.ID, b.ID))
	})
	for i := range numbered {
		events = append(events, numbered[i].Event)
	}
	return events, err
}
