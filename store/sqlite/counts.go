package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// place is where runs stand. Each has a number, by which they refer to it, and the
// count of them.
type place struct {
	automation int64
	version    int
	status     int16
	step       string
	waits      string // for this event, if any
}

const (
	// By the unique index.
	findPlace = `
SELECT no FROM automation_places WHERE automation_no = ? AND version = ? AND status = ? AND step = ? AND wait_event = ?`
	insertPlace = `INSERT INTO automation_places (automation_no, version, status, step, wait_event, n) VALUES (?, ?, ?, ?, ?, 0)`
)

// place returns the number of a place.
func (c *committer) placeNumber(ctx context.Context, p place) (int64, error) {
	if no, ok := c.places[p]; ok {
		return no, nil
	}
	columns := args(p.automation, p.version, p.status, p.step, p.waits)
	var no int64
	found, err := first(ctx, c.tx, findPlace, columns, &no)
	if err == nil && !found {
		var res sql.Result
		if res, err = c.tx.exec(ctx, insertPlace, columns...); err == nil {
			no, err = res.LastInsertId()
		}
	}
	if err != nil {
		return 0, failed("find place", err)
	}
	c.places[p] = no
	return no, nil
}

// tally gathers what becomes of the counts of places, by their numbers, in one
// transaction.
type tally map[int64]int

// By the primary key.
const addCount = `UPDATE automation_places SET n = n + ? WHERE no = ?`

// count changes the counts.
func (tx *transaction) count(ctx context.Context, changes tally) error {
	for _, no := range slices.Sorted(maps.Keys(changes)) {
		if changes[no] == 0 {
			continue
		}
		if _, err := tx.exec(ctx, addCount, changes[no], no); err != nil {
			return failed("count runs", err)
		}
	}
	return nil
}

// By the unique index.
const countRuns = `
SELECT version, step, status, sum(n) FROM automation_places WHERE automation_no = ? AND n > 0 GROUP BY version, status, step`

func scanCount(rows *sql.Rows) (c automation.RunCount, err error) {
	var status int16
	err = rows.Scan(&c.Version, &c.Step, &status, &c.Count)
	c.Status = record.StatusOf(status)
	return c, err
}

// CountRuns implements automation.RunReader.
func (s *Store) CountRuns(ctx context.Context, automationID string) (counts []automation.RunCount, err error) {
	err = s.read(ctx, func(q session) error {
		a, err := findStoredAutomation(ctx, q, automationID)
		if err != nil {
			return err
		}
		counts, err = all(ctx, q, scanCount, countRuns, a.no)
		return failed("count runs", err)
	})
	slices.SortFunc(counts, func(a, b automation.RunCount) int {
		return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(a.Step, b.Step), cmp.Compare(a.Status, b.Status))
	})
	return counts, err
}
