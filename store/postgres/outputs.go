package postgres

import (
	"context"
	"fmt"

	"github.com/seed-b636437c/automation"
)

// These rely on the primary key of run_outputs. A run keeps its id when it moves to
// another table, so its outputs stay where they are.
const (
	writeOutputs = `
INSERT INTO automation.run_outputs (run_id, step, output)
SELECT unnest($1::uuid[]), unnest($2::int[]), unnest($3::bytea[])
ON CONFLICT (run_id, step) DO UPDATE SET output = excluded.output`
	deleteOutputs = `DELETE FROM automation.run_outputs WHERE run_id = ANY ($1::uuid[])`
	findOutputs   = `SELECT step, output FROM automation.run_outputs WHERE run_id = $1::uuid ORDER BY step`
)

// writeOutputs keeps and drops the outputs that runs have beside their states.
func (c *committer) writeOutputs(sc *script) {
	var dropped, ids uuids
	var steps []int32
	var outputs [][]byte
	for _, w := range c.writes {
		for i := range w.t.Runs {
			r := &w.t.Runs[i]
			if r.DropOutputs {
				dropped = append(dropped, uuidOf(r.ID))
			}
			for _, out := range r.Outputs {
				ids, steps, outputs = append(ids, uuidOf(r.ID)), append(steps, int32(out.Step)), append(outputs, out.Output)
			}
		}
	}
	if len(dropped) > 0 {
		sc.exec(deleteOutputs, dropped)
	}
	if len(ids) > 0 {
		sc.exec(writeOutputs, ids, steps, outputs)
	}
}

// FindRunOutputs implements automation.RunReader.
func (s *Store) FindRunOutputs(ctx context.Context, runID string) ([]automation.StepOutput, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	var outputs []automation.StepOutput
	var sc script
	sc.query(func(scan scanFunc) error {
		var out automation.StepOutput
		err := scan(&out.Step, &out.Output)
		outputs = append(outputs, out)
		return err
	}, findOutputs, uuidOf(runID))
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return nil, fmt.Errorf("postgres store: find outputs of run %q: %w", runID, err)
	}
	return outputs, nil
}
