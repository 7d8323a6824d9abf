package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMachineTime_IsThatOfBusyProcessors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stat string
		want time.Duration
	}{
		"user, nice, system and interrupts": {"cpu  1000 200 30 9000000 8000000 4 5 7000000 600 60\ncpu0 1 1 1 1\nintr 5\n", 12_390 * time.Millisecond},
		"guests are in user":                {"cpu 7 0 0 0 0 0 0 0 7 0\n", 70 * time.Millisecond},
		"a kernel with few columns":         {"cpu 1 2 3 4", 60 * time.Millisecond},
		"no text":                           {"", 0},
		"an empty line":                     {"\ncpu 1 2 3 4\n", 0},
		"one processor only":                {"cpu0 1 2 3 4\n", 0},
		"no number":                         {"cpu 1 x 3 4\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, machineTime(test.stat))
		})
	}
}

func TestProcessorTime_IsSharedByTheRuns(t *testing.T) {
	t.Parallel()
	before := processorTime{process: time.Second, machine: 10 * time.Second}

	require.Equal(t, []value{{50, "process-µs/run"}, {200, "machine-µs/run"}},
		processorTime{process: 3 * time.Second / 2, machine: 12 * time.Second}.perRun(before, 10_000))
	require.Equal(t, []value{{50, "process-µs/run"}},
		processorTime{process: 3 * time.Second / 2}.perRun(processorTime{process: time.Second}, 10_000), "not on Linux")
}

func TestSpentSoFar_IncludesThisProcess(t *testing.T) {
	t.Parallel()
	require.Positive(t, spentSoFar().process)
}
