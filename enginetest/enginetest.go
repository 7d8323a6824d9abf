// Package enginetest is the suite that every engine must pass. An engine is what executes
// flows. The library's own is Runner.Run on a Store; another one brings a queue, timers and
// a fence of its own, and plans turns with Runner.Plan. An engine joins the suite with one
// test:
//
//	func TestEngine(t *testing.T) {
//		enginetest.Run(t, func(tb testing.TB, mailer automation.Mailer, opts automation.Options) enginetest.Engine {
//			return process(tb, newCluster(tb), mailer, opts)
//		}, enginetest.Given{})
//	}
//
// The suite uses nothing but the methods of a Runner, a mailer and custom steps. It works in
// real time, because the timers of an engine may be on a server: delays take one second or
// two, the checks run side by side, and each waits until a condition holds. What an engine
// does not keep of the library's promises, it declares in Given. The suite then tests what is
// left of the promise.
//
// The checks are plain functions that return errors, so that the suite itself can be tested
// against engines that are broken on purpose.
package enginetest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/seed-b636437c/automation"
)

// Engine is one process of the engine under test. All fields must be set.
type Engine struct {
	// Runner is what a host calls: Send, CreateAutomation, GetRun and so on. The suite
	// does not call Run and Drain.
	Runner *automation.Runner
	// Work does all work as it becomes due, until ctx ends. Then it finishes the effects in
	// flight or leaves them to other processes, and returns nil or the error of ctx. It
	// must return soon after Options.ShutdownTimeout has passed.
	Work func(ctx context.Context) error
	// Another returns another process on the same data, with the same mailer and options.
	Another func() Engine
}

// Open returns a process of an engine without any data, whose Runner has the mailer and the
// options. It may set options that the suite leaves zero. It closes what it opens in
// tb.Cleanup. It is called from many goroutines at once.
type Open func(tb testing.TB, mailer automation.Mailer, opts automation.Options) Engine

// Given is what an engine does not keep of the library's promises. The zero value keeps all
// of them.
type Given struct {
	// PartialSends means that a Send of events for several contacts, if it fails, may have
	// accepted some of the events. A repeat with the same idempotency keys then accepts the
	// others, and no event twice. An invalid event is still refused with all the others.
	PartialSends bool
	// LateStop means that an update or a deletion of an automation takes effect a moment
	// late: events may start a run of what the automation was before, for a short time
	// after the call returned.
	LateStop bool
	// LaggingLists means that lists and counts follow the records a moment later. They
	// get there, but the suite gives them time.
	LaggingLists bool
	// TimerPrecision is how late a timer may fire, apart from a machine that is busy. No
	// timer may ever fire early.
	TimerPrecision time.Duration
	// Patience is how long the suite waits for what should happen. The default is 30
	// seconds, much longer than any check takes. It costs time only when a check fails.
	Patience time.Duration
}

// Check is one behaviour that an engine must have.
type Check struct {
	// Name states the behaviour. It is unique and has the form topic/sentence.
	Name string
	// Run returns what is wrong with the engine, or nil. It opens an engine of its own.
	// When it returns, no process of the engine works any more, unless the error reports
	// that one does not stop.
	Run func(tb testing.TB, open Open, given Given) error
}

// checksAtOnce is how many checks run side by side. Most of their time they wait. More of them
// would compete for the connections of a database.
const checksAtOnce = 8

// Run runs every check as a subtest, each on an engine that open makes for it. The subtests
// run side by side, more of them than the flag -parallel allows, because they wait for
// timers.
func Run(t *testing.T, open Open, given Given) {
	var wg sync.WaitGroup
	defer wg.Wait()
	free := make(chan struct{}, checksAtOnce)
	for _, c := range Checks() {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			t.Run(c.Name, func(t *testing.T) {
				if err := c.Run(t, open, given); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Checks returns all checks of the suite.
func Checks() []Check {
	return slices.Concat(
		scaleChecks(), // first, because it takes the longest
		orderChecks(),
		branchChecks(),
		waitChecks(),
		entryChecks(),
		exitChecks(),
		timerChecks(),
		fenceChecks(),
		outcomeChecks(),
		requestChecks(),
		changeChecks(),
		sendChecks(),
		contactChecks(),
		eraseChecks(),
		customChecks(),
		workerChecks(),
		historyChecks(),
		observerChecks(),
	)
}
