package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// An event record is a row of events, of pending, or of a run that holds the event. These rely on
// automation_loose_events_no, automation_active_runs_event, automation_ended_runs_event, and the
// primary key of leases. Those that list rely on the unique indexes on ids, or on the indexes on
// owners, and scan the leases, of which there are as many as contacts with work in progress. A
// list of all events reads events until the page is full: it merges the tables in the order of
// ids, of which that of a run differs from that of its event in the last bit only. The arguments
// of a list are:
//   - ?1 and ?2: ids between which the list lies
//   - ?3 and ?4: times between which the events were accepted, the first one included
//   - ?5: name, or NULL
//   - ?6: limit
//   - ?7 and ?8: ids of runs that are as near to ?1 and ?2, both included
//   - ?9 and ?10: owners
const (
	handledRecord = selectEvent + `, e.no, 0, l.handled_at, l.reason, l.resumed
FROM automation_events e LEFT JOIN automation_loose_events l ON l.event_no = e.no`
	pendingRecord = selectPending + `, 1, NULL, NULL, NULL FROM automation_pending p`
	runRecord     = selectRunEvent + `, 0, 2, r.created_at, NULL, NULL FROM `
	findEvent     = handledRecord + ` WHERE e.id = ?1 UNION ALL ` + pendingRecord + ` WHERE p.id = ?1 UNION ALL ` +
		runRecord + `automation_active_runs` + hasEvent + `?2 UNION ALL ` +
		runRecord + `automation_ended_runs` + hasEvent + `?2 UNION ALL ` +
		runRecord + `automation_begun_runs` + hasEvent + `?2`

	acceptedBetween    = ` >= ?3 AND e.accepted_at < ?4 AND (?5 IS NULL OR e.name = ?5)`
	pendingBetween     = ` >= ?3 AND p.accepted_at < ?4 AND (?5 IS NULL OR p.name = ?5)`
	runAcceptedBetween = ` >= ?3 AND r.created_at - r.event_age < ?4 AND (?5 IS NULL OR p.event_name = ?5)`

	listedRun    = placeOfEvent + ` WHERE r.id >= ?7 AND r.id <= ?8 AND r.created_at - r.event_age` + runAcceptedBetween
	listedEvents = handledRecord + ` WHERE e.id > ?1 AND e.id < ?2 AND e.accepted_at` + acceptedBetween + ` UNION ALL ` +
		pendingRecord + ` WHERE p.id > ?1 AND p.id < ?2 AND p.accepted_at` + pendingBetween + ` UNION ALL ` +
		runRecord + `automation_active_runs` + listedRun + ` UNION ALL ` +
		runRecord + `automation_ended_runs` + listedRun + ` UNION ALL ` + runRecord + `automation_begun_runs` + listedRun

	// INDEXED BY keeps the planner from the index on ids, in the order of which the list is.
	ownedRun = ` CROSS JOIN automation_places p ON p.no = r.place_no
WHERE r.owner IN (?9, ?10) AND +r.id >= ?7 AND +r.id <= ?8 AND r.created_at - r.event_age` + runAcceptedBetween
	ownedEvents = handledRecord + ` WHERE e.owner IN (?9, ?10) AND +e.id > ?1 AND +e.id < ?2 AND e.accepted_at` + acceptedBetween + ` UNION ALL ` +
		pendingRecord + ` WHERE p.owner IN (?9, ?10) AND +p.id > ?1 AND +p.id < ?2 AND p.accepted_at` + pendingBetween + ` UNION ALL ` +
		runRecord + `automation_active_runs r INDEXED BY automation_active_runs_owner` + ownedRun + ` UNION ALL ` +
		runRecord + `automation_ended_runs r INDEXED BY automation_ended_runs_owner` + ownedRun + ` UNION ALL ` +
		runRecord + `automation_begun_runs r` + ownedRun

	newestEvents = ` ORDER BY 1 DESC LIMIT 0 + ?6`
	oldestEvents = ` ORDER BY 1 LIMIT 0 + ?6`

	startedRuns = `
SELECT id, created_at, no FROM automation_begun_runs WHERE owner = ?1 AND event_no = ?2
UNION ALL SELECT id, created_at, no FROM automation_active_runs WHERE event_no = ?2
UNION ALL SELECT id, created_at, no FROM automation_ended_runs WHERE event_no = ?2
ORDER BY created_at, no`
)

// eventRecord is an event with what became of it.
type eventRecord struct {
	automation.EventRecord
	owner key
	no    int64 // 0 for an event in the row of a run
}

func scanEventRecord(rows *sql.Rows) (e eventRecord, err error) {
	var in int
	var handled nullTime
	var reason sql.NullInt16
	var resumed nullText
	stored, err := scanStoredEvent(rows, &e.no, &in, &handled, &reason, &resumed)
	e.Event, e.owner = stored.Event, stored.owner
	e.Status, e.HandledAt = automation.EventStatusHandled, handled.Time
	e.Reason = record.ReasonOf(reason.Int16)
	e.Resumed, e.Ended = record.DecodeRuns(string(resumed))
	switch in {
	case 1:
		e.Status = automation.EventStatusPending
	case 2:
		e.Started, e.ID = []string{e.ID}, idKey(e.ID).twin().id()
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
		if e.Status == automation.EventStatusHandled && e.Reason == "" && e.no != 0 {
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
		rows, err := all(ctx, q, scanEventRecord, findEvent, idKey(id).column(), idKey(id).twin().columnOrNull())
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
			found, err := existsEvent(ctx, r, idKey(id))
			if err == nil && !found {
				err = record.NotFound("event", id)
			}
			if err != nil {
				return err
			}
		}
		b := record.EventBoundsOf(q)
		query, arguments := listEvents(q, b)
		rows, err := all(ctx, r, scanEventRecord, query, arguments...)
		if err != nil {
			return failed("list events", err)
		}
		records, err := addStarted(ctx, r, inOrder(rows, q, b))
		page = record.PageOf(records, q.PageQuery)
		return failed("list events", err)
	})
	return page, err
}

// listEvents returns the statement and its arguments for a query. It has a row more at either end,
// because the bounds of the ids of runs are not exact.
func listEvents(q automation.EventQuery, b record.EventBounds) (query string, arguments []any) {
	above, below := idKey(b.Above), idKey(b.Below)
	arguments = args(above.column(), below.column(), b.AcceptedFrom.UnixMicro(), b.AcceptedUntil.UnixMicro(),
		textOrNull(q.Name), q.Limit+3, min(above, cmp.Or(above.twin(), above)).column(), max(below, cmp.Or(below.twin(), below)).column())
	query = listedEvents
	if refs := record.SplitRef(q.Contact); len(refs) > 0 {
		query = ownedEvents
		arguments = append(arguments, ownerKey(refs[0]).column(), ownerKey(refs[len(refs)-1]).column())
	}
	return query + record.InDirection(q.PageQuery, newestEvents, oldestEvents), arguments
}

// inOrder returns the events between the bounds in the order of their ids, and no more than a page
// needs.
func inOrder(rows []eventRecord, q automation.EventQuery, b record.EventBounds) []eventRecord {
	rows = slices.DeleteFunc(rows, func(e eventRecord) bool {
		return e.no == 0 && (idKey(e.ID).compare(idKey(b.Above)) <= 0 || idKey(e.ID).compare(idKey(b.Below)) >= 0)
	})
	slices.SortStableFunc(rows, func(x, y eventRecord) int {
		if q.Before != "" {
			return idKey(x.ID).compare(idKey(y.ID))
		}
		return idKey(y.ID).compare(idKey(x.ID))
	})
	return rows[:min(len(rows), q.Limit+1)]
}
