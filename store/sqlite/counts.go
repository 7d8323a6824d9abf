package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// By the primary key.
const addCount = `
INSERT INTO automation_run_counts (automation_no, version, status, step, n) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (automation_no, version, status, step) DO UPDATE SET n = n + excluded.n`

// count changes the counters.
func (t *tx) count(ctx context.Context, tally record.Tally) error {
	for _, d := range tally.Changes() {
		if _, err := t.exec(ctx, addCount, d.Automation, d.Version, d.Status, d.Step, d.N); err != nil {
			return failed("count runs", err)
		}
	}
	return nil
}

// By the primary key.
const countRuns = `SELECT version, step, status, n FROM automation_run_counts WHERE automation_no = ? AND n > 0`

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
