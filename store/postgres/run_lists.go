package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// The counters name the places of all runs. The runs at a place are one range of
// active_runs_place or ended_runs_place, so a page costs a few rows of each place, however long
// the history is. In the order of the runs' ends, they are one range of active_runs_completed or
// ended_runs_completed. Failed runs may be in both tables.
//
// The runs at a place with one code of an error are one range of active_runs_code or
// ended_runs_code, and in the order of their ends of active_runs_code_completed or
// ended_runs_code_completed. The indexes have the code up to its first quote, even if that
// is part of the code, so what they find is compared with the whole code.
//
// The arguments are:
//   - $1 and $2: automation and version, or none
//   - $3: statuses
//   - $4 and $5: step and name of the event, or none
//   - $6 and $7: times between which the runs were created or, in the order of their ends, ended
//   - $8 and $9: time and id of the cursor
//   - $10: limit
//   - $11: how the error begins, or none
//   - $12 and $13: owner; event, or none
const (
	atPlaces = `
WITH found AS MATERIALIZED (
	SELECT p.no, p.status FROM automation.places p JOIN automation.run_counts c ON c.place_no = p.no
	WHERE ` + matchingPlace + `
	GROUP BY p.no, p.status HAVING sum(c.n) > 0
)
SELECT ` + runColumns + `
FROM (
	SELECT r.* FROM found p CROSS JOIN LATERAL (
		SELECT ` + listedColumns + ` FROM automation.active_runs r WHERE `

	matchingPlace = `($1::text = '' OR p.automation_id = $1::text) AND ($2::int = 0 OR p.version = $2::int)
		AND p.status = ANY ($3::smallint[]) AND ($4::text = '' OR p.step = $4::text) AND ($5::text = '' OR p.event_name = $5::text)`

	andThoseEnded = `
	) r WHERE p.status IN (0, 2)
	UNION ALL
	SELECT r.* FROM found p CROSS JOIN LATERAL (
		SELECT ` + listedEndedColumns + ` FROM automation.ended_runs r WHERE `

	listedPlaces     = atPlaces + ofPlace
	andEnded         = andThoseEnded + ofPlace
	codePlaces       = atPlaces + ofPlaceAndCode
	andEndedWithCode = andThoseEnded + ofPlaceAndCode

	endOfEnded = `
	) r WHERE p.status <> 0`

	andBegun = endOfEnded + `
	UNION ALL
	SELECT r.* FROM (
		SELECT ` + listedColumns + ` FROM automation.begun_runs r` + joinPlace + `
		WHERE r.` + everyLease + ` AND ` + matchingPlace

	joined = `
	) r
) r JOIN automation.places p ON p.no = r.place_no`

	joinedEnded = `
) r JOIN automation.places p ON p.no = r.place_no`

	listedColumns = `r.id, r.place_no, r.owner, r.event_id, r.event_at, r.setbacks, r.due_at, r.created_at, r.completed_at, r.error, r.listen_no, NULL::text AS exit`

	listedEndedColumns = `r.id, r.place_no, r.owner, r.event_id, r.event_at, r.setbacks, r.due_at, r.created_at, r.completed_at, r.error, NULL::int AS listen_no, r.exit`

	ofPlace = `r.place_no = p.no`

	// The text that is compared first is that of the indexes. It has no condition on the
	// place alone: active_runs_place and active_runs_completed would serve it.
	ofPlaceAndCode = `r.error IS NOT NULL
			AND (split_part(r.error, '"', 4) || '"' || r.place_no::text) COLLATE "C" = split_part($11::text, '"', 4) || '"' || p.no::text
			AND starts_with(r.error, $11::text)`

	created = `
			AND r.created_at >= coalesce($6::timestamptz, '-infinity') AND r.created_at < coalesce($7::timestamptz, 'infinity')`
	completed = `
			AND r.completed_at IS NOT NULL
			AND r.completed_at >= coalesce($6::timestamptz, '-infinity') AND r.completed_at < coalesce($7::timestamptz, 'infinity')`

	older = created + `
			AND (r.created_at, r.id) < (coalesce($8::timestamptz, 'infinity'), coalesce($9::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))`
	newer = created + `
			AND (r.created_at, r.id) > ($8::timestamptz, $9::uuid)`
	olderEnd = completed + `
			AND (r.completed_at, r.id) < (coalesce($8::timestamptz, 'infinity'), coalesce($9::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))`
	newerEnd = completed + `
			AND (r.completed_at, r.id) > ($8::timestamptz, $9::uuid)`

	// The order within a place is that of its index, without the id: the planner takes a
	// sort for cheap, because it expects few rows, and would read all runs at the place.
	olderAtPlace      = older + ` ORDER BY r.created_at DESC` + atMost
	newerAtPlace      = newer + ` ORDER BY r.created_at` + atMost
	olderEndedAtPlace = olderEnd + ` ORDER BY r.completed_at DESC` + atMost
	newerEndedAtPlace = newerEnd + ` ORDER BY r.completed_at` + atMost
	atMost            = ` FETCH FIRST ($10::int) ROWS WITH TIES`

	newestFirst = `
		ORDER BY r.created_at DESC, r.id DESC LIMIT $10::int`
	oldestFirst = `
		ORDER BY r.created_at, r.id LIMIT $10::int`
	lastEndedFirst = `
		ORDER BY r.completed_at DESC, r.id DESC LIMIT $10::int`
	firstEndedFirst = `
		ORDER BY r.completed_at, r.id LIMIT $10::int`

	olderRuns  = listedPlaces + olderAtPlace + andEnded + olderAtPlace + andBegun + older + joined + newestFirst
	newerRuns  = listedPlaces + newerAtPlace + andEnded + newerAtPlace + andBegun + newer + joined + oldestFirst
	olderEnded = listedPlaces + olderEndedAtPlace + andEnded + olderEndedAtPlace + endOfEnded + joinedEnded + lastEndedFirst
	newerEnded = listedPlaces + newerEndedAtPlace + andEnded + newerEndedAtPlace + endOfEnded + joinedEnded + firstEndedFirst

	olderWithCode = codePlaces + olderAtPlace + andEndedWithCode + olderAtPlace + endOfEnded + joinedEnded + newestFirst
	newerWithCode = codePlaces + newerAtPlace + andEndedWithCode + newerAtPlace + endOfEnded + joinedEnded + oldestFirst

	olderEndedWithCode = codePlaces + olderEndedAtPlace + andEndedWithCode + olderEndedAtPlace + endOfEnded + joinedEnded + lastEndedFirst
	newerEndedWithCode = codePlaces + newerEndedAtPlace + andEndedWithCode + newerEndedAtPlace + endOfEnded + joinedEnded + firstEndedFirst
)

// The runs of a contact are few. The lists of them rely on active_runs_owner and
// ended_runs_owner. OFFSET 0 keeps the planner from choosing another index for the
// remaining conditions.
const (
	withOwner = ` WHERE r.owner = $12::bytea AND ($13::uuid IS NULL OR r.event_id = $13::uuid OR r.event_at IS NOT NULL AND r.id = automation.twin($13::uuid))`

	selectOwned = `
SELECT ` + runColumns + `
FROM (
	SELECT ` + listedColumns + ` FROM automation.active_runs r` + withOwner + `
	UNION ALL
	SELECT ` + listedEndedColumns + ` FROM automation.ended_runs r` + withOwner

	ended = selectOwned + `
	OFFSET 0
) r` + matching

	owned = selectOwned + `
	UNION ALL
	SELECT ` + listedColumns + ` FROM automation.begun_runs r` + withOwner + `
	OFFSET 0
) r` + matching

	matching = joinPlace + `
WHERE ` + matchingPlace + `
	AND ($11::text = '' OR starts_with(r.error, $11::text))`

	olderOwned      = owned + older + newestFirst
	newerOwned      = owned + newer + oldestFirst
	olderEndedOwned = ended + olderEnd + lastEndedFirst
	newerEndedOwned = ended + newerEnd + firstEndedFirst
)

// findRunTimes relies on the primary keys of active_runs and ended_runs, findEventOwner on
// those of events and pending too.
const (
	findRunTimes = `
SELECT created_at, completed_at FROM automation.active_runs WHERE id = $1::uuid
UNION ALL
SELECT created_at, completed_at FROM automation.ended_runs WHERE id = $1::uuid
UNION ALL
SELECT created_at, NULL FROM automation.begun_runs WHERE ` + everyLease + ` AND id = $1::uuid`

	findEventOwner = `
SELECT owner FROM automation.events WHERE id = $1::uuid
UNION ALL
SELECT owner FROM automation.pending WHERE event_id = $1::uuid
UNION ALL
SELECT owner FROM automation.active_runs WHERE id = automation.twin($1::uuid) AND event_at IS NOT NULL
UNION ALL
SELECT owner FROM automation.ended_runs WHERE id = automation.twin($1::uuid) AND event_at IS NOT NULL
UNION ALL
SELECT owner FROM automation.begun_runs WHERE ` + everyLease + ` AND id = automation.twin($1::uuid) AND event_at IS NOT NULL`
)

// ListRuns implements automation.RunReader. The runs have no State.
func (s *Store) ListRuns(ctx context.Context, q automation.RunQuery) (automation.Page[automation.RunRecord], error) {
	var page automation.Page[automation.RunRecord]
	if err := s.ready(ctx); err != nil {
		return page, err
	}
	args, err := s.runFilter(ctx, q)
	if err != nil {
		return page, err
	}
	ofContact := q.ContactID != "" || q.EventID != ""
	if ofContact {
		owner, err := s.ownerOfRuns(ctx, q)
		if err != nil || owner == "" {
			return page, err
		}
		args = append(args, record.ErrorPrefix(q.ErrorCode), owner, uuidOf(q.EventID))
	} else if q.ErrorCode != "" {
		args = append(args, record.ErrorPrefix(q.ErrorCode))
	}
	rows, err := s.readRuns(ctx, scanRun, listStatement(q, ofContact), args...)
	if err != nil {
		return page, fmt.Errorf("postgres store: list runs: %w", err)
	}
	return record.PageOf(rows, q.PageQuery), nil
}

func listStatement(q automation.RunQuery, ofContact bool) string {
	switch {
	case ofContact && q.ByCompletion():
		return record.InDirection(q.PageQuery, olderEndedOwned, newerEndedOwned)
	case ofContact:
		return record.InDirection(q.PageQuery, olderOwned, newerOwned)
	case q.ErrorCode != "" && q.ByCompletion():
		return record.InDirection(q.PageQuery, olderEndedWithCode, newerEndedWithCode)
	case q.ErrorCode != "":
		return record.InDirection(q.PageQuery, olderWithCode, newerWithCode)
	case q.ByCompletion():
		return record.InDirection(q.PageQuery, olderEnded, newerEnded)
	default:
		return record.InDirection(q.PageQuery, olderRuns, newerRuns)
	}
}

// runFilter returns the arguments of a list, without those of an error and of a contact.
func (s *Store) runFilter(ctx context.Context, q automation.RunQuery) ([]any, error) {
	at, err := s.cursorTime(ctx, q)
	if err != nil {
		return nil, err
	}
	from, until := record.Times(&q)
	return []any{
		q.AutomationID, q.Version, record.StatusCodes(&q), q.Step, q.EventName, timeOrNull(from), timeOrNull(until),
		at, uuidOf(q.After + q.Before), q.Limit + 1,
	}, nil
}

// cursorTime returns the time of the cursor in the order of the list. It is NULL if there is
// no cursor, and for a run that will end after all others.
func (s *Store) cursorTime(ctx context.Context, q automation.RunQuery) (at pgtype.Timestamptz, err error) {
	id := q.After + q.Before
	if id == "" {
		return at, nil
	}
	var created, completed pgtype.Timestamptz
	var sc script
	sc.query(func(scan scanFunc) error { return scan(&created, &completed) }, findRunTimes, uuidOf(id))
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return at, fmt.Errorf("postgres store: list runs: %w", err)
	}
	if !created.Valid {
		return at, record.NotFound("run", id)
	}
	if q.ByCompletion() {
		return completed, nil
	}
	return created, nil
}

// ownerOfRuns returns the owner of the runs that can match the query, "" if none can.
func (s *Store) ownerOfRuns(ctx context.Context, q automation.RunQuery) (ownerKey, error) {
	contact := ownerOf(automation.ContactRef{ID: q.ContactID})
	if q.EventID == "" {
		return contact, nil
	}
	owner, err := s.ownerOfEvent(ctx, q.EventID)
	if err != nil {
		return "", fmt.Errorf("postgres store: list runs: %w", err)
	}
	if q.ContactID != "" && owner != contact {
		return "", nil
	}
	return owner, nil
}

// ownerOfEvent returns the owner of an event, "" if there is no such event.
func (s *Store) ownerOfEvent(ctx context.Context, id string) (owner ownerKey, err error) {
	var sc script
	sc.query(func(scan scanFunc) error { return scan(&owner) }, findEventOwner, uuidOf(id))
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return "", fmt.Errorf("event %q: %w", id, err)
	}
	return owner, nil
}
