package postgres

import (
	"context"
	"fmt"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// slots is how many counters there are for one group of runs. Transactions at the same
// time mostly add to different ones.
const slots = 16

// addCounts relies on the primary key of run_counts.
const addCounts = `
INSERT INTO automation.run_counts AS c (automation_no, version, status, step, slot, n)
SELECT u.automation_no, u.version, u.status, u.step, $6::smallint, u.n
FROM unnest($1::bigint[], $2::int[], $3::smallint[], $4::text[], $5::bigint[]) AS u (automation_no, version, status, step, n)
ON CONFLICT (automation_no, version, status, step, slot) DO UPDATE SET n = c.n + excluded.n`

// count adds a tally to the counters of a slot.
func count(sc *script, slot int16, tally record.Tally[record.RunGroup]) {
	changes := tally.Changes(record.RunGroup.Compare)
	if len(changes) == 0 {
		return
	}
	var automations, counts []int64
	var versions []int32
	var statuses []int16
	var steps []string
	for _, d := range changes {
		automations, versions = append(automations, d.Key.AutomationNo), append(versions, int32(d.Key.Version))
		statuses, steps, counts = append(statuses, d.Key.Status), append(steps, d.Key.Step), append(counts, int64(d.N))
	}
	sc.exec(addCounts, automations, versions, statuses, steps, counts, slot)
}

// countRunning and sumCounts rely on automations_id and the primary key of run_counts.
const (
	countRunning = `
SELECT a.no, coalesce((SELECT sum(c.n) FROM automation.run_counts c WHERE c.automation_no = a.no AND c.status = 0), 0)::bigint
FROM automation.automations a WHERE a.id = $1::text AND a.deleted_at IS NULL`

	// An automation without runs has a row of zeros.
	sumCounts = `
SELECT a.id, coalesce(c.version, 0), coalesce(c.step, ''), coalesce(c.status, 0::smallint), coalesce(sum(c.n), 0)::bigint
FROM automation.automations a LEFT JOIN automation.run_counts c ON c.automation_no = a.no
WHERE a.id = ANY ($1::text[]) AND a.deleted_at IS NULL GROUP BY a.id, c.version, c.step, c.status`
)

// countRunning returns the number of an automation, and how many runs of it are running.
func (s *Store) countRunning(ctx context.Context, id string) (no int64, runs int, err error) {
	var sc script
	sc.query(func(scan scanFunc) error { return scan(&no, &runs) }, countRunning, id)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return 0, 0, fmt.Errorf("postgres store: automation %q: %w", id, err)
	}
	if no == 0 {
		return 0, 0, record.NotFound("automation", id)
	}
	return no, runs, nil
}

// CountRuns implements automation.RunReader. It reads counters, not runs.
func (s *Store) CountRuns(ctx context.Context, automationIDs ...string) ([]automation.RunCount, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	var rows []automation.RunCount
	var sc script
	sc.query(func(scan scanFunc) error {
		var c automation.RunCount
		var status int16
		err := scan(&c.AutomationID, &c.Version, &c.Step, &status, &c.Count)
		c.Status = record.StatusOf(status)
		rows = append(rows, c)
		return err
	}, sumCounts, automationIDs)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return nil, fmt.Errorf("postgres store: count runs: %w", err)
	}
	return record.CountsOf(automationIDs, rows)
}
