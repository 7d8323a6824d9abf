package postgres

import (
	"slices"
	"sync"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// A run begins in the row of the lease under which it was started, which is written
// then in any case: most are over, or asleep, before they were worth a row in a table
// with four indexes. From there it goes straight to where it belongs when the lease is
// released. It is parked among the active runs by whoever else is concerned with it:
// it is asked for something, its lease has expired, or a commit does with it what the
// statements of this file are not made for.

// begins reports whether a new run is about to do something under the lease that goes
// on, so that nobody else looks for it.
func startsInLease(t *automation.Transition, r *automation.RunChange) bool {
	return r.New && t.Key.ID != "" && staysInLease(t, r)
}

// works reports whether the row of a lease has room for all that is to be known of a run.
func staysInLease(t *automation.Transition, r *automation.RunChange) bool {
	return r.Status == automation.RunRunning && r.Served == automation.RequestNone && record.FitsInLease(t, r)
}

// Both rely on the primary key of leases, and goOn on leases_begun.
const (
	// beginRuns extends leases and keeps a run with each.
	startInLease = `
UPDATE automation.leases l SET until = t.until, run_id = t.id, run_automation_no = t.automation_no, run_version = t.version,
	run_event_id = t.event_id, run_event_name = t.event_name, run_step = t.step, run_due_at = t.due_at, run_created_at = t.created_at,
	run_state = t.state
FROM (
	SELECT unnest($1::text[]) AS owner, unnest($2::bigint[]) AS token, unnest($3::timestamptz[]) AS until, unnest($4::uuid[]) AS id,
		unnest($5::bigint[]) AS automation_no, unnest($6::int[]) AS version, unnest($7::uuid[]) AS event_id, unnest($8::text[]) AS event_name,
		unnest($9::text[]) AS step, unnest($10::timestamptz[]) AS due_at, unnest($11::timestamptz[]) AS created_at, unnest($12::bytea[]) AS state
) t
WHERE l.owner = ANY (ARRAY[t.owner]) AND l.token = ANY (ARRAY[t.token]) AND l.run_id IS NULL
RETURNING l.owner, NULL::uuid, NULL::bigint, NULL::int, NULL::text`

	// goOn extends leases and changes their runs, and returns where these stood, which
	// must be read under the lock.
	continueInLease = `
WITH o AS MATERIALIZED (
	SELECT owner, run_step FROM automation.leases WHERE owner = ANY ($1::text[]) ORDER BY owner FOR UPDATE
)
UPDATE automation.leases l SET until = t.until, run_step = t.step, run_due_at = t.due_at, run_state = t.state
FROM (
	SELECT unnest($1::text[]) AS owner, unnest($2::bigint[]) AS token, unnest($3::timestamptz[]) AS until, unnest($4::uuid[]) AS id,
		unnest($5::text[]) AS step, unnest($6::timestamptz[]) AS due_at, unnest($7::bytea[]) AS state
) t
JOIN o ON o.owner = t.owner
WHERE l.owner = ANY (ARRAY[t.owner]) AND l.token = ANY (ARRAY[t.token]) AND l.run_id = ANY (ARRAY[t.id])
RETURNING l.owner, l.run_id, l.run_automation_no, l.run_version, o.run_step`
)

// beginnings are runs that begin, by column.
type inLeaseColumns struct {
	owners      []string
	tokens      []int64
	until       []time.Time
	ids         uuids
	automations []int64
	versions    []int32
	events      uuids
	names       []string
	steps       []string
	due         []time.Time
	created     []time.Time
	states      [][]byte
}

func (b *inLeaseColumns) add(w *transitionWrite, r *automation.RunChange, no int64) {
	b.owners, b.tokens, b.until = append(b.owners, w.owner), append(b.tokens, w.t.Token), append(b.until, w.t.Extend)
	b.ids, b.automations, b.versions = append(b.ids, uuidOf(r.ID)), append(b.automations, no), append(b.versions, int32(r.Version))
	b.events, b.names, b.steps = append(b.events, uuidOf(r.EventID)), append(b.names, r.EventName), append(b.steps, r.Step)
	b.due, b.created, b.states = append(b.due, r.DueAt), append(b.created, r.CreatedAt), append(b.states, r.State)
}

func (b *inLeaseColumns) start(sc *script, row func(scan scanFunc) error) {
	if len(b.ids) > 0 {
		sc.query(row, startInLease, b.owners, b.tokens, b.until, b.ids, b.automations, b.versions, b.events, b.names, b.steps, b.due, b.created, b.states)
	}
}

func (b *inLeaseColumns) proceed(sc *script, row func(scan scanFunc) error) {
	if len(b.ids) > 0 {
		sc.query(row, continueInLease, b.owners, b.tokens, b.until, b.ids, b.steps, b.due, b.states)
	}
}

// Runs are parked by statements that lock their leases and move what is there then. They
// rely on leases_begun. All but parkOwned read all of it: there are as many entries as
// contacts are being worked on.
const (
	parkFrom = `
WITH old AS MATERIALIZED (
	SELECT owner, run_id, run_automation_no, run_version, run_event_id, run_event_name, run_step, run_due_at, run_created_at, run_state
	FROM automation.leases WHERE run_id IS NOT NULL AND `

	parkTo = `
), parked AS (
	INSERT INTO automation.active_runs (id, automation_no, version, owner, event_id, event_name, status, setbacks, step, due_at, created_at, state)
	SELECT run_id, run_automation_no, run_version, owner, run_event_id, run_event_name, 0, 0, run_step, run_due_at, run_created_at, run_state FROM old
)
UPDATE automation.leases l
SET run_id = NULL, run_automation_no = NULL, run_version = NULL, run_event_id = NULL, run_event_name = NULL, run_step = NULL,
	run_due_at = NULL, run_created_at = NULL, run_state = NULL
FROM old WHERE l.owner = ANY (ARRAY[old.owner])`

	parkOwned            = parkFrom + `owner = ANY ($1::text[]) ORDER BY owner FOR UPDATE` + parkTo
	parkRun              = parkFrom + `run_id = $1::uuid FOR UPDATE` + parkTo
	parkOfAutomation     = parkFrom + `run_automation_no = $1::bigint ORDER BY owner FOR UPDATE` + parkTo
	parkMostOfAutomation = parkFrom + `run_automation_no = $1::bigint ORDER BY owner FOR UPDATE SKIP LOCKED` + parkTo
	parkExpired          = parkFrom + `until <= $1::timestamptz ORDER BY owner FOR UPDATE SKIP LOCKED` + parkTo

	nextExpiry = `SELECT min(until) FROM automation.leases WHERE run_id IS NOT NULL`
)

// begunRuns knows which runs this process has kept with leases, and the numbers of
// their automations. What it knows wrongly costs time only. It is safe for concurrent
// use.
type inLeaseRuns struct {
	mu      sync.Mutex
	runs    map[string]struct{}
	numbers map[string]int64
}

// maxBegun bounds what begunRuns remembers. Runs whose lease was lost stay in it.
const maxRemembered = 1 << 16

func (b *inLeaseRuns) has(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.runs[id]
	return ok
}

// note takes note of where the runs of a transition that was written are.
func (b *inLeaseRuns) note(w *transitionWrite) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range w.t.Runs {
		if r := &w.t.Runs[i]; r != w.inLease {
			delete(b.runs, r.ID)
		}
	}
	if w.inLease == nil {
		return
	}
	if b.runs == nil || len(b.runs) >= maxRemembered {
		b.runs = map[string]struct{}{}
	}
	b.runs[w.inLease.ID] = struct{}{}
}

// number returns the number of an automation, if it is known.
func (b *inLeaseRuns) number(automationID string) (int64, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	no, ok := b.numbers[automationID]
	return no, ok
}

func (b *inLeaseRuns) noteNumber(automationID string, no int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.numbers == nil || len(b.numbers) >= maxRemembered {
		b.numbers = map[string]int64{}
	}
	b.numbers[automationID] = no
}

// sortOut finds out which run of a transition is kept with the lease, if one is.
func (c *committer) chooseInLease(w *transitionWrite) {
	w.inLease = nil
	if w.parks || w.t.Release {
		return
	}
	for i := range w.t.Runs {
		r := &w.t.Runs[i]
		switch {
		case startsInLease(w.t, r):
			if no, ok := c.s.inLease.number(r.AutomationID); ok && w.inLease == nil {
				w.inLease, w.automationNo = r, no
			}
		case r.New || !c.s.inLease.has(r.ID):
		case staysInLease(w.t, r):
			w.inLease = r
		default:
			w.inLease, w.parks = nil, true // it leaves a lease that goes on
			return
		}
	}
}

// mistaken finds the transitions that are about runs which are not where they were
// taken to be, and reports whether there are any: the transaction has to begin again,
// and parks the runs of those.
func (c *committer) findMisplaced() bool {
	found := false
	for _, w := range c.writes {
		if !w.parks && c.misplaced(w) {
			w.parks, found = true, true
		}
	}
	return found
}

func (c *committer) misplaced(w *transitionWrite) bool {
	held := c.held[w.owner]
	if r := w.inLease; r != nil {
		if held == nil {
			return true // or else the lease is lost
		}
		_, known := c.current[r.ID]
		return r.New && (known || c.automations[r.AutomationID].enabled && c.automations[r.AutomationID].no != w.automationNo)
	}
	if held == nil || held.id == "" {
		return false
	}
	named := slices.ContainsFunc(w.t.Runs, func(r automation.RunChange) bool { return r.ID == held.id })
	return named != w.t.Release
}
