package journeys_test

import (
	"flag"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// Engines have no Drain: they call Plan and Perform. The test executes the cases of dates, windows
// and variants once more, on the store in memory, with a Drain that is a loop over Plan and
// Perform.
func TestTurns_HoldRunsAsDrainDoes(t *testing.T) {
	t.Parallel()
	if byTurns() {
		t.Skip("this process executes the tests with turns")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-turns", "-test.run", "^Test(DelayUntil|Window|Email|Split)_")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func byTurns() bool { return flag.Lookup("turns").Value.String() == "true" }
