package postgres

import (
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// An in-lease run lives in the row of the lease under which it was started. The commit
// that starts the run writes this row in any case, and most runs end or fall asleep so
// soon that a row in a table with four indexes would not be worth its cost. When the
// lease is released, the run moves straight to the table where it belongs.
//
// In all other cases a transaction parks the run, which means that it moves the run to
// the active runs. It does so when a request about the run is recorded, when a claim
// finds the lease expired, and when a commit changes the run in a way that the
// statements of this file do not support.
//
// The view of these runs is named begun_runs.

// begun is a condition on leases: they have runs. It reads the primary key from end to end, which
// has as many entries as contacts have work in progress, and those of leases that have ended since
// the last vacuum. An index of these runs would have as many, and would have to be written whenever
// a run starts. The comparison, which is always true, lets the server use the primary key.
const begun = everyLease + ` AND run_id IS NOT NULL`

// everyLease is a condition on the owner of a lease, for begun and for the view of in-lease runs.
const everyLease = `owner >= ''`

// startsInLease reports whether a new run can start in the row of its lease.
func startsInLease(t *automation.Transition, r *automation.RunChange) bool {
	return r.New && t.Key.ID != "" && staysInLease(t, r)
}

// staysInLease reports whether the statements of this file can write a run after a
// change.
func staysInLease(t *automation.Transition, r *automation.RunChange) bool {
	return r.Served == automation.RequestNone && record.FitsInLease(t, r)
}

// Both rely on the primary key of leases. They change no column that an index has, and the pages of
// leases have room for the runs, so the server writes no index entries.
const (
	// startInLease extends leases and writes a run into the row of each.
	startInLease = `
UPDATE automation.leases l SET until = t.until, run_id = t.id, run_place_no = t.place_no,
	run_due_at = t.due_at, run_state = t.state, run_listen_no = t.listen_no, run_created_at = t.created_at,
	run_event_id = CASE WHEN e.event_id IS NULL THEN t.event_id END, run_event_at = e.accepted_at, run_event_occurred_at = e.occurred_at,
	run_event_payload = e.payload, run_event_key = e.key, run_event_automation_id = e.automation_id, run_event_cause = e.cause
FROM (
	SELECT ` + inLeaseValues + `,
		unnest($9::uuid[]) AS event_id, unnest($10::timestamptz[]) AS created_at, unnest($11::boolean[]) AS takes
) t
LEFT JOIN LATERAL (SELECT * FROM automation.pending e WHERE t.takes AND e.event_id = t.event_id AND e.owner || '' = t.owner LIMIT 1) e ON true
WHERE l.owner = ANY (ARRAY[t.owner]) AND l.fence_no = ANY (ARRAY[t.fence]) AND l.run_id IS NULL
RETURNING l.owner, NULL::uuid, NULL::int`

	// updateInLease extends leases and changes their runs. It returns the runs' former
	// places, which it reads under the lock.
	updateInLease = `
WITH o AS MATERIALIZED (
	SELECT owner, run_place_no FROM automation.leases WHERE owner = ANY ($1::bytea[]) ORDER BY owner FOR UPDATE
)
UPDATE automation.leases l SET until = t.until, run_place_no = t.place_no, run_due_at = t.due_at, run_state = t.state,
	run_listen_no = t.listen_no
FROM (SELECT ` + inLeaseValues + `) t
JOIN o ON o.owner = t.owner
WHERE l.owner = ANY (ARRAY[t.owner]) AND l.fence_no = ANY (ARRAY[t.fence]) AND l.run_id = ANY (ARRAY[t.id])
RETURNING l.owner, l.run_id, o.run_place_no`

	inLeaseValues = `unnest($1::bytea[]) AS owner, unnest($2::bigint[]) AS fence, unnest($3::timestamptz[]) AS until, unnest($4::uuid[]) AS id,
		unnest($5::int[]) AS place_no, unnest($6::timestamptz[]) AS due_at, unnest($7::bytea[]) AS state, unnest($8::int[]) AS listen_no`
)

// inLeaseColumns contains the arguments of startInLease and updateInLease, by column.
type inLeaseColumns struct {
	owners  owners
	tokens  []int64
	until   []time.Time
	ids     uuids
	places  []int32
	due     []time.Time
	states  [][]byte
	listens nullableInts
	events  uuids
	created []time.Time
	takes   []bool
}

func (i *inLeaseColumns) add(w *transitionWrite, r *automation.RunChange, placeNo int32, listens pgtype.Int4) {
	i.owners, i.tokens, i.until = append(i.owners, w.owner), append(i.tokens, w.t.Token), append(i.until, w.t.Extend)
	i.ids, i.places, i.due = append(i.ids, uuidOf(r.ID)), append(i.places, placeNo), append(i.due, r.DueAt)
	i.states, i.listens = append(i.states, r.State), append(i.listens, listens)
	i.events, i.created = append(i.events, uuidOf(r.EventID)), append(i.created, r.CreatedAt)
	i.takes = append(i.takes, w.taking(r.EventID) == r)
}

func (i *inLeaseColumns) args() []any {
	return []any{i.owners, i.tokens, i.until, i.ids, i.places, i.due, i.states, i.listens.arg()}
}

func (i *inLeaseColumns) start(sc *script, row func(scan scanFunc) error) {
	if len(i.ids) > 0 {
		sc.query(row, startInLease, append(i.args(), i.events, i.created, i.takes)...)
	}
}

func (i *inLeaseColumns) update(sc *script, row func(scan scanFunc) error) {
	if len(i.ids) > 0 {
		sc.query(row, updateInLease, i.args()...)
	}
}

// The statements that park runs lock the leases, and then move the runs that these have
// at that moment. They rely on the primary key of leases.
const (
	parkFrom = `
WITH old AS MATERIALIZED (
	SELECT owner, run_id, run_place_no, run_event_id, run_due_at, run_created_at, run_state, run_listen_no, ` + leasedEvent + `
	FROM automation.leases WHERE ` + begun + ` AND `

	parkTo = `
), parked AS (
	INSERT INTO automation.active_runs (id, place_no, owner, event_id, due_at, created_at, state, listen_no, ` + eventInRun + `)
	SELECT run_id, run_place_no, owner, run_event_id, run_due_at, run_created_at, run_state, run_listen_no, ` + leasedEvent + ` FROM old
)
UPDATE automation.leases l
SET run_id = NULL, run_place_no = NULL, run_event_id = NULL, run_due_at = NULL, run_created_at = NULL, run_state = NULL, run_listen_no = NULL,
	run_event_at = NULL, run_event_occurred_at = NULL, run_event_payload = NULL, run_event_key = NULL, run_event_automation_id = NULL, run_event_cause = NULL
FROM old WHERE l.owner = ANY (ARRAY[old.owner])`

	parkOwned            = parkFrom + `owner = ANY ($1::bytea[]) ORDER BY owner FOR UPDATE` + parkTo
	parkRun              = parkFrom + `run_id = $1::uuid FOR UPDATE` + parkTo
	parkOfAutomation     = parkFrom + ofAutomation + ` ORDER BY owner FOR UPDATE` + parkTo
	parkMostOfAutomation = parkFrom + ofAutomation + ` ORDER BY owner FOR UPDATE SKIP LOCKED` + parkTo
	parkExpired          = parkFrom + `until <= $1::timestamptz ORDER BY owner FOR UPDATE SKIP LOCKED` + parkTo

	leasedEvent = `run_event_at, run_event_occurred_at, run_event_payload, run_event_key, run_event_automation_id, run_event_cause`

	ofAutomation = `run_place_no = ANY (ARRAY(SELECT no FROM automation.places WHERE automation_id = $1::text))`

	nextExpiry = `SELECT min(until) FROM automation.leases WHERE ` + begun
)

// inLeaseRuns remembers which runs this process has written into leases' rows. The committer
// uses that as a guess: a wrong one costs time, and nothing else. It is safe for concurrent use.
type inLeaseRuns struct {
	mu  sync.Mutex
	ids map[string]struct{}
}

// maxRemembered bounds inLeaseRuns, from which runs whose lease was lost are never
// removed one by one.
const maxRemembered = 1 << 16

func (m *inLeaseRuns) has(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.ids[id]
	return ok
}

// note records where the runs of a transition are once it is written.
func (m *inLeaseRuns) note(w *transitionWrite) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range w.t.Runs {
		if r := &w.t.Runs[i]; r != w.inLease {
			delete(m.ids, r.ID)
		}
	}
	if w.inLease == nil {
		return
	}
	if m.ids == nil || len(m.ids) >= maxRemembered {
		m.ids = map[string]struct{}{}
	}
	m.ids[w.inLease.ID] = struct{}{}
}

// chooseInLease chooses the run of a transition that will be in the lease's row, if any.
func (c *committer) chooseInLease(w *transitionWrite) {
	w.inLease = nil
	if w.parks || w.t.Release {
		return
	}
	for i := range w.t.Runs {
		r := &w.t.Runs[i]
		switch {
		case startsInLease(w.t, r):
			if w.inLease == nil {
				w.inLease = r
			}
		case r.New || !c.s.inLease.has(r.ID):
		case staysInLease(w.t, r):
			w.inLease = r
		default:
			w.inLease, w.parks = nil, true // the run leaves the lease, and the lease goes on
			return
		}
	}
}

// findMisplaced finds the transitions for which chooseInLease was wrong, and reports
// whether there are any. If so, the transaction has to begin again. It then parks the
// runs of those transitions first.
func (c *committer) findMisplaced() bool {
	found := false
	for _, w := range c.writes {
		if !w.parks && c.misplaced(w) {
			w.parks, found = true, true
		}
		for _, r := range w.takes {
			if _, exists := c.current[r.ID]; exists {
				w.keepsEvents, found = true, true
			}
		}
	}
	return found
}

// misplaced reports whether a run of a transition is not where chooseInLease took it to
// be, or a run that the transition does not contain would be lost with the lease.
func (c *committer) misplaced(w *transitionWrite) bool {
	held := c.held[w.owner]
	if r := w.inLease; r != nil {
		if held == nil {
			return true // the lease has another run, or is lost
		}
		_, exists := c.current[r.ID]
		return r.New && exists
	}
	if held == nil || held.id == "" {
		return false
	}
	contained := slices.ContainsFunc(w.t.Runs, func(r automation.RunChange) bool { return r.ID == held.id })
	return contained != w.t.Release
}
