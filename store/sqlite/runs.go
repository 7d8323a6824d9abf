package sqlite

import (
	"context"
	"database/sql"
	"math"

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
SELECT r.no AS no, r.id, a.id, p.version, r.owner, e.id, e.name, p.status, p.step, p.wait_event, r.due_at, r.created_at AS created_at, `
	joinRun = `
JOIN automation_places p ON p.no = r.place_no
JOIN automation_automations a ON a.no = p.automation_no
LEFT JOIN automation_events e ON e.no = r.event_no`
	fromInLease = ` FROM automation_begun_runs r` + joinRun
	fromActive  = ` FROM automation_active_runs r` + joinRun
	fromEnded   = ` FROM automation_ended_runs r` + joinRun

	selectInLease = runColumns + `0, 0, NULL, NULL, r.state, 0, NULL` + fromInLease
	selectActive  = runColumns + `r.control, r.setbacks, r.completed_at, r.error, r.state, 1, NULL` + fromActive
	selectEnded   = runColumns + `r.control, r.setbacks, r.completed_at, r.error, r.state, 2, NULL` + fromEnded
	// claimColumns include the payload of the event that started the run.
	claimColumns = runColumns + `r.control, r.setbacks, r.completed_at, r.error, r.state, 1, e.payload`
	// listColumns leave out the error and the state.
	listColumns        = runColumns + `r.control, r.setbacks, r.completed_at, NULL, NULL, 1, NULL`
	listInLeaseColumns = runColumns + `0, 0, NULL, NULL, NULL, 0, NULL`
)

func scanRun(rows *sql.Rows) (r storedRun, err error) {
	var id, event key
	var eventName, failure nullText
	var status, request int16
	var due, completed nullTime
	var created timestamp
	err = rows.Scan(&r.no, &id, &r.AutomationID, &r.Version, &r.owner, &event, &eventName, &status, &r.Step, &r.WaitEvent,
		&due, &created, &request, &r.DecodeFailures, &completed, &failure, &r.State, &r.table, &r.TriggerPayload)
	r.ID, r.ContactID, r.EventID, r.EventName = id.id(), r.owner.id(), event.id(), string(eventName)
	r.Status, r.Request = record.StatusOf(status), record.RequestOf(request)
	r.DueAt, r.CreatedAt, r.CompletedAt = due.Time, created.Time, completed.Time
	r.Error = record.DecodeError(string(failure))
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
	runColumns + `r.control, r.setbacks, r.completed_at, r.error, r.state, 1, NULL FROM keys CROSS JOIN automation_active_runs r ON r.id = k` + joinFound + ` UNION ALL ` +
	runColumns + `r.control, r.setbacks, r.completed_at, r.error, r.state, 2, NULL FROM keys CROSS JOIN automation_ended_runs r ON r.id = k` + joinFound + ` UNION ALL ` +
	runColumns + `0, 0, NULL, NULL, r.state, 0, NULL FROM automation_begun_runs r` + joinFound + ` WHERE r.id IN (SELECT k FROM keys)`

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

// A list of runs of all contacts takes the first ones of every place that the query
// can match. A place is one range of automation_active_runs_place and one of
// automation_ended_runs_place, so the cost of a page is its size times the number of
// places, however long the history is. A list of the runs of one contact is by
// automation_active_runs_owner and automation_ended_runs_owner. All lists scan the
// leases, of which there are as many as contacts with work in progress.
//
// The arguments are:
//   - ?1 and ?2: range of automations
//   - ?3 and ?4: range of versions
//   - ?5: set of statuses
//   - ?6: step, or NULL
//   - ?7: name of the event, or NULL
//   - ?8 and ?9: position after which the list begins
//   - ?10 and ?11: position before which it ends
//   - ?12: limit
//   - ?13: owner
//   - ?14: event, or NULL
const (
	ofPlace = `
	WHERE x.place_no = p.no AND (x.created_at, x.no) > (?8, ?9) AND (x.created_at, x.no) < (?10, ?11)
		AND (?7 IS NULL OR EXISTS (SELECT 1 FROM automation_events n WHERE n.no = x.event_no AND n.name = ?7))`
	ofPlaces = `
WHERE p.automation_no BETWEEN ?1 AND ?2 AND p.version BETWEEN ?3 AND ?4 AND (?5 >> p.status) & 1
	AND (?6 IS NULL OR p.step = ?6)`
	between = `
	AND (?7 IS NULL OR e.name = ?7) AND (r.created_at, r.no) > (?8, ?9) AND (r.created_at, r.no) < (?10, ?11)`
	ofContact = ` AND r.owner = ?13 AND (?14 IS NULL OR r.event_no = ?14)`

	newestOfPlace = ` ORDER BY x.created_at DESC, x.no DESC LIMIT 0 + ?12`
	oldestOfPlace = ` ORDER BY x.created_at, x.no LIMIT 0 + ?12`
	newestFirst   = ` ORDER BY created_at DESC, no DESC LIMIT 0 + ?12`
	oldestFirst   = ` ORDER BY created_at, no LIMIT 0 + ?12`

	// json_each makes a table of the numbers of the runs at a place. A subquery in FROM
	// would not do, because it cannot refer to p.
	activeNumbers = listColumns + ` FROM automation_places p
CROSS JOIN json_each((SELECT json_group_array(no) FROM (SELECT x.no FROM automation_active_runs x` + ofPlace
	endedNumbers = listColumns + ` FROM automation_places p
CROSS JOIN json_each((SELECT json_group_array(no) FROM (SELECT x.no FROM automation_ended_runs x` + ofPlace
	joinListed = `
JOIN automation_automations a ON a.no = p.automation_no
LEFT JOIN automation_events e ON e.no = r.event_no` + ofPlaces + ` AND p.n > 0`
	activeOfNumbers = `))) j CROSS JOIN automation_active_runs r ON r.no = j.value` + joinListed
	endedOfNumbers  = `))) j CROSS JOIN automation_ended_runs r ON r.no = j.value` + joinListed
	listedInLease   = listInLeaseColumns + fromInLease + ofPlaces + between

	olderRuns = activeNumbers + newestOfPlace + activeOfNumbers + ` UNION ALL ` +
		endedNumbers + newestOfPlace + endedOfNumbers + ` UNION ALL ` + listedInLease + newestFirst
	newerRuns = activeNumbers + oldestOfPlace + activeOfNumbers + ` UNION ALL ` +
		endedNumbers + oldestOfPlace + endedOfNumbers + ` UNION ALL ` + listedInLease + oldestFirst

	owned = listColumns + fromActive + ofPlaces + between + ofContact + ` UNION ALL ` +
		listColumns + fromEnded + ofPlaces + between + ofContact + ` UNION ALL ` + listedInLease + ofContact
	olderOwned = owned + newestFirst
	newerOwned = owned + oldestFirst
)

// position orders runs in a list: by the time of creation and, among equal times, by
// number.
type position struct{ created, no int64 }

func (p position) before(o position) bool {
	return p.created < o.created || p.created == o.created && p.no < o.no
}

// ListRuns implements automation.RunReader.
func (s *Store) ListRuns(ctx context.Context, q automation.RunQuery) (page automation.Page[automation.RunRecord], err error) {
	err = s.read(ctx, func(r session) error {
		list := runList{
			RunQuery:    q,
			automations: [2]int64{0, math.MaxInt64},
			from:        position{math.MinInt64, 0}, until: position{math.MaxInt64, 0},
		}
		possible, err := list.narrow(ctx, r)
		if err != nil || !possible {
			return err
		}
		runs, err := all(ctx, r, scanRecord, list.query(), list.args()...)
		page = record.PageOf(runs, q.PageQuery)
		return failed("list runs", err)
	})
	return page, err
}

func scanRecord(rows *sql.Rows) (automation.RunRecord, error) {
	r, err := scanRun(rows)
	return r.RunRecord, err
}

// runList is a RunQuery in terms of columns.
type runList struct {
	automation.RunQuery
	automations [2]int64 // the first and the last number
	owner       key      // "" for all
	event       any      // its number, nil for all
	from, until position // both excluded
}

// narrow looks up the rows that the query names. It reports false if no run can match.
func (l *runList) narrow(ctx context.Context, r session) (possible bool, err error) {
	if err := l.cursor(ctx, r); err != nil {
		return false, err
	}
	if l.AutomationID != "" {
		a, found, err := one(ctx, r, scanStoredAutomation, findAutomation, l.AutomationID)
		if err != nil || !found {
			return false, failed("list runs", err)
		}
		l.automations = [2]int64{a.no, a.no}
	}
	if l.ContactID != "" {
		l.owner = idKey(l.ContactID)
	}
	if l.EventID != "" {
		return l.eventOwner(ctx, r)
	}
	return true, nil
}

// findEventOwner relies on the unique index on id.
const findEventOwner = `SELECT no, owner FROM automation_events WHERE id = ?`

// eventOwner narrows the list to the event and its owner.
func (l *runList) eventOwner(ctx context.Context, r session) (possible bool, err error) {
	var no int64
	var owner key
	found, err := first(ctx, r, findEventOwner, args(idKey(l.EventID).column()), &no, &owner)
	if err != nil || !found || l.owner != "" && l.owner != owner {
		return false, failed("list runs", err)
	}
	l.owner, l.event = owner, no
	return true, nil
}

// cursor sets the positions between which the list lies.
func (l *runList) cursor(ctx context.Context, r session) error {
	if !l.CreatedFrom.IsZero() {
		l.from = position{l.CreatedFrom.UnixMicro(), 0} // numbers begin with 1
	}
	if !l.CreatedUntil.IsZero() {
		l.until = position{l.CreatedUntil.UnixMicro(), 0}
	}
	id := l.After + l.Before
	if id == "" {
		return nil
	}
	run, err := findStoredRun(ctx, r, id)
	if err != nil {
		return err
	}
	at := position{run.CreatedAt.UnixMicro(), run.no}
	if l.After != "" && at.before(l.until) {
		l.until = at
	}
	if l.Before != "" && l.from.before(at) {
		l.from = at
	}
	return nil
}

func (l *runList) query() string {
	switch {
	case l.owner != "":
		return record.InDirection(l.PageQuery, olderOwned, newerOwned)
	default:
		return record.InDirection(l.PageQuery, olderRuns, newerRuns)
	}
}

func (l *runList) args() []any {
	versions := [2]int{0, math.MaxInt}
	if l.Version != 0 {
		versions = [2]int{l.Version, l.Version}
	}
	list := args(l.automations[0], l.automations[1], versions[0], versions[1], l.statuses(),
		textOrNull(l.Step), textOrNull(l.EventName), l.from.created, l.from.no, l.until.created, l.until.no, l.Limit+1)
	if l.owner != "" {
		list = append(list, l.owner.column(), l.event)
	}
	return list
}

// statuses returns a bit set of the codes of the query's statuses.
func (l *runList) statuses() (set int64) {
	for _, status := range l.Statuses {
		if code := record.StatusCode(status); code >= 0 {
			set |= 1 << code
		}
	}
	if len(l.Statuses) == 0 {
		set = -1
	}
	return set
}
