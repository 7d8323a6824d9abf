package sqlite

import (
	"database/sql"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// table is the one in which a run is. Statements know it by its number.
type table int

const (
	begunRuns  table = 0 // the rows of leases
	activeRuns table = 1
	endedRuns  table = 2
)

// storedRun is a run of any table.
type storedRun struct {
	automation.ClaimedRun
	no    int64
	owner key
	table table
}

// Runs are read with what they refer to, by primary keys. Those that have just begun
// have no more than their table.
const (
	runColumns = `
SELECT r.no AS no, r.id, a.id, p.version, r.owner, e.id, e.name, p.status, p.step, p.wait_event, r.due_at, r.created_at AS created_at, `
	joinRun = `
JOIN automation_places p ON p.no = r.place_no
JOIN automation_automations a ON a.no = p.automation_no
LEFT JOIN automation_events e ON e.no = r.event_no`
	fromBegun  = ` FROM automation_begun_runs r` + joinRun
	fromActive = ` FROM automation_active_runs r` + joinRun
	fromEnded  = ` FROM automation_ended_runs r` + joinRun

	selectBegun  = runColumns + `0, 0, NULL, NULL, r.state, 0, NULL` + fromBegun
	selectActive = runColumns + `r.control, r.setbacks, r.completed_at, r.error, r.state, 1, NULL` + fromActive
	selectEnded  = runColumns + `r.control, r.setbacks, r.completed_at, r.error, r.state, 2, NULL` + fromEnded
	// claimColumns have the payload of the event that has started the run.
	claimColumns = runColumns + `r.control, r.setbacks, r.completed_at, r.error, r.state, 1, e.payload`
	// listColumns are without what only matters to who works on a run.
	listColumns      = runColumns + `r.control, r.setbacks, r.completed_at, NULL, NULL, 1, NULL`
	listBegunColumns = runColumns + `0, 0, NULL, NULL, NULL, 0, NULL`
)

func scanRun(rows *sql.Rows) (r storedRun, err error) {
	var id, event key
	var eventName, failure text
	var status, control int16
	var due, completed maybe
	var created moment
	err = rows.Scan(&r.no, &id, &r.AutomationID, &r.Version, &r.owner, &event, &eventName, &status, &r.Step, &r.WaitEvent,
		&due, &created, &control, &r.DecodeFailures, &completed, &failure, &r.State, &r.table, &r.TriggerPayload)
	r.ID, r.ContactID, r.EventID, r.EventName = id.id(), r.owner.id(), event.id(), string(eventName)
	r.Status, r.Request = record.StatusOf(status), record.ControlOf(control)
	r.DueAt, r.CreatedAt, r.CompletedAt = due.Time, created.Time, completed.Time
	r.Error = record.DecodeError(string(failure))
	return r, err
}
