package sqlite

import (
	"context"
	"database/sql"
	"math"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// A list of runs of all contacts takes the first ones of every place that the query
// can match. A place is one range of automation_active_runs_place and one of
// automation_ended_runs_place, so the cost of a page is its size times the number of
// places, however long the history is. A list in the order of the runs' ends takes them by
// automation_active_runs_completed and automation_ended_runs_completed in the same way.
//
// All runs of a place were started by events with one name. The place has it, unless an older
// process has made the place. Then one run of it shows the name.
//
// The runs of a place with one code of an error are one range of automation_active_runs_code
// and one of automation_ended_runs_code, and in the order of their ends of
// automation_active_runs_code_completed and automation_ended_runs_code_completed. INDEXED BY
// keeps the planner from another index of the place. The indexes have the code up to its
// first quote, even if that is part of the code, so what they find is compared with the
// whole code.
//
// A list of the runs of one contact is by automation_active_runs_owner and
// automation_ended_runs_owner. All lists by creation scan the leases, of which there are as
// many as contacts with work in progress.
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
//   - ?13: how the error begins, or NULL
//   - ?14: owner
//   - ?15: event, or NULL
const (
	ofPlaces = `
WHERE p.automation_no BETWEEN ?1 AND ?2 AND p.version BETWEEN ?3 AND ?4 AND (?5 >> p.status) & 1
	AND (?6 IS NULL OR p.step = ?6)`
	failedWith = `
		AND (?13 IS NULL OR substr(error, 1, length(?13)) = ?13)`

	createdAt = `
	WHERE x.place_no = p.no AND (x.created_at, x.no) > (?8, ?9) AND (x.created_at, x.no) < (?10, ?11)`
	completedAt = `
	WHERE x.place_no = p.no AND x.completed_at IS NOT NULL
		AND (x.completed_at, x.no) > (?8, ?9) AND (x.completed_at, x.no) < (?10, ?11)`
	ofCode = `
		AND x.error IS NOT NULL AND substr(x.error, 1, length(?13)) = ?13
		AND substr(x.error, 10, instr(substr(x.error, 10), '"') - 1) = substr(?13, 10, instr(substr(?13, 10), '"') - 1)`

	newestOfPlace   = ` ORDER BY x.created_at DESC, x.no DESC LIMIT 0 + ?12`
	oldestOfPlace   = ` ORDER BY x.created_at, x.no LIMIT 0 + ?12`
	lastOfPlace     = ` ORDER BY x.completed_at DESC, x.no DESC LIMIT 0 + ?12`
	firstOfPlace    = ` ORDER BY x.completed_at, x.no LIMIT 0 + ?12`
	newestFirst     = ` ORDER BY created_at DESC, no DESC LIMIT 0 + ?12`
	oldestFirst     = ` ORDER BY created_at, no LIMIT 0 + ?12`
	lastEndedFirst  = ` ORDER BY completed_at DESC, no DESC LIMIT 0 + ?12`
	firstEndedFirst = ` ORDER BY completed_at, no LIMIT 0 + ?12`

	// json_each makes a table of the numbers of the runs at a place. A subquery in FROM
	// would not do, because it cannot refer to p.
	activeNumbers = listColumns + ` FROM automation_places p
CROSS JOIN json_each((SELECT json_group_array(no) FROM (SELECT x.no FROM automation_active_runs x`
	endedNumbers = listEndedColumns + ` FROM automation_places p
CROSS JOIN json_each((SELECT json_group_array(no) FROM (SELECT x.no FROM automation_ended_runs x`
	joinListed = `
JOIN automation_automations a ON a.no = p.automation_no
LEFT JOIN automation_events e ON e.no = r.event_no` + ofPlaces + ` AND p.n > 0 AND (?7 IS NULL OR ?7 = p.event_name OR p.event_name = '' AND ?7 = (SELECT n.name FROM `
	andEvent        = ` y CROSS JOIN automation_events n ON n.no = y.event_no WHERE y.place_no = p.no ORDER BY y.created_at DESC LIMIT 1))`
	activeOfNumbers = `))) j CROSS JOIN automation_active_runs r ON r.no = j.value` + joinListed + `automation_active_runs` + andEvent
	endedOfNumbers  = `))) j CROSS JOIN automation_ended_runs r ON r.no = j.value` + joinListed + `automation_ended_runs` + andEvent

	ofEvent = `
	AND (?7 IS NULL OR ?7 = iif(r.event_age IS NULL, e.name, p.event_name))`
	between       = ofEvent + ` AND (r.created_at, r.no) > (?8, ?9) AND (r.created_at, r.no) < (?10, ?11)`
	listedInLease = listInLeaseColumns + fromInLease + ofPlaces + between

	olderRuns = activeNumbers + createdAt + newestOfPlace + activeOfNumbers + ` UNION ALL ` +
		endedNumbers + createdAt + newestOfPlace + endedOfNumbers + ` UNION ALL ` + listedInLease + newestFirst
	newerRuns = activeNumbers + createdAt + oldestOfPlace + activeOfNumbers + ` UNION ALL ` +
		endedNumbers + createdAt + oldestOfPlace + endedOfNumbers + ` UNION ALL ` + listedInLease + oldestFirst
	olderEnded = activeNumbers + completedAt + lastOfPlace + activeOfNumbers + ` UNION ALL ` +
		endedNumbers + completedAt + lastOfPlace + endedOfNumbers + lastEndedFirst
	newerEnded = activeNumbers + completedAt + firstOfPlace + activeOfNumbers + ` UNION ALL ` +
		endedNumbers + completedAt + firstOfPlace + endedOfNumbers + firstEndedFirst

	olderWithCode = activeNumbers + ` INDEXED BY automation_active_runs_code` + createdAt + ofCode + newestOfPlace + activeOfNumbers + ` UNION ALL ` +
		endedNumbers + ` INDEXED BY automation_ended_runs_code` + createdAt + ofCode + newestOfPlace + endedOfNumbers + newestFirst
	newerWithCode = activeNumbers + ` INDEXED BY automation_active_runs_code` + createdAt + ofCode + oldestOfPlace + activeOfNumbers + ` UNION ALL ` +
		endedNumbers + ` INDEXED BY automation_ended_runs_code` + createdAt + ofCode + oldestOfPlace + endedOfNumbers + oldestFirst
	olderEndedWithCode = activeNumbers + ` INDEXED BY automation_active_runs_code_completed` + completedAt + ofCode + lastOfPlace + activeOfNumbers + ` UNION ALL ` +
		endedNumbers + ` INDEXED BY automation_ended_runs_code_completed` + completedAt + ofCode + lastOfPlace + endedOfNumbers + lastEndedFirst
	newerEndedWithCode = activeNumbers + ` INDEXED BY automation_active_runs_code_completed` + completedAt + ofCode + firstOfPlace + activeOfNumbers + ` UNION ALL ` +
		endedNumbers + ` INDEXED BY automation_ended_runs_code_completed` + completedAt + ofCode + firstOfPlace + endedOfNumbers + firstEndedFirst

	ofContact = ` AND r.owner = ?14 AND (?15 IS NULL OR r.event_no = ?15 OR r.id = ?15 AND r.event_age IS NOT NULL)`
	owned     = listColumns + fromActive + ofPlaces + between + failedWith + ofContact + ` UNION ALL ` +
		listEndedColumns + fromEnded + ofPlaces + between + failedWith + ofContact + ` UNION ALL ` + listedInLease + ofContact
	olderOwned = owned + newestFirst
	newerOwned = owned + oldestFirst

	endedOfContact = ofEvent + `
	AND (r.completed_at, r.no) > (?8, ?9) AND (r.completed_at, r.no) < (?10, ?11)` + failedWith + ofContact
	endedOwned = listColumns + fromActive + ofPlaces + endedOfContact + ` UNION ALL ` +
		listEndedColumns + fromEnded + ofPlaces + endedOfContact
	olderEndedOwned = endedOwned + lastEndedFirst
	newerEndedOwned = endedOwned + firstEndedFirst
)

// position orders runs in a list: by the time of creation, or of the end, and by number
// among equal times.
type position struct{ at, no int64 }

func (p position) before(o position) bool { return p.at < o.at || p.at == o.at && p.no < o.no }

// positionOf returns the position of a time, before the runs with this time. Numbers begin
// with 1.
func positionOf(t time.Time, otherwise int64) position {
	if t.IsZero() {
		return position{otherwise, 0}
	}
	return position{t.UnixMicro(), 0}
}

// ListRuns implements automation.RunReader.
func (s *Store) ListRuns(ctx context.Context, q automation.RunQuery) (page automation.Page[automation.RunRecord], err error) {
	err = s.read(ctx, func(r session) error {
		list := runList{RunQuery: q, automations: [2]int64{0, math.MaxInt64}}
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
	event       any      // its number, or the id of the run that has it; nil for all
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

// findEventOwner relies on the unique indexes on id. It scans the leases, of which there are as
// many as contacts with work in progress.
const findEventOwner = `
SELECT no, owner FROM automation_events WHERE id = ?1 UNION ALL SELECT no, owner FROM automation_pending WHERE id = ?1
UNION ALL SELECT 0, owner FROM automation_active_runs WHERE id = ?2 AND event_age IS NOT NULL
UNION ALL SELECT 0, owner FROM automation_ended_runs WHERE id = ?2 AND event_age IS NOT NULL
UNION ALL SELECT 0, owner FROM automation_begun_runs WHERE id = ?2 AND event_age IS NOT NULL`

// eventOwner narrows the list to the event and its owner.
func (l *runList) eventOwner(ctx context.Context, r session) (possible bool, err error) {
	var no int64
	var owner key
	id := idKey(l.EventID)
	run := id.twin().columnOrNull()
	found, err := first(ctx, r, findEventOwner, args(id.column(), run), &no, &owner)
	if err != nil || !found || l.owner != "" && l.owner != owner {
		return false, failed("list runs", err)
	}
	l.owner, l.event = owner, no
	if no == 0 {
		l.event = run
	}
	return true, nil
}

// cursor sets the positions between which the list lies.
func (l *runList) cursor(ctx context.Context, r session) error {
	from, until := record.Times(&l.RunQuery)
	l.from, l.until = positionOf(from, math.MinInt64), positionOf(until, math.MaxInt64)
	id := l.After + l.Before
	if id == "" {
		return nil
	}
	run, err := findStoredRun(ctx, r, id)
	if err != nil {
		return err
	}
	at := position{run.CreatedAt.UnixMicro(), run.no}
	if l.ByCompletion() {
		at = position{math.MaxInt64, run.no}
		if run.Status != automation.RunRunning {
			at.at = run.CompletedAt.UnixMicro()
		}
	}
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
	case l.owner != "" && l.ByCompletion():
		return record.InDirection(l.PageQuery, olderEndedOwned, newerEndedOwned)
	case l.owner != "":
		return record.InDirection(l.PageQuery, olderOwned, newerOwned)
	case l.ErrorCode != "" && l.ByCompletion():
		return record.InDirection(l.PageQuery, olderEndedWithCode, newerEndedWithCode)
	case l.ErrorCode != "":
		return record.InDirection(l.PageQuery, olderWithCode, newerWithCode)
	case l.ByCompletion():
		return record.InDirection(l.PageQuery, olderEnded, newerEnded)
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
		textOrNull(l.Step), textOrNull(l.EventName), l.from.at, l.from.no, l.until.at, l.until.no, l.Limit+1)
	if l.owner != "" || l.ErrorCode != "" {
		list = append(list, textOrNull(record.ErrorPrefix(l.ErrorCode)))
	}
	if l.owner != "" {
		list = append(list, l.owner.column(), l.event)
	}
	return list
}

// statuses returns a bit set of the codes of statuses.
func (l *runList) statuses() (set int64) {
	for _, code := range record.StatusCodes(&l.RunQuery) {
		set |= 1 << code
	}
	return set
}
