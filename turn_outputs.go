package automation

import (
	"context"
	"fmt"
)

// largeOutput is the size of the largest output that is part of the encoded state. The
// state is written with every transition of the run. A larger output is stored beside it,
// once, which costs a statement.
const largeOutput = 4 << 10

// storeApart returns the large outputs that the store does not have yet. From now on the
// encoded state refers to them, so the next transition must store them.
func (run *activeRun) storeApart() (outputs []StepOutput) {
	for i := range run.state.steps {
		if st := &run.state.steps[i]; !st.apart && len(st.output) > largeOutput {
			st.apart = true
			outputs = append(outputs, StepOutput{Step: int(st.index), Output: st.output})
		}
	}
	return outputs
}

// loadOutputs reads the outputs that s lacks.
func (r *Runner) loadOutputs(ctx context.Context, s *State) error {
	ctx, cancel := context.WithTimeout(ctx, r.opts.StoreTimeout)
	defer cancel()
	outputs, err := r.store.FindRunOutputs(ctx, s.RunID)
	if err != nil {
		return fmt.Errorf("outputs of run %q: %w", s.RunID, err)
	}
	byStep := make(map[int][]byte, len(outputs))
	for _, out := range outputs {
		byStep[out.Step] = out.Output
	}
	for i := range s.steps {
		if st := &s.steps[i]; st.lacksOutput() {
			st.output = byStep[int(st.index)]
		}
	}
	return nil
}
