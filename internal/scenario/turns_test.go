package scenario

import (
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// aboutDrain are the tests of what only Drain has: its leases, its log and its Runner. A loop
// of turns has its own.
var aboutDrain = []string{
	"TestLease_NodeDoesNotPerformWhatItHasLost",
	"TestLease_DrainRenewsWhatHasToWait",
	"TestLog_StormIsCounted",                   // Drain writes the counts when it returns
	"TestOutputs_LargeOnesAreReadByLaterSteps", // counts reads, and Perform reads anew
	"TestRules_ReadLargeOutputs",               // so does this one
	"TestPackageSend_NeedsAWriterOnly",         // has a Runner on another store
}

// Engines have no Drain and no Run: they call Plan and Perform. The test executes all tests
// of this package once more, with a Drain that is a loop over Plan and Perform.
func TestTurns_DoWhatDrainDoes(t *testing.T) {
	t.Parallel()
	if flag.Lookup("turns").Value.String() == "true" {
		t.Skip("this process executes the tests with turns")
	}
	skip := append([]string{"TestTurns_DoWhatDrainDoes"}, aboutDrain...)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-turns", "-test.skip", "^("+strings.Join(skip, "|")+")$")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
