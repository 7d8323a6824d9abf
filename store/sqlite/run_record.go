package sqlite

import (
	"database/sql"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// storedRun is a row of the active or the ended runs.
type storedRun struct {
	automation.ClaimedRun
	no           int64
	owner        key
	automationNo int64
	active       bool
}

// Runs are read with what they refer to, by primary keys.
const (
	runColumns = `
SELECT r.no AS no, r.id, r.automation_no, a.id, r.version, r.owner, e.id, e.name, r.status, r.control, r.setbacks, r.step,
	r.wait_event, r.due_at, r.created_at AS created_at, r.completed_at, `
	joinRun = `
JOIN automation_automations a ON a.no = r.automation_no
LEFT JOIN automation_events e ON e.no = r.event_no`
	fromActive = ` FROM automation_active_runs r` + joinRun
	fromEnded  = ` FROM automation_ended_runs r` + joinRun

	selectActive = runColumns + `r.error, r.state, 1, NULL` + fromActive
	selectEnded  = runColumns + `r.error, r.state, 0, NULL` + fromEnded
	// claimColumns have the payload of the event that has started the run.
	claimColumns = runColumns + `r.error, r.state, 1, e.payload`
	// listColumns are without what only matters to who works on a run.
	listColumns = runColumns + `NULL, NULL, 0, NULL`
)

func scanRun(rows *sql.Rows) (r storedRun, err error) {
	var id, event key
	var eventName, waits, failure text
	var status, control int16
	var due, completed maybe
	var created moment
	err = rows.Scan(&r.no, &id, &r.automationNo, &r.AutomationID, &r.Version, &r.owner, &event, &eventName,
		&status, &control, &r.Setbacks, &r.Step, &waits, &due, &created, &completed, &failure, &r.State, &r.active, &r.Trigger)
	r.ID, r.ContactID, r.EventID, r.EventName = id.id(), r.owner.id(), event.id(), string(eventName)
	r.Status, r.Control = record.StatusOf(status), record.ControlOf(control)
	r.WaitEvent, r.DueAt, r.CreatedAt, r.CompletedAt = string(waits), due.Time, created.Time, completed.Time
	r.Error = record.DecodeError(string(failure))
	return r, err
}
