package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/uuid"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// storedRun is a row of any table of runs.
type storedRun struct {
	automation.RunRecord
	owner   ownerKey
	request automation.RunRequest
}

const (
	firstColumns  = `r.id, p.automation_id, p.version, r.owner, r.event_id, r.event_at IS NOT NULL, p.event_name, p.status, coalesce(r.setbacks, 0), p.step, r.due_at, r.created_at, r.completed_at, r.error`
	listened      = `, (SELECT s.names FROM automation.listen_sets s WHERE s.no = r.listen_no)`
	runColumns    = firstColumns + listened + `, r.exit`
	endedColumns  = firstColumns + `, NULL::text, r.exit`
	activeColumns = firstColumns + listened + `, NULL::text, r.state, coalesce(r.control, 0::smallint)`
)

// scanRun scans runColumns or endedColumns, and the columns after them into more.
func scanRun(scan scanFunc, more ...any) (storedRun, error) {
	// Each variable that a row is scanned into is allocated, so there is one.
	var row struct {
		run                           storedRun
		status                        int16
		event, failure, listens, exit pgtype.Text
		due, completed                pgtype.Timestamptz
		hasEvent                      bool
	}
	r := &row.run
	columns := append(make([]any, 0, 20),
		&r.ID, &r.AutomationID, &r.Version, &r.owner, &row.event, &row.hasEvent, &r.EventName, &row.status, &r.DecodeFailures, &r.Step,
		&row.due, &r.CreatedAt, &row.completed, &row.failure, &row.listens, &row.exit)
	if err := scan(append(columns, more...)...); err != nil {
		return *r, err
	}
	r.ContactID, r.Status = refOf(r.owner).ID, record.StatusOf(row.status)
	r.EventID, r.Error = row.event.String, record.DecodeError(row.failure.String)
	if row.hasEvent {
		r.EventID = uuid.Twin(r.ID)
	}
	r.Exit = record.DecodeExit(row.exit.String)
	r.DueAt, r.CompletedAt, r.CreatedAt = timeOf(row.due), timeOf(row.completed), r.CreatedAt.UTC()
	var err error
	r.Listens, err = record.DecodeNames(row.listens.String)
	return *r, err
}

// scanActiveRun scans activeColumns, and the columns after them into more.
func scanActiveRun(scan scanFunc, more ...any) (storedRun, error) {
	var state []byte
	var request int16
	r, err := scanRun(scan, append([]any{&state, &request}, more...)...)
	r.State, r.request = state, record.RequestOf(request)
	return r, err
}

// findRun and findRuns rely on the primary keys of active_runs, ended_runs and places. As the
// lists do, they also read all leases (see begun).
const (
	joinPlace = ` JOIN automation.places p ON p.no = ANY (ARRAY[r.place_no])`

	foundActive = `
SELECT ` + activeColumns + `
FROM automation.active_runs r` + joinPlace + ` WHERE `
	foundEnded = `
UNION ALL
SELECT ` + endedColumns + `, r.state, 0::smallint
FROM automation.ended_runs r` + joinPlace + ` WHERE `
	foundBegun = `
UNION ALL
SELECT ` + activeColumns + `
FROM automation.begun_runs r` + joinPlace + ` WHERE r.` + everyLease + ` AND `

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
	keys := make(uuids, len(ids))
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
