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
	insertedColumns = `id, place_no, setbacks, due_at, completed_at, error, state, owner, created_at, event_id, ` + eventInRun
	insertedValues  = `unnest($1::uuid[]), unnest($2::int[]), unnest($3::int[]), unnest($4::timestamptz[]), unnest($5::timestamptz[]), unnest($6::text[]),
	unnest($7::bytea[]), unnest($8::bytea[]), unnest($9::timestamptz[]), unnest($10::uuid[]),
	unnest($11::timestamptz[]), unnest($12::timestamptz[]), unnest($13::text[]), unnest($14::text[]), unnest($15::text[]), unnest($16::text[])`

	insertActive = `INSERT INTO automation.active_runs (` + insertedColumns + `, listen_no) SELECT ` + insertedValues + `, unnest($17::int[])`
	insertEnded  = `INSERT INTO automation.ended_runs (` + insertedColumns + `, exit) SELECT ` + insertedValues + `, unnest($17::text[])`

	changedRuns = `SELECT unnest($1::uuid[]) AS id, unnest($2::int[]) AS place_no, unnest($3::int[]) AS setbacks,
		unnest($4::timestamptz[]) AS due_at, unnest($5::timestamptz[]) AS completed_at, unnest($6::text[]) AS error, unnest($7::bytea[]) AS state`

	updateActive = `
WITH written AS (
	UPDATE automation.active_runs r
	SET place_no = c.place_no, setbacks = c.setbacks, listen_no = c.listen_no, completed_at = c.completed_at,
		error = c.error, state = c.state, control = nullif(` + remainingRequest + `, 0),
		due_at = CASE WHEN c.hurry OR ` + remainingRequest + ` <> 0 THEN least(c.due_at, c.now) ELSE c.due_at END
	FROM (
		` + changedRuns + `,
			unnest($8::int[]) AS listen_no, unnest($9::smallint[]) AS status, unnest($10::smallint[]) AS seen, unnest($11::timestamptz[]) AS now, unnest($12::boolean[]) AS hurry
	) c
	WHERE r.id = ANY (ARRAY[c.id])
	RETURNING r.id, r.control
)
SELECT id, control FROM written WHERE control IS NOT NULL`

	updateEnded = `
UPDATE automation.ended_runs r
SET place_no = c.place_no, setbacks = c.setbacks, due_at = c.due_at, completed_at = c.completed_at, error = c.error, state = c.state, exit = c.exit
FROM (` + changedRuns + `, unnest($8::text[]) AS exit) c WHERE r.id = ANY (ARRAY[c.id])`

	// endRuns moves runs that end, and returns them as they were. A run that fails and
	// has a request to retry stays among the active runs.
	endRuns = `
WITH old AS (
	DELETE FROM automation.active_runs r
	USING (` + changedRuns + `, unnest($8::smallint[]) AS status, unnest($9::smallint[]) AS seen, unnest($10::text[]) AS exit) c
	WHERE r.id = ANY (ARRAY[c.id]) AND NOT (coalesce(r.control, 0) = 2 AND c.status = 2 AND c.seen <> 2)
	RETURNING r.id, r.place_no AS old_place_no, coalesce(r.control, 0::smallint) AS control,
		c.place_no, c.setbacks, c.due_at, c.completed_at, c.error, c.state, r.owner, r.created_at, r.event_id, ` + eventInRun + `, c.exit
), moved AS (
	INSERT INTO automation.ended_runs (` + insertedColumns + `, exit) SELECT ` + insertedColumns + `, exit FROM old
)
SELECT id, old_place_no, control FROM old`

	reopenRuns = `
WITH r AS (DELETE FROM automation.ended_runs WHERE id = ANY ($1::uuid[]) RETURNING *)
INSERT INTO automation.active_runs (` + insertedColumns + `) SELECT ` + insertedColumns + ` FROM r`
)

// newRuns contains runs to insert, by column.
type newRuns struct {
	changedColumns
	owners  owners
	created []time.Time
	events  uuids // that are elsewhere
	inRuns  runsEvents
}

// changedColumns contains what a commit can change of runs, by column.
type changedColumns struct {
	ids            uuids
	places         []int32
	decodeFailures nullableInts
	due            nullableTimes
	completed      nullableTimes
	failures       nullableTexts
	states         [][]byte
	listens        nullableInts  // not in args: ended runs have no such column
	statuses       []int16       // not in args: only what a request remains of depends on them
	exits          nullableTexts // not in args: active runs have no such column
}

func (cs *changedColumns) add(r *automation.RunRecord, placeNo int32, due time.Time, listens pgtype.Int4, exit *automation.RunExit) {
	cs.ids, cs.places, cs.statuses = append(cs.ids, uuidOf(r.ID)), append(cs.places, placeNo), append(cs.statuses, record.StatusCode(r.Status))
	cs.decodeFailures = append(cs.decodeFailures, intOrNull(min(r.DecodeFailures, math.MaxInt16)))
	cs.due, cs.listens = append(cs.due, timeOrNull(due)), append(cs.listens, listens)
	cs.completed, cs.failures = append(cs.completed, timeOrNull(r.CompletedAt)), append(cs.failures, textOrNull(record.EncodeError(r.Error)))
	cs.states, cs.exits = append(cs.states, r.State), append(cs.exits, textOrNull(record.EncodeExit(exit)))
}

func (cs *changedColumns) args() []any {
	return []any{
		cs.ids, cs.places, cs.decodeFailures.arg(), cs.due.arg(), cs.completed.arg(), cs.failures.arg(), cs.states,
	}
}

// append adds a run that is due at another time than r.
func (n *newRuns) append(r *automation.RunRecord, placeNo int32, due time.Time, listens pgtype.Int4, owner ownerKey, event *runsEvent) {
	n.add(r, placeNo, due, listens, r.Exit)
	n.owners, n.created = append(n.owners, owner), append(n.created, r.CreatedAt)
	n.events = append(n.events, n.inRuns.add(r, event))
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
	return append(append(n.changedColumns.args(), n.owners, n.created, n.events), n.inRuns.args()...)
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
	places        placeNumbers
	tally         record.Tally[int32] // of places
}

// writeRuns writes the runs of all transitions, and returns how the counters change.
func (c *committer) writeRuns(sc *script) record.Tally[int32] {
	rw := &runWriter{listens: c.listens, places: c.places, writes: map[string]*transitionWrite{}, tally: record.Tally[int32]{}}
	for _, w := range c.writes {
		for i := range w.t.Runs {
			r := &w.t.Runs[i]
			current, ok := c.current[r.ID]
			switch {
			case !ok:
				rw.start(w, r, nil, c.taken[r.ID], c.gone(w))
			case current.inLease:
				rw.start(w, r, &current.placeNo, current.event, c.gone(w))
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
// from is its place, nil for none, and event is what its row has of its event, nil for nothing.
func (rw *runWriter) start(w *transitionWrite, r *automation.RunChange, from *int32, event *runsEvent, gone bool) {
	to := rw.places.of(&r.RunRecord)
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
	runs.append(&r.RunRecord, to, due, rw.listens.of(r.Listens), w.owner, event)
}

// change adds a run that is in a table of runs.
func (rw *runWriter) change(w *transitionWrite, r *automation.RunChange, from currentRun, gone bool) {
	to := rw.places.of(&r.RunRecord)
	rw.tally.Move(&from.placeNo, &to)
	switch {
	case from.moved:
	case from.active || record.GoesOn(*r):
		if !from.active {
			rw.reopened = append(rw.reopened, uuidOf(r.ID))
		}
		rw.changed.add(&r.RunRecord, to, r.DueAt, rw.listens.of(r.Listens), nil)
		rw.changed.served, rw.changed.now = append(rw.changed.served, record.RequestCode(r.Served)), append(rw.changed.now, w.t.Now)
		rw.changed.dueNow = append(rw.changed.dueNow, gone && record.GoesOn(*r))
		rw.writes[r.ID] = w
	default:
		rw.changedEnded.add(&r.RunRecord, to, r.DueAt, pgtype.Int4{}, r.Exit)
	}
}

func (rw *runWriter) write(sc *script) {
	rw.active.insertActive(sc)
	rw.ended.insertEnded(sc)
	if len(rw.reopened) > 0 {
		sc.exec(reopenRuns, rw.reopened)
	}
	if c := &rw.changed; len(c.ids) > 0 {
		sc.query(rw.addRequest, updateActive, append(c.args(), c.listens.arg(), c.statuses, c.served, c.now, c.dueNow)...)
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
