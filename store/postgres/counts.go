package postgres

import (
	"cmp"
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
INSERT INTO automation.run_counts AS c (place_no, n, slot)
SELECT unnest($1::int[]), unnest($2::bigint[]), $3::smallint
ON CONFLICT (place_no, slot) DO UPDATE SET n = c.n + excluded.n`

// count adds a tally of places to the counters of a slot.
func count(sc *script, slot int16, tally record.Tally[int32]) {
	changes := tally.Changes(cmp.Compare[int32])
	if len(changes) == 0 {
		return
	}
	places, counts := make([]int32, len(changes)), make([]int64, len(changes))
	for i, d := range changes {
		places[i], counts[i] = d.Key, int64(d.N)
	}
	sc.exec(addCounts, places, counts, slot)
}

// countRunning and sumCounts rely on automations_id, places_key and the primary key of run_counts.
const (
	countRunning = `
SELECT coalesce((
	SELECT sum(c.n) FROM automation.places p JOIN automation.run_counts c ON c.place_no = p.no WHERE p.automation_id = a.id AND p.status = 0), 0)::bigint
FROM automation.automations a WHERE a.id = $1::text AND a.deleted_at IS NULL`

	// An automation without runs has a row of zeros.
	sumCounts = `
SELECT a.id, coalesce(p.version, 0), coalesce(p.step, ''), coalesce(p.status, 0::smallint), coalesce(sum(c.n), 0)::bigint
FROM automation.automations a
LEFT JOIN automation.places p ON p.automation_id = a.id LEFT JOIN automation.run_counts c ON c.place_no = p.no
WHERE a.id = ANY ($1::text[]) AND a.deleted_at IS NULL GROUP BY a.id, p.version, p.step, p.status`
)

// countRunning returns how many runs of an automation are running.
func (s *Store) countRunning(ctx context.Context, id string) (runs int, err error) {
	found := false
	var sc script
	sc.query(func(scan scanFunc) error {
		found = true
		return scan(&runs)
	}, countRunning, id)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return 0, fmt.Errorf("postgres store: automation %q: %w", id, err)
	}
	if !found {
		return 0, record.NotFound("automation", id)
	}
	return runs, nil
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
