// Package storetest is the suite that every automation.Store must pass. A store
// joins it with one test:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(tb testing.TB) storetest.Target {
//			return storetest.Sole(mystore.New(tb.TempDir()))
//		})
//	}
//
// For a store that several processes can share, return a Target with an Open of its
// own: the suite then works through two handles on the same data. The checks
// are plain functions that return errors, so that the suite itself can be
// tested against stores that are broken on purpose.
package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/seed-b636437c/automation"
)

// Target is the store under test: one set of data, empty at first.
type Target struct {
	// Open returns a handle on the data. It must be set. The suite calls it several
	// times for one Target. Each handle represents what another process opens: a store
	// with connections of its own if the store supports that, and otherwise the same
	// store again. The caller of Run closes the handles. The checks about closing also
	// close handles that implement io.Closer, so it must be possible to close a handle
	// twice.
	Open func(ctx context.Context) (automation.Store, error)
	// Durable is set if data survives closing all handles and opening new ones. If it is
	// not set, the check about that is skipped.
	Durable bool
	// Dump returns everything that the store keeps, as text: every column of every table.
	// If it is not set, the checks that erasing leaves no address behind are skipped.
	Dump func(ctx context.Context) (string, error)
}

// Sole returns the Target of a store that is the only handle on its data.
func Sole(s automation.Store) Target {
	return Target{Open: func(context.Context) (automation.Store, error) { return s, nil }}
}

// Check is one behaviour that a store must have.
type Check struct {
	// Name states the behaviour. It is unique and has the form topic/sentence.
	Name string
	// Run returns what is wrong with the store, or nil. Each call needs a new Target. The
	// error wraps ErrSkipped if the check does not apply. Run returns soon after ctx
	// ends, provided that the methods of the store do.
	Run func(ctx context.Context, t Target) error
}

// ErrSkipped is wrapped by the error of a check that does not apply to a store, because
// the store lacks an optional ability.
var ErrSkipped = errors.New("skipped")

// checkTimeout bounds one check. It is much longer than the milliseconds that a check
// takes, because many checks run at a time and some databases sync to a slow disk.
const checkTimeout = 2 * time.Minute

// Run runs every check as a parallel subtest, each on a Target that fresh makes for
// it. fresh should close what it opens in tb.Cleanup.
func Run(t *testing.T, fresh func(tb testing.TB) Target) {
	for _, c := range Checks() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), checkTimeout)
			defer cancel()
			err := c.Run(ctx, fresh(t))
			if errors.Is(err, ErrSkipped) {
				t.Skip(err)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// Checks returns all checks of the suite.
func Checks() []Check {
	return slices.Concat(
		eventChecks(),
		eventRecordChecks(),
		keyChecks(),
		definitionChecks(),
		claimChecks(),
		dueChecks(),
		commitChecks(),
		sentChecks(),
		eraseChecks(),
		waitChecks(),
		moveChecks(),
		requestChecks(),
		triggerChecks(),
		gatherChecks(),
		decisionChecks(),
		entryChecks(),
		exitChecks(),
		automationChecks(),
		versionChecks(),
		runChecks(),
		outputChecks(),
		projectionChecks(),
		catalogChecks(),
		bulkChecks(),
		contactChecks(),
		goneChecks(),
		segmentChecks(),
		propertyChecks(),
		pruneChecks(),
		statsChecks(),
		valueChecks(),
		closeChecks(),
	)
}
