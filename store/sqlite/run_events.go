package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/uuid"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// An event is in one row. It is in pending until it is handled. If it has started one run then,
// and has done nothing else, it goes into the row of the run: into three columns, because the
// run has its contact, and the place of the run its name. Its id is the twin of the run's id, so
// either id finds it by the same index. Any other handled event goes into events. It keeps its
// number, which runs and decisions have.

// twin returns the key of the run in whose row the event with this key can be, and of the event
// that can be in the row of the run with this key. There is none for a key that is no UUID.
func (k key) twin() key { return key(uuid.Twin(string(k))) }

// columnOrNull returns the value of the column of k, NULL for the empty key.
func (k key) columnOrNull() any {
	if k == "" {
		return nil
	}
	return k.column()
}

// runEvent contains the columns of the event in the row of a run.
type runEvent struct {
	age     sql.NullInt64 // in microseconds; NULL if there is no event in the row
	payload nullText
	more    nullText // moreOfEvent
}

func (e *runEvent) columns() []any {
	return args(e.age, textOrNull(string(e.payload)), textOrNull(string(e.more)))
}

// moreOfEvent is what few events have.
type moreOfEvent struct {
	Key          string            `json:"key,omitempty"`
	OccurredAt   int64             `json:"occurred_at,omitempty"`
	AutomationID string            `json:"automation_id,omitempty"`
	Cause        *automation.Cause `json:"cause,omitempty"`
}

// inRun returns an event for the row of a run that was created at a time.
func (e *storedEvent) inRun(created time.Time) (in runEvent, err error) {
	in.age = sql.NullInt64{Int64: created.UnixMicro() - e.AcceptedAt.UnixMicro(), Valid: true}
	in.payload = nullText(e.Payload)
	more := moreOfEvent{Key: e.IdempotencyKey, AutomationID: e.AutomationID, Cause: e.Cause}
	if !e.OccurredAt.Equal(e.AcceptedAt) {
		more.OccurredAt = e.OccurredAt.UnixMicro()
	}
	if more != (moreOfEvent{}) {
		text, err := json.Marshal(more)
		if err != nil {
			return in, err
		}
		in.more = nullText(text)
	}
	return in, nil
}

// erase empties the event, and returns its idempotency key.
func (e *runEvent) erase() (key string, err error) {
	e.payload = ""
	if e.more == "" {
		return "", nil
	}
	var more moreOfEvent
	if err := json.Unmarshal([]byte(e.more), &more); err != nil {
		return "", err
	}
	key, more.Key, more.Cause = more.Key, "", nil
	text, err := json.Marshal(more)
	e.more = nullText(text)
	return key, err
}

// selectRunEvent selects the columns of selectEvent, with the id of the run.
const (
	selectRunEvent = `
SELECT r.id, r.owner, NULL, p.event_name, r.event_payload, json_extract(r.event_more, '$.key'), json_extract(r.event_more, '$.occurred_at'),
	r.created_at - r.event_age, json_extract(r.event_more, '$.automation_id'), json_extract(r.event_more, '$.cause')`
	placeOfEvent = ` r CROSS JOIN automation_places p ON p.no = r.place_no`
	// hasEvent relies on the unique index on the ids of the table.
	hasEvent = placeOfEvent + ` WHERE r.event_age IS NOT NULL AND r.id = `
)

// scanRunEvent scans the columns of selectRunEvent, and the columns after them into more.
func scanRunEvent(rows *sql.Rows, more ...any) (e storedEvent, err error) {
	e, err = scanStoredEvent(rows, more...)
	e.ID = idKey(e.ID).twin().id()
	return e, err
}

// soleRun returns the index of the run that a handled event goes into, -1 for an event that goes
// into events.
func soleRun(w *transitionWrite, h *automation.HandledEvent, e *storedEvent) int {
	at := record.SoleRun(w.t, h)
	if at < 0 || w.runs[at].no != 0 {
		return -1
	}
	for i := range w.t.Decisions {
		if w.t.Decisions[i].EventID == h.ID {
			return -1
		}
	}
	if r := &w.t.Runs[at]; r.EventName != e.Name || r.ContactID != e.ContactID {
		return -1
	}
	return at
}

const (
	// pendingByID relies on the unique index on id, findPendingByID as well.
	selectPending   = `SELECT p.id, p.owner, p.email, p.name, p.payload, p.key, p.occurred_at, p.accepted_at, p.automation_id, p.cause, p.no `
	pendingByID     = forKeys + selectPending + `FROM keys CROSS JOIN automation_pending p ON p.id = k`
	findPendingByID = selectPending + `FROM automation_pending p WHERE p.id = ?`
	// deletePending relies on the primary key.
	deletePending = `DELETE FROM automation_pending WHERE owner = ? AND accepted_at = ? AND no = ?`
	insertEvent   = `
INSERT INTO automation_events (id, email, name, payload, key, occurred_at, accepted_at, automation_id, cause, owner, no)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	// findEventNumber relies on the unique indexes on id.
	findEventNumber = `
SELECT no FROM automation_events WHERE id = ?1 UNION ALL SELECT no FROM automation_pending WHERE id = ?1`
)

// numberedEvent is an event with its number.
type numberedEvent struct {
	storedEvent
	no int64
}

func scanNumberedEvent(rows *sql.Rows) (e numberedEvent, err error) {
	e.storedEvent, err = scanStoredEvent(rows, &e.no)
	return e, err
}

// insertHandled inserts an event into events.
func (tx *transaction) insertHandled(ctx context.Context, e *numberedEvent) error {
	_, err := tx.exec(ctx, insertEvent, append(eventColumns(&e.Event), e.owner.column(), e.no)...)
	return err
}

// readHandled reads the events of a transition that are pending under its owner, and finds the
// runs that they go into.
func (c *committer) readHandled(ctx context.Context, w *transitionWrite) error {
	w.handled = make([]*numberedEvent, len(w.t.Handled))
	for i := range w.t.Handled {
		h := &w.t.Handled[i]
		e, err := c.findPendingEvent(ctx, idKey(h.ID))
		if err != nil {
			return failed("find event", err)
		}
		if e == nil || e.owner != ownerKey(w.t.Key) {
			continue
		}
		w.handled[i] = e
		if at := soleRun(w, h, &e.storedEvent); at >= 0 {
			if w.runs[at].event, err = e.inRun(w.t.Runs[at].CreatedAt); err != nil {
				return failed("find event", err)
			}
		}
	}
	for i := range w.t.Decisions {
		if err := c.exposeDecided(ctx, w, idKey(w.t.Decisions[i].EventID)); err != nil {
			return failed("find event", err)
		}
	}
	return nil
}

// exposeDecided moves an event about which there is a decision from the row of a run to events, if
// the event was handled before: a process that could not decide about it has started its run. That
// is no part of the transition, and nothing to undo if the transition is refused.
func (c *committer) exposeDecided(ctx context.Context, w *transitionWrite, id key) error {
	for _, e := range w.handled {
		if e != nil && idKey(e.ID) == id {
			return nil
		}
	}
	known, err := first(ctx, c.tx, findEventNumber, args(id.column()), new(int64))
	if err != nil || known {
		return err
	}
	no, err := c.tx.expose(ctx, id)
	if err != nil || no == 0 {
		return err
	}
	delete(c.current, id.twin())
	for i := range w.runs {
		if run := &w.runs[i]; run.no != 0 && run.id == id.twin() {
			run.event, run.eventNo = runEvent{}, sql.NullInt64{Int64: no, Valid: true}
		}
	}
	return nil
}

// findPendingEvent returns a pending event, nil if there is none.
func (c *committer) findPendingEvent(ctx context.Context, id key) (*numberedEvent, error) {
	if !c.pendingMoved {
		return c.pending[id], nil
	}
	e, found, err := one(ctx, c.tx, scanNumberedEvent, findPendingByID, id.column())
	if err != nil || !found {
		return nil, err
	}
	return &e, nil
}

// eventNumber returns the number of the event that has started a new run for a column, NULL if
// the event is unknown, or goes into the row of the run.
func (c *committer) eventNumber(ctx context.Context, w *transitionWrite, i int) (any, error) {
	change := &w.t.Runs[i]
	if change.EventID == "" || w.runs[i].event.age.Valid {
		return nil, nil
	}
	for j, e := range w.handled {
		if e != nil && w.t.Handled[j].ID == change.EventID {
			return e.no, nil
		}
	}
	var no int64
	id := idKey(change.EventID)
	found, err := first(ctx, c.tx, findEventNumber, args(id.column()), &no)
	if err != nil || !found && id.twin() == idKey(change.ID) {
		return nil, failed("find event", err) // this run was started before
	}
	if !found {
		no, err = c.tx.expose(ctx, id)
	}
	if err != nil || no == 0 {
		return nil, failed("find event", err)
	}
	return no, nil
}

// These rely on the unique indexes on id. findRunEvent scans the leases, of which there are as
// many as contacts with work in progress.
const (
	findRunEvent = selectRunEvent + `, 1 FROM automation_active_runs` + hasEvent + `?1 UNION ALL ` +
		selectRunEvent + `, 2 FROM automation_ended_runs` + hasEvent + `?1 UNION ALL ` +
		selectRunEvent + `, 0 FROM automation_begun_runs` + hasEvent + `?1`

	referToEvent = ` = ?2, event_age = NULL, event_payload = NULL, event_more = NULL WHERE id = ?1`
	exposeActive = `UPDATE automation_active_runs SET event_no` + referToEvent
	exposeEnded  = `UPDATE automation_ended_runs SET event_no` + referToEvent
	// exposeInLease relies on the primary key of leases.
	exposeInLease = `
UPDATE automation_leases SET run_event_no = ?2, run_event_age = NULL, run_event_payload = NULL, run_event_more = NULL WHERE owner = ?3 AND run_id = ?1`
)

// expose moves an event from the row of a run to events, because more will refer to it. It
// returns the number of the event, 0 if no run has it.
func (tx *transaction) expose(ctx context.Context, id key) (no int64, err error) {
	var in table
	scan := func(rows *sql.Rows) (storedEvent, error) { return scanRunEvent(rows, &in) }
	run := id.twin().columnOrNull()
	stored, found, err := one(ctx, tx, scan, findRunEvent, run)
	if err != nil || !found {
		return 0, err
	}
	e := numberedEvent{storedEvent: stored}
	if e.no, err = eventNumbers(ctx, tx, 1); err != nil {
		return 0, err
	}
	if err := tx.insertHandled(ctx, &e); err != nil {
		return 0, err
	}
	query, arguments := [...]string{inLeaseRuns: exposeInLease, activeRuns: exposeActive, endedRuns: exposeEnded}[in], args(run, e.no)
	if in == inLeaseRuns {
		arguments = append(arguments, e.owner.column())
	}
	_, err = tx.exec(ctx, query, arguments...)
	return e.no, err
}
