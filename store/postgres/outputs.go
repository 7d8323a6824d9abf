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
	var columns outputColumns
	for _, w := range c.writes {
		columns.add(w.t.Runs)
	}
	columns.write(sc)
}

// writeRunOutputs is writeOutputs for runs.
func writeRunOutputs(sc *script, runs []automation.RunChange) {
	var columns outputColumns
	columns.add(runs)
	columns.write(sc)
}

// outputColumns contains the outputs of runs, by column.
type outputColumns struct {
	dropped, ids uuids
	steps        []int32
	outputs      [][]byte
}

func (o *outputColumns) add(runs []automation.RunChange) {
	for i := range runs {
		r := &runs[i]
		if r.DropOutputs {
			o.dropped = append(o.dropped, uuidOf(r.ID))
		}
		for _, out := range r.Outputs {
			o.ids, o.steps, o.outputs = append(o.ids, uuidOf(r.ID)), append(o.steps, int32(out.Step)), append(o.outputs, out.Output)
		}
	}
}

func (o *outputColumns) write(sc *script) {
	if len(o.dropped) > 0 {
		sc.exec(deleteOutputs, o.dropped)
	}
	if len(o.ids) > 0 {
		sc.exec(writeOutputs, o.ids, o.steps, o.outputs)
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
