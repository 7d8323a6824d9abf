package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/seed-b636437c/automation"
)

// Tx returns a writer for the transaction that tx is: the events that it accepts
// take effect if and only if that commits. The transaction should be an immediate
// one (for most drivers, _txlock=immediate in the name of the database), or it
// fails as busy when others write meanwhile.
func (s *Store) Tx(tx Tx) automation.EventWriter { return hostWriter{s, plain{tx}} }

// hostWriter writes in the application's transaction.
type hostWriter struct {
	s *Store
	q session
}

// AppendEvents implements automation.EventWriter.
func (w hostWriter) AppendEvents(ctx context.Context, events []automation.NewEvent) (receipts []automation.EventReceipt, err error) {
	err = w.do(ctx, func() error {
		receipts, err = appendEvents(ctx, w.q, events)
		return err
	})
	return receipts, err
}

// FindEventDefinition implements automation.EventWriter.
func (w hostWriter) FindEventDefinition(ctx context.Context, idOrName string) (d automation.EventDefinition, err error) {
	err = w.do(ctx, func() error {
		d, err = eventDefinition(ctx, w.q, idOrName)
		return err
	})
	return d, err
}

// do is read and write for a transaction of the application, which may have taken
// the only connection.
func (w hostWriter) do(ctx context.Context, call func() error) error {
	leave, err := w.s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if !w.s.checked.Load() {
		if err := checkVersion(ctx, w.q); err != nil {
			return err
		}
	}
	return call()
}

// AppendEvents implements automation.EventWriter.
func (s *Store) AppendEvents(ctx context.Context, events []automation.NewEvent) (receipts []automation.EventReceipt, err error) {
	err = s.write(ctx, func(ctx context.Context, t *tx) error {
		receipts, err = appendEvents(ctx, t, events)
		return err
	})
	if err != nil {
		return nil, err
	}
	return receipts, nil
}

// appendEvents keeps all events or, if it returns an error that is not the
// database's, none.
func appendEvents(ctx context.Context, q session, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	a := appender{q: q, events: events}
	receipts, err := a.admit(ctx)
	if err == nil {
		err = a.write(ctx)
	}
	if err != nil {
		return nil, err
	}
	return receipts, nil
}

// appender keeps the events of one call. It looks first and writes then: nobody
// else writes meanwhile.
type appender struct {
	q      session
	events []automation.NewEvent
	owners []key // "" for duplicates
	fresh  map[idempotency]keyUse
}

// By the unique indexes.
const (
	admitByID    = `SELECT EXISTS (SELECT 1 FROM automation_events WHERE id = ?), (SELECT id FROM automation_contacts WHERE id = ? AND deleted_at IS NULL)`
	admitByEmail = `SELECT EXISTS (SELECT 1 FROM automation_events WHERE id = ?), (SELECT id FROM automation_contacts WHERE email_key = ?)`
)

// admit finds out whose the events are and which ones are duplicates, and fails if
// one must not be kept.
func (a *appender) admit(ctx context.Context) ([]automation.EventReceipt, error) {
	receipts := make([]automation.EventReceipt, len(a.events))
	a.owners = make([]key, len(a.events))
	seen := map[string]bool{}
	for i := range a.events {
		n := &a.events[i]
		owner, err := a.owner(ctx, n)
		if err != nil {
			return nil, err
		}
		if len(a.events) > 1 && seen[n.Event.ID] {
			return nil, conflict("event %q exists already", n.Event.ID)
		}
		first, err := a.duplicateOf(ctx, n)
		if err != nil {
			return nil, err
		}
		if first != "" {
			receipts[i] = automation.EventReceipt{ID: first, Duplicate: true}
			continue
		}
		seen[n.Event.ID] = true
		a.owners[i], receipts[i] = owner, automation.EventReceipt{ID: n.Event.ID}
	}
	return receipts, nil
}

// owner returns the owner of an event. It fails if there is such an event already,
// or if its contact does not exist.
func (a *appender) owner(ctx context.Context, n *automation.NewEvent) (key, error) {
	e := &n.Event
	ref := automation.ContactRef{ID: e.ContactID, Email: e.Email}
	owner, query, column := ownerKey(ref), admitByID, ownerKey(ref).column()
	if e.ContactID == "" && !n.HostContact {
		query, column = admitByEmail, automation.EmailKey(e.Email)
	}
	var exists bool
	var contact key
	if _, err := first(ctx, a.q, query, args(idKey(e.ID).column(), column), &exists, &contact); err != nil {
		return "", failed("append events", err)
	}
	switch {
	case exists:
		return "", conflict("event %q exists already", e.ID)
	case n.HostContact:
		return owner, nil
	case contact != "":
		return contact, nil
	case e.ContactID != "":
		return "", notFound("contact", e.ContactID)
	default:
		return owner, nil
	}
}

const (
	insertEvent = `
INSERT INTO automation_events (id, owner, email, name, payload, key, occurred_at, accepted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	insertPending = `INSERT INTO automation_pending (owner, accepted_at, event_no) VALUES (?, ?, ?)`
)

// write keeps what was admitted.
func (a *appender) write(ctx context.Context) error {
	if err := a.writeKeys(ctx); err != nil {
		return err
	}
	for i := range a.events {
		if a.owners[i] == "" {
			continue
		}
		if err := a.writeEvent(ctx, &a.events[i].Event, a.owners[i]); err != nil {
			return failed("append events", err)
		}
	}
	return nil
}

func (a *appender) writeEvent(ctx context.Context, e *automation.Event, owner key) error {
	accepted := e.AcceptedAt.UnixMicro()
	var email, occurred any
	if owner.id() == "" {
		email = e.Email
	}
	if o := e.OccurredAt.UnixMicro(); o != accepted {
		occurred = o
	}
	column := owner.column()
	res, err := a.q.exec(ctx, insertEvent, idKey(e.ID).column(), column, email, e.Name,
		textOrNull(string(e.Payload)), textOrNull(e.IdempotencyKey), occurred, accepted)
	if err != nil {
		return err
	}
	no, err := res.LastInsertId()
	if err != nil {
		return err
	}
	_, err = a.q.exec(ctx, insertPending, column, accepted, no)
	return err
}

const selectEvent = `
SELECT e.id, e.owner, e.email, e.name, e.payload, e.key, e.occurred_at, e.accepted_at FROM automation_events e`

func scanEvent(rows *sql.Rows) (e automation.Event, err error) {
	var id, owner key
	var email, payload, idempotency text
	var occurred maybe
	var accepted moment
	if err := rows.Scan(&id, &owner, &email, &e.Name, &payload, &idempotency, &occurred, &accepted); err != nil {
		return e, err
	}
	e.ID, e.ContactID, e.IdempotencyKey = id.id(), owner.id(), string(idempotency)
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
	return e, nil
}

// By the unique index on id.
const findEvent = selectEvent + ` WHERE e.id = ?`

// FindEvent implements automation.EventReader.
func (s *Store) FindEvent(ctx context.Context, id string) (e automation.Event, err error) {
	err = s.read(ctx, func(q session) error {
		found := false
		e, found, err = one(ctx, q, scanEvent, findEvent, idKey(id).column())
		if err == nil && !found {
			return notFound("event", id)
		}
		return failed("find event", err)
	})
	return e, err
}

// By automation_events_owner.
const contactEvents = selectEvent + ` WHERE e.owner = ? AND e.accepted_at >= ? AND e.name = ? ORDER BY e.accepted_at, e.no`

// ContactEvents implements automation.EventReader.
func (s *Store) ContactEvents(ctx context.Context, contactID, name string, since time.Time) (events []automation.Event, err error) {
	err = s.read(ctx, func(q session) error {
		events, err = all(ctx, q, scanEvent, contactEvents, idKey(contactID).column(), since.UnixMicro(), name)
		return failed("contact events", err)
	})
	return events, err
}
