package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// All of these rely on the primary keys of events, pending, active_runs, ended_runs and leases, on
// loose_events_event, and on active_runs_owner and ended_runs_owner. Those that list the events of
// owners rely on the indexes of ownersEvents, and sort the events of the owners, which are few.
//
// A list of all events reads a page of events, a page of pending ones, and a page of runs. Runs that
// have their events are in the order of these, because their ids differ in the last bit only: two of
// them can change places.
const (
	eventRecordColumns = `
SELECT ` + eventColumns + `, e.pending,
	coalesce(e.handled_at, l.handled_at, r.created_at), coalesce(l.reason, 0), l.resumed, coalesce(e.run::text, r.ids)
FROM (`

	eventOutcomes = `) e
LEFT JOIN LATERAL (
	SELECT l.handled_at, l.reason, l.resumed FROM automation.loose_events l WHERE e.run IS NULL AND l.event_id = ANY (ARRAY[e.id])
) l ON true
CROSS JOIN LATERAL (
	SELECT min(r.created_at) AS created_at, string_agg(r.id::text, ' ' ORDER BY r.created_at, r.id) AS ids FROM (
		SELECT r.id, r.created_at FROM automation.active_runs r WHERE e.run IS NULL AND r.owner = e.owner AND r.event_id = e.id
		UNION ALL
		SELECT r.id, r.created_at FROM automation.ended_runs r WHERE e.run IS NULL AND r.owner = e.owner AND r.event_id = e.id
		UNION ALL
		SELECT r.id, r.created_at FROM automation.begun_runs r WHERE e.run IS NULL AND r.owner = e.owner AND r.event_id = e.id
	) r
) r
`
	findEvent = eventRecordColumns + keptEvents + `e.id = $1::uuid UNION ALL ` + pendingEvents + `e.event_id = $1::uuid
	UNION ALL ` + activeEvents + `r.id = automation.twin($1::uuid)
	UNION ALL ` + endedEvents + `r.id = automation.twin($1::uuid)
	UNION ALL ` + begunEvents + `r.` + everyLease + ` AND r.id = automation.twin($1::uuid)` + eventOutcomes

	// A page has the first $6 events of each kind, of which those in rows of runs are not looked
	// for beyond the last event of a full page of the others.
	eventPageFrom = `
	WITH others AS MATERIALIZED (
		(` + keptEvents + listedKept
	andPending = `)
		UNION ALL
		(` + pendingEvents + listedPending
	andEdge = `)
	), edge AS MATERIALIZED (SELECT CASE WHEN count(*) >= $6::int THEN (array_agg(id `
	endOfEdge = `))[$6::int] END AS id FROM others)
	SELECT * FROM (
		SELECT * FROM others
		UNION ALL (` + activeEvents + listedInRun
	andInEnded = `)
		UNION ALL (` + endedEvents + listedInRun
	andInBegun = `)
		UNION ALL (` + begunEvents + `r.` + everyLease + ` AND ` + listedInRun
	endOfPage = `)
	) e `

	listedKept    = `e.id > $1::uuid AND e.id < $2::uuid AND ` + listedEvent
	listedPending = `e.event_id > $1::uuid AND e.event_id < $2::uuid AND ` + listedEvent
	listedEvent   = `e.accepted_at + interval '0' >= $3::timestamptz AND e.accepted_at + interval '0' < $4::timestamptz AND ($5::text = '' OR e.name = $5::text)`
	listedInRun   = `automation.twin(r.id) > $1::uuid AND automation.twin(r.id) < $2::uuid
			AND r.event_at >= $3::timestamptz AND r.event_at < $4::timestamptz AND ($5::text = '' OR p.event_name = $5::text)`

	untilEdge = ` AND r.id <= greatest($2::uuid, automation.twin($2::uuid))
			AND r.id >= (SELECT coalesce(least(x.id, automation.twin(x.id)), least($1::uuid, automation.twin($1::uuid))) FROM edge x)`
	sinceEdge = ` AND r.id >= least($1::uuid, automation.twin($1::uuid))
			AND r.id <= (SELECT coalesce(greatest(x.id, automation.twin(x.id)), greatest($2::uuid, automation.twin($2::uuid))) FROM edge x)`

	newestEvents = `ORDER BY e.id DESC`
	oldestEvents = `ORDER BY e.id`
	ofEventPage  = ` LIMIT $6::int`

	// One more, because two twins can change places.
	newestInRuns = untilEdge + ` ORDER BY r.id DESC LIMIT $6::int + 1`
	oldestInRuns = sinceEdge + ` ORDER BY r.id LIMIT $6::int + 1`

	olderEvents = eventRecordColumns + eventPageFrom + ` ORDER BY e.id DESC` + ofEventPage + andPending + ` ORDER BY e.event_id DESC` + ofEventPage +
		andEdge + `ORDER BY id DESC` + endOfEdge + newestInRuns + andInEnded + newestInRuns + andInBegun + newestInRuns + endOfPage +
		newestEvents + ofEventPage + eventOutcomes + newestEvents
	newerEvents = eventRecordColumns + eventPageFrom + ` ORDER BY e.id` + ofEventPage + andPending + ` ORDER BY e.event_id` + ofEventPage +
		andEdge + `ORDER BY id` + endOfEdge + oldestInRuns + andInEnded + oldestInRuns + andInBegun + oldestInRuns + endOfPage +
		oldestEvents + ofEventPage + eventOutcomes + oldestEvents

	ownedEvents = `SELECT e.* FROM (` + ownersEvents + `) e
	WHERE e.id > $7::uuid AND e.id < $2::uuid AND ` + listedEvent + ` `

	olderOwnedEvents = eventRecordColumns + ownedEvents + newestEvents + ofEventPage + eventOutcomes + newestEvents
	newerOwnedEvents = eventRecordColumns + ownedEvents + oldestEvents + ofEventPage + eventOutcomes + oldestEvents
)

// scanEventRecord scans a row of eventRecordColumns.
func scanEventRecord(scan scanFunc) (automation.EventRecord, error) {
	r := automation.EventRecord{Status: automation.EventStatusHandled}
	var pending bool
	var handled pgtype.Timestamptz
	var reason int16
	var resumed, started pgtype.Text
	e, _, err := scanEvent(scan, &pending, &handled, &reason, &resumed, &started)
	r.Event, r.Reason = e, record.ReasonOf(reason)
	r.Resumed, r.Ended = record.DecodeRuns(resumed.String)
	r.Started, _ = record.DecodeRuns(started.String)
	r.HandledAt = timeOf(handled)
	if pending {
		r.Status = automation.EventStatusPending
	}
	return r, err
}

func (s *Store) readEventRecords(ctx context.Context, sql string, args ...any) ([]automation.EventRecord, error) {
	var records []automation.EventRecord
	var sc script
	sc.query(func(scan scanFunc) error {
		r, err := scanEventRecord(scan)
		records = append(records, r)
		return err
	}, sql, args...)
	return records, implicit{s}.run(ctx, sc)
}

// FindEvent implements automation.EventReader.
func (s *Store) FindEvent(ctx context.Context, id string) (automation.EventRecord, error) {
	if err := s.ready(ctx); err != nil {
		return automation.EventRecord{}, err
	}
	records, err := s.readEventRecords(ctx, findEvent, uuidOf(id))
	if err != nil {
		return automation.EventRecord{}, fmt.Errorf("postgres store: find event: %w", err)
	}
	if len(records) == 0 {
		return automation.EventRecord{}, record.NotFound("event", id)
	}
	return records[0], nil
}

// ListEvents implements automation.EventReader.
func (s *Store) ListEvents(ctx context.Context, q automation.EventQuery) (automation.Page[automation.EventRecord], error) {
	var page automation.Page[automation.EventRecord]
	if err := s.ready(ctx); err != nil {
		return page, err
	}
	if id := q.After + q.Before; id != "" {
		owner, err := s.ownerOfEvent(ctx, id)
		if err != nil {
			return page, fmt.Errorf("postgres store: list events: %w", err)
		}
		if owner == "" {
			return page, record.NotFound("event", id)
		}
	}
	b := record.EventBoundsOf(q)
	sql := record.InDirection(q.PageQuery, olderEvents, newerEvents)
	args := []any{uuidOf(b.Above), uuidOf(b.Below), b.AcceptedFrom, b.AcceptedUntil, q.Name, q.Limit + 1}
	if refs := record.SplitRef(q.Contact); len(refs) > 0 {
		of := make(owners, len(refs))
		for i, ref := range refs {
			of[i] = ownerOf(ref)
		}
		sql = record.InDirection(q.PageQuery, olderOwnedEvents, newerOwnedEvents)
		args = append(append([]any{of}, args[1:]...), args[0])
	}
	records, err := s.readEventRecords(ctx, sql, args...)
	if err != nil {
		return page, fmt.Errorf("postgres store: list events: %w", err)
	}
	return record.PageOf(records, q.PageQuery), nil
}
