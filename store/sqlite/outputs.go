package sqlite

import (
	"context"
	"database/sql"

	"github.com/seed-b636437c/automation"
)

// These rely on automation_run_outputs_run. A run keeps its id when it moves to another
// table, so its outputs stay where they are.
const (
	writeOutput = `
INSERT INTO automation_run_outputs (run_id, step, output) VALUES (?, ?, ?)
ON CONFLICT (run_id, step) DO UPDATE SET output = excluded.output`
	deleteOutputs = `DELETE FROM automation_run_outputs WHERE run_id = ?`
	findOutputs   = `SELECT step, output FROM automation_run_outputs WHERE run_id = ? ORDER BY step`
)

// writeOutputs keeps and drops the outputs that a run has beside its state.
func (c *committer) writeOutputs(ctx context.Context, change *automation.RunChange) error {
	if len(change.Outputs) == 0 && !change.DropOutputs {
		return nil // as for most runs, before it allocates anything
	}
	run := idKey(change.ID).column()
	if change.DropOutputs {
		if _, err := c.tx.exec(ctx, deleteOutputs, run); err != nil {
			return failed("drop outputs", err)
		}
	}
	for _, out := range change.Outputs {
		if _, err := c.tx.exec(ctx, writeOutput, run, out.Step, out.Output); err != nil {
			return failed("write output", err)
		}
	}
	return nil
}

// FindRunOutputs implements automation.RunReader.
func (s *Store) FindRunOutputs(ctx context.Context, runID string) (outputs []automation.StepOutput, err error) {
	err = s.read(ctx, func(q session) (err error) {
		outputs, err = all(ctx, q, scanOutput, findOutputs, idKey(runID).column())
		return failed("find outputs", err)
	})
	return outputs, err
}

func scanOutput(rows *sql.Rows) (out automation.StepOutput, err error) {
	err = rows.Scan(&out.Step, &out.Output)
	return out, err
}
