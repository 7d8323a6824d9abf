package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// All of these rely on the primary keys of events and pending, on loose_events_event, and
// on active_runs_owner, ended_runs_owner and leases_begun. Those that list the events of owners rely on
// events_owner instead of the primary key, and sort the events of the owners, which are
// few: OFFSET 0 keeps the planner from choosing another index. A list of all events reads
// events until the page is full.
const (
	eventRecordColumns = `
SELECT ` + eventColumns + `,
	(SELECT true FROM automation.pending p WHERE p.owner = e.owner AND p.event_id = e.id) IS NOT NULL,
	coalesce(l.handled_at, r.created_at), coalesce(l.reason, 0), l.resumed, r.ids
FROM (`

	eventOutcomes = `) e
LEFT JOIN LATERAL (
	SELECT l.handled_at, l.reason, l.resumed FROM automation.loose_events l WHERE l.event_id = ANY (ARRAY[e.id])
) l ON true
CROSS JOIN LATERAL (
	SELECT min(r.created_at) AS created_at, string_agg(r.id::text, ' ' ORDER BY r.created_at, r.id) AS ids FROM (
		SELECT r.id, r.created_at FROM automation.active_runs r WHERE r.owner = e.owner AND r.event_id = e.id
		UNION ALL
		SELECT r.id, r.created_at FROM automation.ended_runs r WHERE r.owner = e.owner AND r.event_id = e.id
		UNION ALL
		SELECT r.id, r.created_at FROM automation.begun_runs r WHERE r.owner = e.owner AND r.event_id = e.id
	) r
) r
`
	findEvent = eventRecordColumns + `SELECT e.* FROM automation.events e WHERE e.id = $1::uuid` + eventOutcomes

	listedEvents = `
	SELECT e.* FROM automation.events e
	WHERE ` + listedEvent

	ownedEvents = `
	SELECT e.* FROM (SELECT e.* FROM automation.events e WHERE e.owner = ANY ($7::bytea[]) OFFSET 0) e
	WHERE ` + listedEvent

	listedEvent = `e.id > $1::uuid AND e.id < $2::uuid AND e.accepted_at >= $3::timestamptz AND e.accepted_at < $4::timestamptz
		AND ($5::text = '' OR e.name = $5::text)`

	newestEvents = `ORDER BY e.id DESC`
	oldestEvents = `ORDER BY e.id`
	ofEventPage  = ` LIMIT $6::int`

	olderEvents      = eventRecordColumns + listedEvents + newestEvents + ofEventPage + eventOutcomes + newestEvents
	newerEvents      = eventRecordColumns + listedEvents + oldestEvents + ofEventPage + eventOutcomes + oldestEvents
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
		sql, args = record.InDirection(q.PageQuery, olderOwnedEvents, newerOwnedEvents), append(args, of)
	}
	records, err := s.readEventRecords(ctx, sql, args...)
	if err != nil {
		return page, fmt.Errorf("postgres store: list events: %w", err)
	}
	return record.PageOf(records, q.PageQuery), nil
}
