package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// place is a row of automation_places without its number and its count. Runs with the
// same values here have one place, which they refer to by its number and which counts
// them.
type place struct {
	automationNo int64
	version      int
	status       int16
	step         string
	eventName    string // that started the runs; "" at a place from before places had it
}

const (
	// findPlace relies on the unique index.
	findPlace = `
SELECT no FROM automation_places WHERE automation_no = ? AND version = ? AND status = ? AND step = ? AND event_name = ?`
	insertPlace = `INSERT INTO automation_places (automation_no, version, status, step, event_name, n) VALUES (?, ?, ?, ?, ?, 0)`
)

// placeNumber returns the number of a place. It inserts the place if it is new.
func (c *committer) placeNumber(ctx context.Context, p place) (int64, error) {
	if no, ok := c.places[p]; ok {
		return no, nil
	}
	columns := args(p.automationNo, p.version, p.status, p.step, p.eventName)
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

// addCount relies on the primary key.
const addCount = `UPDATE automation_places SET n = n + ? WHERE no = ?`

// count adds a tally to the counts of places.
func (tx *transaction) count(ctx context.Context, tally record.Tally[int64]) error {
	for _, d := range tally.Changes(cmp.Compare[int64]) {
		if _, err := tx.exec(ctx, addCount, d.N, d.Key); err != nil {
			return failed("count runs", err)
		}
	}
	return nil
}

// countRuns relies on the unique indexes. An automation without runs has a row of zeros.
// ?1 is a JSON array of ids.
const countRuns = `
SELECT a.id, coalesce(p.version, 0), coalesce(p.step, ''), coalesce(p.status, 0), coalesce(sum(p.n), 0)
FROM automation_automations a LEFT JOIN automation_places p ON p.automation_no = a.no
WHERE a.id IN (SELECT j.value FROM json_each(?1) j) AND a.deleted_at IS NULL
GROUP BY a.id, p.version, p.status, p.step`

func scanCount(rows *sql.Rows) (c automation.RunCount, err error) {
	var status int16
	err = rows.Scan(&c.AutomationID, &c.Version, &c.Step, &status, &c.Count)
	c.Status = record.StatusOf(status)
	return c, err
}

// CountRuns implements automation.RunReader.
func (s *Store) CountRuns(ctx context.Context, automationIDs ...string) (counts []automation.RunCount, err error) {
	err = s.read(ctx, func(q session) error {
		ids, err := json.Marshal(automationIDs)
		if err != nil {
			return failed("count runs", err)
		}
		rows, err := all(ctx, q, scanCount, countRuns, string(ids))
		if err != nil {
			return failed("count runs", err)
		}
		counts, err = record.CountsOf(automationIDs, rows)
		return err
	})
	return counts, err
}
