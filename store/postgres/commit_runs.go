package postgres

import (
	"math"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// keptControl is what is left of a request r.control once a run is as c says: what
// c has carried out is done, and what means nothing to its status is forgotten.
const keptControl = `(CASE
		WHEN r.control = c.seen THEN 0
		WHEN r.control = 1 AND c.status = 0 THEN 1
		WHEN r.control = 2 AND c.status = 2 THEN 2
		ELSE 0 END)::smallint`

// All of these rely on the primary keys of active_runs and ended_runs. Only what a
// commit can change is written over a run that exists. A request is made at any
// time, without a lease: what is left of it is decided by the row as it is then.
const (
	insertedRuns = `(id, automation_no, version, owner, event_id, event_name, status, setbacks, step, wait_event, due_at, created_at, completed_at, error, state)
SELECT unnest($1::uuid[]), unnest($2::bigint[]), unnest($3::int[]), unnest($4::text[]), unnest($5::uuid[]), unnest($6::text[]),
	unnest($7::smallint[]), unnest($8::int[]), unnest($9::text[]), unnest($10::text[]), unnest($11::timestamptz[]),
	unnest($12::timestamptz[]), unnest($13::timestamptz[]), unnest($14::text[]), unnest($15::bytea[])`

	insertActive = `INSERT INTO automation.active_runs ` + insertedRuns
	insertEnded  = `INSERT INTO automation.ended_runs ` + insertedRuns

	changedRuns = `SELECT unnest($1::uuid[]) AS id, unnest($2::smallint[]) AS status, unnest($3::int[]) AS setbacks, unnest($4::text[]) AS step,
		unnest($5::text[]) AS wait_event, unnest($6::timestamptz[]) AS due_at, unnest($7::timestamptz[]) AS completed_at,
		unnest($8::text[]) AS error, unnest($9::bytea[]) AS state`

	updateActive = `
WITH written AS (
	UPDATE automation.active_runs r
	SET status = c.status, setbacks = c.setbacks, step = c.step, wait_event = c.wait_event, completed_at = c.completed_at,
		error = c.error, state = c.state, control = ` + keptControl + `,
		due_at = CASE WHEN c.hurry OR ` + keptControl + ` <> 0 THEN least(c.due_at, c.now) ELSE c.due_at END
	FROM (
		` + changedRuns + `,
			unnest($10::smallint[]) AS seen, unnest($11::timestamptz[]) AS now, unnest($12::boolean[]) AS hurry
	) c
	WHERE r.id = ANY (ARRAY[c.id])
	RETURNING r.id, r.control
)
SELECT id, control FROM written WHERE control <> 0`

	updateEnded = `
UPDATE automation.ended_runs r
SET status = c.status, setbacks = c.setbacks, step = c.step, wait_event = c.wait_event, due_at = c.due_at,
	completed_at = c.completed_at, error = c.error, state = c.state
FROM (` + changedRuns + `) c WHERE r.id = ANY (ARRAY[c.id])`

	// endRuns moves runs that end, and returns where they stood. One that fails and is
	// asked to go on stays.
	endRuns = `
WITH old AS (
	DELETE FROM automation.active_runs r
	USING (` + changedRuns + `, unnest($10::smallint[]) AS seen) c
	WHERE r.id = ANY (ARRAY[c.id]) AND NOT (r.control = 2 AND c.status = 2 AND c.seen <> 2)
	RETURNING r.id, r.automation_no, r.version, r.owner, r.event_id, r.event_name, r.status AS old_status, r.step AS old_step, r.control,
		c.status, c.setbacks, c.step, c.wait_event, c.due_at, r.created_at, c.completed_at, c.error, c.state
), moved AS (
	INSERT INTO automation.ended_runs (
		id, automation_no, version, owner, event_id, event_name, status, setbacks, step, wait_event, due_at, created_at, completed_at, error, state)
	SELECT id, automation_no, version, owner, event_id, event_name, status, setbacks, step, wait_event, due_at, created_at, completed_at, error, state
	FROM old
)
SELECT id, automation_no, version, old_status, old_step, control FROM old`

	reopenRuns = `
WITH r AS (DELETE FROM automation.ended_runs WHERE id = ANY ($1::uuid[]) RETURNING *)
INSERT INTO automation.active_runs (
	id, automation_no, version, owner, event_id, event_name, status, setbacks, step, wait_event, due_at, created_at, completed_at, error, state)
SELECT id, automation_no, version, owner, event_id, event_name, status, setbacks, step, wait_event, due_at, created_at, completed_at, error, state
FROM r`
)

// newRuns are runs to insert, by column.
type newRuns struct {
	changedColumns
	automations []int64
	versions    []int32
	owners      []string
	events      uuids
	names       []string
	created     []time.Time
}

// changedColumns are what a commit can change of runs, by column.
type changedColumns struct {
	ids       uuids
	statuses  []int16
	setbacks  []int32
	steps     []string
	waits     nullableTexts
	due       nullableTimes
	completed nullableTimes
	failures  nullableTexts
	states    [][]byte
}

func (cs *changedColumns) add(r *automation.RunRecord, due time.Time) {
	cs.ids, cs.statuses = append(cs.ids, uuidOf(r.ID)), append(cs.statuses, record.StatusCode(r.Status))
	cs.setbacks, cs.steps = append(cs.setbacks, int32(min(r.DecodeFailures, math.MaxInt32))), append(cs.steps, r.Step)
	cs.waits, cs.due = append(cs.waits, orNull(r.WaitEvent)), append(cs.due, nullable(due))
	cs.completed, cs.failures = append(cs.completed, nullable(r.CompletedAt)), append(cs.failures, orNull(record.EncodeError(r.Error)))
	cs.states = append(cs.states, r.State)
}

func (cs *changedColumns) args() []any {
	return []any{
		cs.ids, cs.statuses, cs.setbacks, cs.steps, cs.waits.arg(), cs.due.arg(), cs.completed.arg(), cs.failures.arg(), cs.states,
	}
}

func (n *newRuns) insert(sc *script, sql string) {
	if len(n.ids) > 0 {
		sc.exec(sql, n.ids, n.automations, n.versions, n.owners, n.events, n.names, n.statuses, n.setbacks, n.steps,
			n.waits.arg(), n.due.arg(), n.created, n.completed.arg(), n.failures.arg(), n.states)
	}
}

// activeChanges are changes of active runs that stay active.
type activeChanges struct {
	changedColumns
	seen  []int16
	now   []time.Time
	hurry []bool // the contact is gone
}

// endingColumns are changes of runs that end.
type endingColumns struct {
	changedColumns
	seen []int16
}

// runWriter sorts changes of runs by what has to be done with their rows.
type runWriter struct {
	active, ended newRuns
	changed       activeChanges
	changedEnded  changedColumns
	reopened      uuids
	items         map[string]*item // by run, of those that are changed
	tally         record.Tally
}

// writeRuns writes the runs of all transitions, and returns how the counters change.
func (w *writing) writeRuns(sc *script) record.Tally {
	rw := &runWriter{items: map[string]*item{}, tally: record.Tally{}}
	for _, it := range w.items {
		for i := range it.t.Runs {
			r := &it.t.Runs[i]
			p, ok := w.present[r.ID]
			switch {
			case !ok:
				rw.start(it, r, nil, w.automations[r.AutomationID].no, w.gone(it))
			case p.begun:
				rw.start(it, r, &p.Place, p.Automation, w.gone(it))
			default:
				rw.change(it, r, p, w.gone(it))
			}
		}
	}
	rw.write(sc)
	return rw.tally
}

// gone reports whether the transition's contact was deleted.
func (w *writing) gone(it *item) bool {
	c := w.contacts[it.owner]
	return c != nil && c.deleted
}

// start adds a run that is in no table yet, because it is new or was with its lease.
func (rw *runWriter) start(it *item, r *automation.RunChange, from *record.Place, no int64, gone bool) {
	to := record.Place{Automation: no, Version: r.Version, Status: record.StatusCode(r.Status), Step: r.Step}
	if from != nil {
		to.Version = from.Version
	}
	rw.tally.Move(from, &to)
	if r == it.begun {
		return
	}
	runs, due := &rw.ended, r.DueAt
	if goesOn(*r) {
		runs = &rw.active
		if gone && (due.IsZero() || due.After(it.t.Now)) {
			due = it.t.Now // so that the engine finds out
		}
	}
	runs.add(&r.RunRecord, due)
	runs.automations, runs.versions, runs.owners = append(runs.automations, no), append(runs.versions, int32(to.Version)), append(runs.owners, it.owner)
	runs.events, runs.names, runs.created = append(runs.events, uuidOf(r.EventID)), append(runs.names, r.EventName), append(runs.created, r.CreatedAt)
}

// change adds a run that exists.
func (rw *runWriter) change(it *item, r *automation.RunChange, from presentRun, gone bool) {
	to := from.Place
	to.Status, to.Step = record.StatusCode(r.Status), r.Step
	rw.tally.Move(&from.Place, &to)
	switch {
	case from.moved:
	case from.active || goesOn(*r):
		if !from.active {
			rw.reopened = append(rw.reopened, uuidOf(r.ID))
		}
		rw.changed.add(&r.RunRecord, r.DueAt)
		rw.changed.seen, rw.changed.now = append(rw.changed.seen, record.ControlCode(r.Served)), append(rw.changed.now, it.t.Now)
		rw.changed.hurry = append(rw.changed.hurry, gone && goesOn(*r))
		rw.items[r.ID] = it
	default:
		rw.changedEnded.add(&r.RunRecord, r.DueAt)
	}
}

func (rw *runWriter) write(sc *script) {
	rw.active.insert(sc, insertActive)
	rw.ended.insert(sc, insertEnded)
	if len(rw.reopened) > 0 {
		sc.exec(reopenRuns, rw.reopened)
	}
	if c := &rw.changed; len(c.ids) > 0 {
		sc.query(rw.noteControl, updateActive, append(c.args(), c.seen, c.now, c.hurry)...)
	}
	if len(rw.changedEnded.ids) > 0 {
		sc.exec(updateEnded, rw.changedEnded.args()...)
	}
}

// noteControl notes a request that is left of a run.
func (rw *runWriter) noteControl(scan scanFunc) error {
	var id string
	var control int16
	if err := scan(&id, &control); err != nil {
		return err
	}
	it := rw.items[id]
	if it.controls == nil {
		it.controls = map[string]automation.RunRequest{}
	}
	it.controls[id] = record.ControlOf(control)
	return nil
}
