package sqlite

import (
	"context"
	"database/sql"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// table is one of the three tables that runs are in. Statements contain its number.
type table int

const (
	inLeaseRuns table = 0 // of leases
	activeRuns  table = 1
	endedRuns   table = 2
)

// storedRun is a row of any table of runs.
type storedRun struct {
	automation.ClaimedRun
	no    int64
	owner key
	table table
}

// Runs are read with the rows that they refer to, by primary keys. The row of a lease
// has fewer columns for a run than the other two tables.
const (
	runColumns = `
SELECT r.no AS no, r.id, a.id, p.version, r.owner, e.id, iif(r.event_age IS NULL, e.name, p.event_name), r.event_age IS NOT NULL, p.status, p.step, r.due_at, r.created_at AS created_at, `
	joinRun = `
JOIN automation_places p ON p.no = r.place_no
JOIN automation_automations a ON a.no = p.automation_no
LEFT JOIN automation_events e ON e.no = r.event_no`
	fromInLease = ` FROM automation_begun_runs r` + joinRun
	fromActive  = ` FROM automation_active_runs r` + joinRun
	fromEnded   = ` FROM automation_ended_runs r` + joinRun

	inLeaseColumns = runColumns + `0, 0, NULL, NULL, r.state, 0, NULL, NULL, ` + listenedNames + `, NULL`
	activeColumns  = runColumns + `r.control, r.setbacks, r.completed_at, r.error, r.state, 1, NULL, NULL, ` + listenedNames + `, NULL`
	endedColumns   = runColumns + `r.control, r.setbacks, r.completed_at, r.error, r.state, 2, NULL, NULL, NULL, r.exit`
	selectInLease  = inLeaseColumns + fromInLease
	selectActive   = activeColumns + fromActive
	selectEnded    = endedColumns + fromEnded
	// claimColumns include the payload and the cause of the event that started the run.
	claimColumns = runColumns + `r.control, r.setbacks, r.completed_at, r.error, r.state, 1, coalesce(e.payload, r.event_payload), coalesce(e.cause, json_extract(r.event_more, '$.cause')), ` + listenedNames + `, NULL`
	// listColumns leave out the state.
	listColumns        = runColumns + `r.control, r.setbacks, r.completed_at AS completed_at, r.error, NULL, 1, NULL, NULL, ` + listenedNames + `, NULL`
	listEndedColumns   = runColumns + `r.control, r.setbacks, r.completed_at AS completed_at, r.error, NULL, 2, NULL, NULL, NULL, r.exit`
	listInLeaseColumns = runColumns + `0, 0, NULL, NULL, NULL, 0, NULL, NULL, ` + listenedNames + `, NULL`
)

func scanRun(rows *sql.Rows) (r storedRun, err error) {
	var id, event key
	var eventName, failure, cause, listens, exit nullText
	var status, request int16
	var due, completed nullTime
	var created timestamp
	var holds bool // the row has the event that started the run
	err = rows.Scan(&r.no, &id, &r.AutomationID, &r.Version, &r.owner, &event, &eventName, &holds, &status, &r.Step,
		&due, &created, &request, &r.DecodeFailures, &completed, &failure, &r.State, &r.table, &r.TriggerPayload, &cause, &listens, &exit)
	if holds {
		event = id.twin()
	}
	r.ID, r.ContactID, r.EventID, r.EventName = id.id(), r.owner.id(), event.id(), string(eventName)
	r.Status, r.Request = record.StatusOf(status), record.RequestOf(request)
	r.DueAt, r.CreatedAt, r.CompletedAt = due.Time, created.Time, completed.Time
	r.Error, r.Exit = record.DecodeError(string(failure)), record.DecodeExit(string(exit))
	if err == nil {
		r.Listens, err = record.DecodeNames(string(listens))
	}
	if err == nil {
		r.Cause, err = record.DecodeCause(string(cause))
	}
	return r, err
}

// findRun relies on the unique indexes on id. It scans the leases, of which there are as many as
// contacts with work in progress.
const findRun = selectActive + ` WHERE r.id = ?1 UNION ALL ` + selectEnded + ` WHERE r.id = ?1 UNION ALL ` + selectInLease + ` WHERE r.id = ?1`

func findStoredRun(ctx context.Context, q session, id string) (storedRun, error) {
	r, found, err := one(ctx, q, scanRun, findRun, idKey(id).column())
	if err == nil && !found {
		return r, record.NotFound("run", id)
	}
	return r, failed("find run", err)
}

// FindRun implements automation.RunReader.
func (s *Store) FindRun(ctx context.Context, id string) (run automation.RunRecord, err error) {
	err = s.read(ctx, func(q session) error {
		stored, err := findStoredRun(ctx, q, id)
		run = stored.RunRecord
		return err
	})
	return run, err
}

// findRuns relies on the unique indexes on id, and scans the leases as findRun does. CROSS
// JOIN keeps the planner from beginning with the places.
const findRuns = forKeys +
	activeColumns + ` FROM keys CROSS JOIN automation_active_runs r ON r.id = k` + joinFound + ` UNION ALL ` +
	endedColumns + ` FROM keys CROSS JOIN automation_ended_runs r ON r.id = k` + joinFound + ` UNION ALL ` +
	inLeaseColumns + ` FROM automation_begun_runs r` + joinFound + ` WHERE r.id IN (SELECT k FROM keys)`

const joinFound = `
CROSS JOIN automation_places p ON p.no = r.place_no
CROSS JOIN automation_automations a ON a.no = p.automation_no
LEFT JOIN automation_events e ON e.no = r.event_no`

// FindRuns implements automation.RunReader.
func (s *Store) FindRuns(ctx context.Context, ids []string) (runs []automation.RunRecord, err error) {
	keys := make([]key, len(ids))
	for i, id := range ids {
		keys[i] = idKey(id)
	}
	err = s.read(ctx, func(q session) error {
		use := func(r storedRun) { runs = append(runs, r.RunRecord) }
		return failed("find runs", lookup(ctx, q, scanRun, findRuns, keys, use))
	})
	return runs, err
}
