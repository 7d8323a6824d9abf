package sqlite

import (
	"context"
	"database/sql"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// These rely on the primary key of pending, automation_loose_events_no, and the indexes
// on the owner of each table of runs. Those that list rely on the unique index on the ids
// of events, or on automation_events_owner. A list of all events reads events until the
// page is full. The arguments of a list are:
//   - ?1 and ?2: ids between which the list lies
//   - ?3 and ?4: times between which the events were accepted, the first one included
//   - ?5: name, or NULL
//   - ?6: limit
//   - ?7 and ?8: owners
const (
	selectEventRecord = selectEvent + `, e.no,
	EXISTS (SELECT 1 FROM automation_pending p WHERE p.owner = e.owner AND p.accepted_at = e.accepted_at AND p.event_no = e.no),
	l.handled_at, l.reason, l.resumed
FROM automation_events e LEFT JOIN automation_loose_events l ON l.event_no = e.no`
	findEvent = selectEventRecord + ` WHERE e.id = ?`

	listedEvents = selectEventRecord + `
WHERE e.id > ?1 AND e.id < ?2 AND e.accepted_at >= ?3 AND e.accepted_at < ?4 AND (?5 IS NULL OR e.name = ?5)`
	ownedEvents = selectEventRecord + `
WHERE +e.id > ?1 AND +e.id < ?2 AND e.accepted_at >= ?3 AND e.accepted_at < ?4 AND (?5 IS NULL OR e.name = ?5) AND e.owner IN (?7, ?8)`

	newestEvents = ` ORDER BY e.id DESC LIMIT 0 + ?6`
	oldestEvents = ` ORDER BY e.id LIMIT 0 + ?6`

	startedRuns = `
SELECT id, created_at, no FROM automation_begun_runs WHERE owner = ?1 AND event_no = ?2
UNION ALL SELECT id, created_at, no FROM automation_active_runs WHERE owner = ?1 AND event_no = ?2
UNION ALL SELECT id, created_at, no FROM automation_ended_runs WHERE owner = ?1 AND event_no = ?2
ORDER BY created_at, no`
)

// eventRecord is a row of automation_events with what became of the event.
type eventRecord struct {
	automation.EventRecord
	owner key
	no    int64
}

func scanEventRecord(rows *sql.Rows) (e eventRecord, err error) {
	var handled nullTime
	var reason sql.NullInt16
	var resumed nullText
	pending := false
	stored, err := scanStoredEvent(rows, &e.no, &pending, &handled, &reason, &resumed)
	e.Event, e.owner = stored.Event, stored.owner
	e.Status, e.HandledAt = automation.EventStatusHandled, handled.Time
	e.Reason = record.ReasonOf(reason.Int16)
	e.Resumed, e.Ended = record.DecodeRuns(string(resumed))
	if pending {
		e.Status = automation.EventStatusPending
	}
	return e, err
}

// startedRun is a run that an event started.
type startedRun struct {
	id      key
	created timestamp
}

func scanStartedRun(rows *sql.Rows) (r startedRun, err error) {
	var no int64
	err = rows.Scan(&r.id, &r.created, &no)
	return r, err
}

// addStarted adds the runs that the events started.
func addStarted(ctx context.Context, q session, events []eventRecord) ([]automation.EventRecord, error) {
	records := make([]automation.EventRecord, len(events))
	for i := range events {
		e := &events[i]
		if e.Status == automation.EventStatusHandled && e.Reason == "" {
			runs, err := all(ctx, q, scanStartedRun, startedRuns, e.owner.column(), e.no)
			if err != nil {
				return nil, err
			}
			for _, r := range runs {
				e.Started = append(e.Started, r.id.id())
			}
			if e.HandledAt.IsZero() && len(runs) > 0 {
				e.HandledAt = runs[0].created.Time
			}
		}
		records[i] = e.EventRecord
	}
	return records, nil
}

// FindEvent implements automation.EventReader.
func (s *Store) FindEvent(ctx context.Context, id string) (e automation.EventRecord, err error) {
	err = s.read(ctx, func(q session) error {
		rows, err := all(ctx, q, scanEventRecord, findEvent, idKey(id).column())
		if err == nil && len(rows) == 0 {
			return record.NotFound("event", id)
		}
		if err != nil {
			return failed("find event", err)
		}
		records, err := addStarted(ctx, q, rows)
		if err == nil {
			e = records[0]
		}
		return failed("find event", err)
	})
	return e, err
}

// ListEvents implements automation.EventReader.
func (s *Store) ListEvents(ctx context.Context, q automation.EventQuery) (page automation.Page[automation.EventRecord], err error) {
	err = s.read(ctx, func(r session) error {
		if id := q.After + q.Before; id != "" {
			found, err := first(ctx, r, eventExists, args(idKey(id).column()), new(int))
			if err == nil && !found {
				err = record.NotFound("event", id)
			}
			if err != nil {
				return err
			}
		}
		query, arguments := listEvents(q)
		rows, err := all(ctx, r, scanEventRecord, query, arguments...)
		if err != nil {
			return failed("list events", err)
		}
		records, err := addStarted(ctx, r, rows)
		page = record.PageOf(records, q.PageQuery)
		return failed("list events", err)
	})
	return page, err
}

// listEvents returns the statement and its arguments for a query.
func listEvents(q automation.EventQuery) (query string, arguments []any) {
	b := record.EventBoundsOf(q)
	arguments = args(idKey(b.Above).column(), idKey(b.Below).column(), b.AcceptedFrom.UnixMicro(), b.AcceptedUntil.UnixMicro(),
		textOrNull(q.Name), q.Limit+1)
	query = listedEvents
	if refs := record.SplitRef(q.Contact); len(refs) > 0 {
		query = ownedEvents
		arguments = append(arguments, ownerKey(refs[0]).column(), ownerKey(refs[len(refs)-1]).column())
	}
	return query + record.InDirection(q.PageQuery, newestEvents, oldestEvents), arguments
}
