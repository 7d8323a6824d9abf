package sqlite

import (
	"context"
	"database/sql"
	"math"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// By the unique indexes on id.
const findRun = selectActive + ` WHERE r.id = ?1 UNION ALL ` + selectEnded + ` WHERE r.id = ?1`

func findStoredRun(ctx context.Context, q session, id string) (storedRun, error) {
	r, found, err := one(ctx, q, scanRun, findRun, idKey(id).column())
	if err == nil && !found {
		return r, notFound("run", id)
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

// A list of runs of all contacts takes the first ones of every group that the query
// can match: the runs of one version that stand at one step with one status. The
// counters tell which groups there are. A group is one range of
// automation_active_runs_step and one of automation_ended_runs_step, so that a page
// costs the page, times the groups, however long the history is. A list of the runs
// of one contact is by automation_active_runs_owner and automation_ended_runs_owner.
//
// ?1 and ?2 range of automations   ?3 and ?4 range of versions   ?5 set of statuses
// ?6 step, or NULL   ?7 name of the event, or NULL   ?8 and ?9 place after which the
// list begins   ?10 and ?11 place before which it ends   ?12 limit   ?13 owner
// ?14 event, or NULL
const (
	ofGroup = `
	WHERE x.automation_no = g.automation_no AND x.version = g.version AND x.status = g.status AND x.step = g.step
		AND (x.created_at, x.no) > (?8, ?9) AND (x.created_at, x.no) < (?10, ?11)
		AND (?7 IS NULL OR EXISTS (SELECT 1 FROM automation_events n WHERE n.no = x.event_no AND n.name = ?7))`
	ofGroups = `
WHERE g.automation_no BETWEEN ?1 AND ?2 AND g.version BETWEEN ?3 AND ?4 AND (?5 >> g.status) & 1
	AND (?6 IS NULL OR g.step = ?6) AND g.n > 0`
	ofContact = `
WHERE r.owner = ?13 AND (?14 IS NULL OR r.event_no = ?14)
	AND r.automation_no BETWEEN ?1 AND ?2 AND r.version BETWEEN ?3 AND ?4 AND (?5 >> r.status) & 1
	AND (?6 IS NULL OR r.step = ?6) AND (?7 IS NULL OR e.name = ?7)
	AND (r.created_at, r.no) > (?8, ?9) AND (r.created_at, r.no) < (?10, ?11)`

	newestInGroup = ` ORDER BY x.created_at DESC, x.no DESC LIMIT 0 + ?12`
	oldestInGroup = ` ORDER BY x.created_at, x.no LIMIT 0 + ?12`
	newestFirst   = ` ORDER BY created_at DESC, no DESC LIMIT 0 + ?12`
	oldestFirst   = ` ORDER BY created_at, no LIMIT 0 + ?12`

	// json_each makes a table of the numbers of a group, which a subquery that
	// refers to g cannot be.
	activeNumbers = listColumns + ` FROM automation_run_counts g
CROSS JOIN json_each((SELECT json_group_array(no) FROM (SELECT x.no FROM automation_active_runs x` + ofGroup
	endedNumbers = listColumns + ` FROM automation_run_counts g
CROSS JOIN json_each((SELECT json_group_array(no) FROM (SELECT x.no FROM automation_ended_runs x` + ofGroup
	activeOfNumbers = `))) j CROSS JOIN automation_active_runs r ON r.no = j.value` + joinRun + ofGroups
	endedOfNumbers  = `))) j CROSS JOIN automation_ended_runs r ON r.no = j.value` + joinRun + ofGroups

	listRuns = activeNumbers + newestInGroup + activeOfNumbers + ` UNION ALL ` +
		endedNumbers + newestInGroup + endedOfNumbers + newestFirst
	listRunsBefore = activeNumbers + oldestInGroup + activeOfNumbers + ` UNION ALL ` +
		endedNumbers + oldestInGroup + endedOfNumbers + oldestFirst

	ofContactUnion    = listColumns + fromActive + ofContact + ` UNION ALL ` + listColumns + fromEnded + ofContact
	listContact       = ofContactUnion + newestFirst
	listContactBefore = ofContactUnion + oldestFirst
)

// place is where a run stands in a list: by when it was created and, among equals,
// by its number.
type place struct{ created, no int64 }

func (p place) before(o place) bool {
	return p.created < o.created || p.created == o.created && p.no < o.no
}

// ListRuns implements automation.RunReader.
func (s *Store) ListRuns(ctx context.Context, q automation.RunQuery) (page automation.Page[automation.RunRecord], err error) {
	err = s.read(ctx, func(r session) error {
		list := runList{
			RunQuery:    q,
			automations: [2]int64{0, math.MaxInt64},
			from:        place{math.MinInt64, 0}, until: place{math.MaxInt64, 0},
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
	automations [2]int64 // from and to
	owner       key      // "" for all
	event       any      // its number, nil for all
	from, until place    // both excluded
}

// narrow looks up what the query names. It reports false if there can be no such
// run.
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

// By the unique index on id.
const findEventOwner = `SELECT no, owner FROM automation_events WHERE id = ?`

// eventOwner narrows the list to the event and the contact that it is about.
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

// cursor sets the places between which the list lies.
func (l *runList) cursor(ctx context.Context, r session) error {
	if !l.CreatedFrom.IsZero() {
		l.from = place{l.CreatedFrom.UnixMicro(), 0} // numbers begin with 1
	}
	if !l.CreatedUntil.IsZero() {
		l.until = place{l.CreatedUntil.UnixMicro(), 0}
	}
	id := l.After + l.Before
	if id == "" {
		return nil
	}
	run, err := findStoredRun(ctx, r, id)
	if err != nil {
		return err
	}
	at := place{run.CreatedAt.UnixMicro(), run.no}
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
	case l.owner != "" && l.Before != "":
		return listContactBefore
	case l.owner != "":
		return listContact
	case l.Before != "":
		return listRunsBefore
	default:
		return listRuns
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

// statuses returns a bit for each status that is asked for.
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
