package memory

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/seed-b636437c/automation"
)

// writeOutputs keeps and drops the outputs that a run has beside its state.
func (s *Store) writeOutputs(c *automation.RunChange) {
	if c.DropOutputs {
		delete(s.outputs, c.ID)
	}
	if len(c.Outputs) > 0 && s.outputs[c.ID] == nil {
		s.outputs[c.ID] = make(map[int][]byte, len(c.Outputs))
	}
	for _, out := range c.Outputs {
		s.outputs[c.ID][out.Step] = out.Output
	}
}

// FindRunOutputs implements automation.RunReader.
func (s *Store) FindRunOutputs(ctx context.Context, runID string) ([]automation.StepOutput, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	byStep := s.outputs[runID]
	outputs := make([]automation.StepOutput, 0, len(byStep))
	for _, step := range slices.Sorted(maps.Keys(byStep)) {
		outputs = append(outputs, automation.StepOutput{Step: step, Output: bytes.Clone(byStep[step])})
	}
	return outputs, nil
}
