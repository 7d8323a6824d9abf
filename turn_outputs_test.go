package automation

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answered is a run whose wait has ended with an output of this size.
func answered(t *testing.T, size int) *activeRun {
	t.Helper()
	f := startFlow(t, sequence(WaitForEvent{EventName: "order.paid"}, welcome), noJitter, "")
	f.pay()
	f.state.steps[1].setOutput(json.RawMessage(`"` + strings.Repeat("x", size-2) + `"`))
	return &activeRun{graph: f.graph, state: f.state, action: f.action}
}

func TestRun_StoresALargeOutputOnce(t *testing.T) {
	t.Parallel()
	small := answered(t, largeOutput).write(flowStart, flowStart)
	assert.Empty(t, small.Outputs)
	assert.Equal(t, byte(wholeVersion), small.State[0])

	run := answered(t, largeOutput+1)
	output := run.state.steps[1].output
	first := run.write(flowStart, flowStart)
	assert.Equal(t, []StepOutput{{Step: 1, Output: output}}, first.Outputs)
	assert.Equal(t, byte(outputVersion), first.State[0])
	assert.Less(t, len(first.State), 100)
	again := run.write(flowStart, flowStart)
	assert.Empty(t, again.Outputs)
	assert.Equal(t, first.State, again.State)
}

// Until release 3 of the format, states held outputs of every size.
func TestRun_StoresTheLargeOutputsOfAnEarlierRelease(t *testing.T) {
	t.Parallel()
	run := answered(t, largeOutput+1)
	output := run.state.steps[1].output
	run.state = restored(t, run.state)
	assert.Equal(t, []StepOutput{{Step: 1, Output: output}}, run.write(flowStart, flowStart).Outputs)
}

func TestRun_RetryReplacesAnOutputThatIsStoredApart(t *testing.T) {
	t.Parallel()
	f := startFlow(t, sequence(welcome), noJitter, "")
	f.fail(Permanent(assert.AnError))
	f.state.steps[1].apart = true
	f.do(Input{Kind: InputRetried})
	f.do(Input{Kind: InputSucceeded, Output: json.RawMessage(strings.Repeat("x", largeOutput+1))})
	require.Equal(t, RunCompleted, f.state.Status())
	run := &activeRun{graph: f.graph, state: f.state, action: f.action}
	assert.Len(t, run.write(f.now.Add(time.Hour), f.now).Outputs, 1)
}
