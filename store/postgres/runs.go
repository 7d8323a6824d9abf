package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// storedRun is a row of any table of runs.
type storedRun struct {
	automation.RunRecord
	owner   string
	request automation.RunRequest
}

const (
	runColumns    = `r.id, a.id, r.version, r.owner, r.event_id, r.event_name, r.status, r.setbacks, r.step, r.wait_event, r.due_at, r.created_at, r.completed_at, r.error`
	activeColumns = runColumns + `, r.state, r.control`
)

// scanRun scans runColumns, and the columns after them into more.
func scanRun(scan scanFunc, more ...any) (storedRun, error) {
	var r storedRun
	var status int16
	var event, waits, failure *string
	var due, completed *time.Time
	dest := []any{
		&r.ID, &r.AutomationID, &r.Version, &r.owner, &event, &r.EventName, &status, &r.DecodeFailures, &r.Step, &waits,
		&due, &r.CreatedAt, &completed, &failure,
	}
	if err := scan(append(dest, more...)...); err != nil {
		return r, err
	}
	r.ContactID, r.Status = refOf(r.owner).ID, record.StatusOf(status)
	r.EventID, r.WaitEvent, r.Error = textOf(event), textOf(waits), record.DecodeError(textOf(failure))
	r.DueAt, r.CompletedAt, r.CreatedAt = timeOf(due), timeOf(completed), r.CreatedAt.UTC()
	return r, nil
}

// scanActiveRun scans activeColumns, and the columns after them into more.
func scanActiveRun(scan scanFunc, more ...any) (storedRun, error) {
	var state []byte
	var request int16
	r, err := scanRun(scan, append([]any{&state, &request}, more...)...)
	r.State, r.request = state, record.RequestOf(request)
	return r, err
}

// findRun and findRuns rely on the primary keys of active_runs and ended_runs. As the
// lists do, they also read leases_begun, which has as many entries as contacts have work
// in progress.
const (
	foundActive = `
SELECT ` + runColumns + `, r.state, r.control
FROM automation.active_runs r JOIN automation.automations a ON a.no = ANY (ARRAY[r.automation_no]) WHERE `
	foundEnded = `
UNION ALL
SELECT ` + runColumns + `, r.state, 0::smallint
FROM automation.ended_runs r JOIN automation.automations a ON a.no = ANY (ARRAY[r.automation_no]) WHERE `
	foundBegun = `
UNION ALL
SELECT ` + runColumns + `, r.state, r.control
FROM automation.begun_runs r JOIN automation.automations a ON a.no = ANY (ARRAY[r.automation_no]) WHERE `

	theRun   = `r.id = $1::uuid`
	theRuns  = `r.id = ANY ($1::uuid[])`
	findRun  = foundActive + theRun + foundEnded + theRun + foundBegun + theRun
	findRuns = foundActive + theRuns + foundEnded + theRuns + foundBegun + theRuns
)

// FindRun implements automation.RunReader.
func (s *Store) FindRun(ctx context.Context, id string) (automation.RunRecord, error) {
	if err := s.ready(ctx); err != nil {
		return automation.RunRecord{}, err
	}
	rows, err := s.readRuns(ctx, scanActiveRun, findRun, uuidOf(id))
	if err != nil {
		return automation.RunRecord{}, fmt.Errorf("postgres store: find run %q: %w", id, err)
	}
	if len(rows) == 0 {
		return automation.RunRecord{}, record.NotFound("run", id)
	}
	return rows[0], nil
}

// FindRuns implements automation.RunReader.
func (s *Store) FindRuns(ctx context.Context, ids []string) ([]automation.RunRecord, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	keys := make([]pgtype.UUID, len(ids))
	for i, id := range ids {
		keys[i] = uuidOf(id)
	}
	rows, err := s.readRuns(ctx, scanActiveRun, findRuns, keys)
	if err != nil {
		return nil, fmt.Errorf("postgres store: find runs: %w", err)
	}
	return rows, nil
}

// readRuns reads runs, and locks nothing.
func (s *Store) readRuns(ctx context.Context, read func(scan scanFunc, more ...any) (storedRun, error), sql string, args ...any) ([]automation.RunRecord, error) {
	var rows []automation.RunRecord
	var sc script
	sc.query(func(scan scanFunc) error {
		r, err := read(scan)
		rows = append(rows, r.RunRecord)
		return err
	}, sql, args...)
	return rows, implicit{s}.run(ctx, sc)
}

// The counters name every group of runs with one automation, version, status and step.
// The runs of a group are one range of active_runs_place or ended_runs_place, so a page
// costs a few rows of each group, however long the history is. Failed runs may be in
// both tables.
const (
	listedGroups = `
WITH places AS (
	SELECT c.automation_no, c.version, c.status, c.step
	FROM automation.run_counts c JOIN automation.automations a ON a.no = c.automation_no
	WHERE ($1::text = '' OR a.id = $1::text) AND ($2::int = 0 OR c.version = $2::int)
		AND (cardinality($3::smallint[]) = 0 OR c.status = ANY ($3::smallint[])) AND ($4::text = '' OR c.step = $4::text)
	GROUP BY 1, 2, 3, 4 HAVING sum(c.n) > 0
)
SELECT ` + runColumns + `
FROM (
	SELECT r.* FROM places p CROSS JOIN LATERAL (
		SELECT ` + listedColumns + ` FROM automation.active_runs r WHERE ` + inGroup

	andEnded = `
	) r WHERE p.status IN (0, 2)
	UNION ALL
	SELECT r.* FROM places p CROSS JOIN LATERAL (
		SELECT ` + listedColumns + ` FROM automation.ended_runs r WHERE ` + inGroup

	andBegun = `
	) r WHERE p.status <> 0
	UNION ALL
	SELECT r.* FROM (
		SELECT ` + listedColumns + ` FROM automation.begun_runs r
		WHERE ($1::text = '' OR r.automation_no = (SELECT no FROM automation.automations WHERE id = $1::text))
			AND ($2::int = 0 OR r.version = $2::int) AND (cardinality($3::smallint[]) = 0 OR 0 = ANY ($3::smallint[]))
			AND ($4::text = '' OR r.step = $4::text) AND ` + asAsked

	joined = `
	) r
) r JOIN automation.automations a ON a.no = r.automation_no`

	listedColumns = `r.id, r.automation_no, r.version, r.owner, r.event_id, r.event_name, r.status, r.setbacks, r.step, r.wait_event, r.due_at, r.created_at, r.completed_at, r.error`

	inGroup = `r.automation_no = p.automation_no AND r.version = p.version AND r.status = p.status AND r.step = p.step
			AND ` + asAsked

	asAsked = `($5::text = '' OR r.event_name = $5::text)
			AND r.created_at >= coalesce($6::timestamptz, '-infinity') AND r.created_at < coalesce($7::timestamptz, 'infinity')`

	older = `
			AND (r.created_at, r.id) < (coalesce($8::timestamptz, 'infinity'), coalesce($9::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
		ORDER BY r.created_at DESC, r.id DESC LIMIT $10::int`
	newer = `
			AND (r.created_at, r.id) > ($8::timestamptz, $9::uuid)
		ORDER BY r.created_at, r.id LIMIT $10::int`

	olderRuns = listedGroups + older + andEnded + older + andBegun + older + joined + ` ORDER BY r.created_at DESC, r.id DESC LIMIT $10::int`
	newerRuns = listedGroups + newer + andEnded + newer + andBegun + newer + joined + ` ORDER BY r.created_at, r.id LIMIT $10::int`
)

// The runs of a contact are few. The lists of them rely on active_runs_owner and
// ended_runs_owner. OFFSET 0 keeps the planner from choosing another index for the
// remaining conditions.
const (
	owned = `
SELECT ` + runColumns + `
FROM (
	SELECT ` + listedColumns + ` FROM automation.active_runs r WHERE r.owner = $11::text AND ($12::uuid IS NULL OR r.event_id = $12::uuid)
	UNION ALL
	SELECT ` + listedColumns + ` FROM automation.ended_runs r WHERE r.owner = $11::text AND ($12::uuid IS NULL OR r.event_id = $12::uuid)
	UNION ALL
	SELECT ` + listedColumns + ` FROM automation.begun_runs r WHERE r.owner = $11::text AND ($12::uuid IS NULL OR r.event_id = $12::uuid)
	OFFSET 0
) r JOIN automation.automations a ON a.no = r.automation_no
WHERE ($1::text = '' OR a.id = $1::text) AND ($2::int = 0 OR r.version = $2::int)
	AND (cardinality($3::smallint[]) = 0 OR r.status = ANY ($3::smallint[])) AND ($4::text = '' OR r.step = $4::text)
	AND ($5::text = '' OR r.event_name = $5::text)
	AND r.created_at >= coalesce($6::timestamptz, '-infinity') AND r.created_at < coalesce($7::timestamptz, 'infinity')`

	olderOwned = owned + older
	newerOwned = owned + newer
)

// findRunCreated relies on the primary keys of active_runs and ended_runs,
// findEventOwner on that of events.
const (
	findRunCreated = `
SELECT created_at FROM automation.active_runs WHERE id = $1::uuid
UNION ALL
SELECT created_at FROM automation.ended_runs WHERE id = $1::uuid
UNION ALL
SELECT created_at FROM automation.begun_runs WHERE id = $1::uuid`

	findEventOwner = `SELECT owner FROM automation.events WHERE id = $1::uuid`
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
	sql := record.InDirection(q.PageQuery, olderRuns, newerRuns)
	if q.ContactID != "" || q.EventID != "" {
		owner, err := s.ownerOfRuns(ctx, q)
		if err != nil || owner == "" {
			return page, err
		}
		sql, args = record.InDirection(q.PageQuery, olderOwned, newerOwned), append(args, owner, uuidOf(q.EventID))
	}
	rows, err := s.readRuns(ctx, scanRun, sql, args...)
	if err != nil {
		return page, fmt.Errorf("postgres store: list runs: %w", err)
	}
	return record.PageOf(rows, q.PageQuery), nil
}

// runFilter returns the arguments that all lists of runs share.
func (s *Store) runFilter(ctx context.Context, q automation.RunQuery) ([]any, error) {
	statuses := make([]int16, len(q.Statuses))
	for i, status := range q.Statuses {
		statuses[i] = record.StatusCode(status)
	}
	cursor := uuidOf(q.After + q.Before)
	var created *time.Time
	if id := q.After + q.Before; id != "" {
		var sc script
		sc.query(func(scan scanFunc) error { return scan(&created) }, findRunCreated, cursor)
		if err := (implicit{s}).run(ctx, sc); err != nil {
			return nil, fmt.Errorf("postgres store: list runs: %w", err)
		}
		if created == nil {
			return nil, record.NotFound("run", id)
		}
	}
	return []any{
		q.AutomationID, q.Version, statuses, q.Step, q.EventName,
		timeOrNull(q.CreatedFrom), timeOrNull(q.CreatedUntil), created, cursor, q.Limit + 1,
	}, nil
}

// ownerOfRuns returns the owner of the runs that can match the query, "" if none can.
func (s *Store) ownerOfRuns(ctx context.Context, q automation.RunQuery) (string, error) {
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
func (s *Store) ownerOfEvent(ctx context.Context, id string) (owner string, err error) {
	var sc script
	sc.query(func(scan scanFunc) error { return scan(&owner) }, findEventOwner, uuidOf(id))
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return "", fmt.Errorf("event %q: %w", id, err)
	}
	return owner, nil
}
