package postgres

import (
	"math"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// remainingRequest is RunRequest.Remaining in SQL, for a request r.control and a
// change c.
const remainingRequest = `(CASE
		WHEN r.control = c.seen THEN 0
		WHEN r.control = 1 AND c.status = 0 THEN 1
		WHEN r.control = 2 AND c.status = 2 THEN 2
		ELSE 0 END)::smallint`

// All of these rely on the primary keys of active_runs and ended_runs. They change only
// those columns of an existing run that a commit can change. Because a request can be
// recorded at any time, without a lease, they derive the remaining request from the row
// as it is when they execute.
const (
	insertedColumns = `id, automation_no, version, owner, event_id, event_name, status, setbacks, step, due_at, created_at, completed_at, error, state, many_names`
	insertedValues  = `unnest($1::uuid[]), unnest($2::bigint[]), unnest($3::int[]), unnest($4::text[]), unnest($5::uuid[]), unnest($6::text[]),
	unnest($7::smallint[]), unnest($8::int[]), unnest($9::text[]), unnest($10::timestamptz[]),
	unnest($11::timestamptz[]), unnest($12::timestamptz[]), unnest($13::text[]), unnest($14::bytea[]), unnest($15::boolean[])`

	insertActive = `INSERT INTO automation.active_runs (` + insertedColumns + `, listen_no) SELECT ` + insertedValues + `, unnest($16::int[])`
	insertEnded  = `INSERT INTO automation.ended_runs (` + insertedColumns + `, exit) SELECT ` + insertedValues + `, unnest($16::text[])`

	changedRuns = `SELECT unnest($1::uuid[]) AS id, unnest($2::smallint[]) AS status, unnest($3::int[]) AS setbacks, unnest($4::text[]) AS step,
		unnest($5::timestamptz[]) AS due_at, unnest($6::timestamptz[]) AS completed_at,
		unnest($7::text[]) AS error, unnest($8::bytea[]) AS state`

	updateActive = `
WITH written AS (
	UPDATE automation.active_runs r
	SET status = c.status, setbacks = c.setbacks, step = c.step, listen_no = c.listen_no, completed_at = c.completed_at,
		error = c.error, state = c.state, control = ` + remainingRequest + `,
		due_at = CASE WHEN c.hurry OR ` + remainingRequest + ` <> 0 THEN least(c.due_at, c.now) ELSE c.due_at END
	FROM (
		` + changedRuns + `,
			unnest($9::int[]) AS listen_no, unnest($10::smallint[]) AS seen, unnest($11::timestamptz[]) AS now, unnest($12::boolean[]) AS hurry
	) c
	WHERE r.id = ANY (ARRAY[c.id])
	RETURNING r.id, r.control
)
SELECT id, control FROM written WHERE control <> 0`

	updateEnded = `
UPDATE automation.ended_runs r
SET status = c.status, setbacks = c.setbacks, step = c.step, due_at = c.due_at,
	completed_at = c.completed_at, error = c.error, state = c.state, exit = c.exit
FROM (` + changedRuns + `, unnest($9::text[]) AS exit) c WHERE r.id = ANY (ARRAY[c.id])`

	// endRuns moves runs that end, and returns them as they were. A run that fails and
	// has a request to retry stays among the active runs.
	endRuns = `
WITH old AS (
	DELETE FROM automation.active_runs r
	USING (` + changedRuns + `, unnest($9::smallint[]) AS seen, unnest($10::text[]) AS exit) c
	WHERE r.id = ANY (ARRAY[c.id]) AND NOT (r.control = 2 AND c.status = 2 AND c.seen <> 2)
	RETURNING r.id, r.automation_no, r.version, r.owner, r.event_id, r.event_name, r.status AS old_status, r.step AS old_step, r.control,
		c.status, c.setbacks, c.step, c.due_at, r.created_at, c.completed_at, c.error, c.state, r.many_names, c.exit
), moved AS (
	INSERT INTO automation.ended_runs (` + insertedColumns + `, exit) SELECT ` + insertedColumns + `, exit FROM old
)
SELECT id, automation_no, version, old_status, old_step, control FROM old`

	reopenRuns = `
WITH r AS (DELETE FROM automation.ended_runs WHERE id = ANY ($1::uuid[]) RETURNING *)
INSERT INTO automation.active_runs (` + insertedColumns + `) SELECT ` + insertedColumns + ` FROM r`
)

// newRuns contains runs to insert, by column.
type newRuns struct {
	changedColumns
	automations []int64
	versions    []int32
	owners      []string
	events      uuids
	names       []string
	created     []time.Time
	manyNames   nullableBools
}

// changedColumns contains what a commit can change of runs, by column.
type changedColumns struct {
	ids            uuids
	statuses       []int16
	decodeFailures []int32
	steps          []string
	due            nullableTimes
	completed      nullableTimes
	failures       nullableTexts
	states         [][]byte
	listens        nullableInts  // not in args: ended runs have no such column
	exits          nullableTexts // not in args: active runs have no such column
}

func (cs *changedColumns) add(r *automation.RunRecord, due time.Time, listens pgtype.Int4, exit *automation.RunExit) {
	cs.ids, cs.statuses = append(cs.ids, uuidOf(r.ID)), append(cs.statuses, record.StatusCode(r.Status))
	cs.decodeFailures, cs.steps = append(cs.decodeFailures, int32(min(r.DecodeFailures, math.MaxInt32))), append(cs.steps, r.Step)
	cs.due, cs.listens = append(cs.due, timeOrNull(due)), append(cs.listens, listens)
	cs.completed, cs.failures = append(cs.completed, timeOrNull(r.CompletedAt)), append(cs.failures, textOrNull(record.EncodeError(r.Error)))
	cs.states, cs.exits = append(cs.states, r.State), append(cs.exits, textOrNull(record.EncodeExit(exit)))
}

func (cs *changedColumns) args() []any {
	return []any{
		cs.ids, cs.statuses, cs.decodeFailures, cs.steps, cs.due.arg(), cs.completed.arg(), cs.failures.arg(), cs.states,
	}
}

// append adds a run that is due at another time than r.
func (n *newRuns) append(r *automation.RunRecord, due time.Time, listens pgtype.Int4, owner string, group *record.RunGroup, manyNames bool) {
	n.add(r, due, listens, r.Exit)
	n.automations, n.versions = append(n.automations, group.AutomationNo), append(n.versions, int32(group.Version))
	n.owners, n.events, n.names = append(n.owners, owner), append(n.events, uuidOf(r.EventID)), append(n.names, r.EventName)
	n.created, n.manyNames = append(n.created, r.CreatedAt), append(n.manyNames, trueOrNull(manyNames))
}

func (n *newRuns) insertActive(sc *script) {
	if len(n.ids) > 0 {
		sc.exec(insertActive, append(n.args(), n.listens.arg())...)
	}
}

func (n *newRuns) insertEnded(sc *script) {
	if len(n.ids) > 0 {
		sc.exec(insertEnded, append(n.args(), n.exits.arg())...)
	}
}

func (n *newRuns) args() []any {
	return []any{
		n.ids, n.automations, n.versions, n.owners, n.events, n.names, n.statuses, n.decodeFailures, n.steps,
		n.due.arg(), n.created, n.completed.arg(), n.failures.arg(), n.states, n.manyNames.arg(),
	}
}

// activeChanges contains changes of active runs that stay active.
type activeChanges struct {
	changedColumns
	served []int16
	now    []time.Time
	dueNow []bool // the contact was deleted
}

// endingColumns contains changes of runs that end.
type endingColumns struct {
	changedColumns
	served []int16
}

// runWriter groups runs by the statement that writes them.
type runWriter struct {
	active, ended newRuns
	changed       activeChanges
	changedEnded  changedColumns
	reopened      uuids
	writes        map[string]*transitionWrite // of the runs in changed, by id
	listens       listenNumbers
	tally         record.Tally[record.RunGroup]
}

// writeRuns writes the runs of all transitions, and returns how the counters change.
func (c *committer) writeRuns(sc *script) record.Tally[record.RunGroup] {
	rw := &runWriter{listens: c.listens, writes: map[string]*transitionWrite{}, tally: record.Tally[record.RunGroup]{}}
	for _, w := range c.writes {
		for i := range w.t.Runs {
			r := &w.t.Runs[i]
			current, ok := c.current[r.ID]
			switch {
			case !ok:
				v := c.versions[automation.VersionRef{AutomationID: r.AutomationID, Version: r.Version}]
				rw.start(w, r, nil, currentRun{RunGroup: record.RunGroup{AutomationNo: c.automations[r.AutomationID].no}, manyNames: v.manyNames}, c.gone(w))
			case current.inLease:
				rw.start(w, r, &current.RunGroup, current, c.gone(w))
			default:
				rw.change(w, r, current, c.gone(w))
			}
		}
	}
	rw.write(sc)
	return rw.tally
}

// gone reports whether the transition's contact was deleted from this store.
func (c *committer) gone(w *transitionWrite) bool {
	stored := c.contacts[w.owner]
	return stored != nil && stored.deleted
}

// start adds a run that is in no table of runs, because it is new or in its lease's row.
// of has the number of the automation, and what is known of its version.
func (rw *runWriter) start(w *transitionWrite, r *automation.RunChange, from *record.RunGroup, of currentRun, gone bool) {
	to := record.RunGroup{AutomationNo: of.AutomationNo, Version: r.Version, Status: record.StatusCode(r.Status), Step: r.Step}
	if from != nil {
		to.Version = from.Version
	}
	rw.tally.Move(from, &to)
	if r == w.inLease {
		return
	}
	runs, due := &rw.ended, r.DueAt
	if record.GoesOn(*r) {
		runs = &rw.active
		if gone {
			// The next claim brings the run together with the fact that its contact is gone.
			due = record.DueBy(due, w.t.Now)
		}
	}
	runs.append(&r.RunRecord, due, rw.listens.of(r.Listens), w.owner, &to, of.manyNames)
}

// change adds a run that is in a table of runs.
func (rw *runWriter) change(w *transitionWrite, r *automation.RunChange, from currentRun, gone bool) {
	to := from.RunGroup
	to.Status, to.Step = record.StatusCode(r.Status), r.Step
	rw.tally.Move(&from.RunGroup, &to)
	switch {
	case from.moved:
	case from.active || record.GoesOn(*r):
		if !from.active {
			rw.reopened = append(rw.reopened, uuidOf(r.ID))
		}
		rw.changed.add(&r.RunRecord, r.DueAt, rw.listens.of(r.Listens), nil)
		rw.changed.served, rw.changed.now = append(rw.changed.served, record.RequestCode(r.Served)), append(rw.changed.now, w.t.Now)
		rw.changed.dueNow = append(rw.changed.dueNow, gone && record.GoesOn(*r))
		rw.writes[r.ID] = w
	default:
		rw.changedEnded.add(&r.RunRecord, r.DueAt, pgtype.Int4{}, r.Exit)
	}
}

func (rw *runWriter) write(sc *script) {
	rw.active.insertActive(sc)
	rw.ended.insertEnded(sc)
	if len(rw.reopened) > 0 {
		sc.exec(reopenRuns, rw.reopened)
	}
	if c := &rw.changed; len(c.ids) > 0 {
		sc.query(rw.addRequest, updateActive, append(c.args(), c.listens.arg(), c.served, c.now, c.dueNow)...)
	}
	if len(rw.changedEnded.ids) > 0 {
		sc.exec(updateEnded, append(rw.changedEnded.args(), rw.changedEnded.exits.arg())...)
	}
}

// addRequest scans the remaining request of a run.
func (rw *runWriter) addRequest(scan scanFunc) error {
	var id string
	var request int16
	if err := scan(&id, &request); err != nil {
		return err
	}
	w := rw.writes[id]
	if w.requests == nil {
		w.requests = map[string]automation.RunRequest{}
	}
	w.requests[id] = record.RequestOf(request)
	return nil
}
