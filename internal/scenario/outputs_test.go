package scenario_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// A run's state is written with every transition of the run.
func TestOutputs_ALargeOneIsStoredOnce(t *testing.T) {
	t.Parallel()
	const waits, size = 40, 250 << 10
	w := world.New(t, automation.Options{})
	var steps []automation.Step
	for i := range waits {
		steps = append(steps, world.Wait(fmt.Sprintf("wait%d", i), "answer"))
	}
	w.Create(world.Flow("", "signup", steps...))
	written := 0
	w.Store.BeforeCommit = func(ts []automation.Transition) error {
		for _, tr := range ts {
			for _, r := range tr.Runs {
				written += len(r.State)
				for _, out := range r.Outputs {
					written += len(out.Output)
				}
			}
		}
		return nil
	}
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	for range waits {
		w.Send(world.ForAda("answer", map[string]any{"text": strings.Repeat("x", size)}))
		w.Drain()
	}
	require.Equal(t, automation.RunCompleted, w.Run().Status)
	assert.GreaterOrEqual(t, written, waits*size)
	assert.Less(t, written, waits*size*11/10)
}
