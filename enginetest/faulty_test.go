package enginetest_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/enginetest"
	"github.com/seed-b636437c/automation/store/memory"
)

// faulty is an engine on a store in memory that is correct until one of its hooks is set.
type faulty struct {
	*memory.Store
	mu sync.Mutex // held while a hook of the store runs

	appending     func(events []automation.NewEvent) ([]automation.EventReceipt, error)
	claimed       func(works []automation.Work)
	committing    func(ts []automation.Transition) []automation.Transition
	commit        func(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error)
	updating      func(a automation.AutomationRecord) error
	cancelRuns    func() int
	requested     func(id string) (automation.RunRecord, error)
	contactEvents func() []automation.Event
	outputs       func() []automation.StepOutput
	listedRuns    func(p *automation.Page[automation.RunRecord])
	late          time.Duration // of runs that are due

	options func(o *automation.Options)
	mailer  func(next automation.Mailer) automation.Mailer
	work    func(tb testing.TB, next func(context.Context) error) func(context.Context) error
}

// open is the Open of an engine with a fault.
func open(fault func(f *faulty)) enginetest.Open {
	return func(tb testing.TB, mailer automation.Mailer, opts automation.Options) enginetest.Engine {
		f := &faulty{Store: memory.New()}
		fault(f)
		if f.options != nil {
			f.options(&opts)
		}
		if f.mailer != nil {
			mailer = f.mailer(mailer)
		}
		return f.process(tb, mailer, opts)
	}
}

func (f *faulty) process(tb testing.TB, mailer automation.Mailer, opts automation.Options) enginetest.Engine {
	runner, err := automation.New(f, mailer, opts)
	require.NoError(tb, err)
	work := runner.Run
	if f.work != nil {
		work = f.work(tb, runner.Run)
	}
	return enginetest.Engine{Runner: runner, Work: work, Another: func() enginetest.Engine { return f.process(tb, mailer, opts) }}
}

func (f *faulty) AppendEvents(ctx context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	if f.appending == nil {
		return f.Store.AppendEvents(ctx, events)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.appending(append([]automation.NewEvent{}, events...))
}

func (f *faulty) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	p.Now = p.Now.Add(-f.late)
	works, err := f.Store.Claim(ctx, p)
	if f.claimed != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.claimed(works)
	}
	return works, err
}

func (f *faulty) NextDue(ctx context.Context) (time.Time, error) {
	due, err := f.Store.NextDue(ctx)
	if !due.IsZero() {
		due = due.Add(f.late)
	}
	return due, err
}

func (f *faulty) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	if f.committing != nil {
		ts = f.committing(append([]automation.Transition{}, ts...))
	}
	if f.commit != nil {
		return f.commit(ctx, ts)
	}
	return f.Store.Commit(ctx, ts)
}

func (f *faulty) UpdateAutomation(ctx context.Context, a automation.AutomationRecord) error {
	if f.updating != nil {
		return f.updating(a)
	}
	return f.Store.UpdateAutomation(ctx, a)
}

func (f *faulty) CancelRuns(ctx context.Context, automationID string, now time.Time) (int, error) {
	if f.cancelRuns != nil {
		return f.cancelRuns(), nil
	}
	return f.Store.CancelRuns(ctx, automationID, now)
}

func (f *faulty) RecordRunRequest(ctx context.Context, id string, c automation.RunRequest, now time.Time) (automation.RunRecord, error) {
	if f.requested != nil {
		return f.requested(id)
	}
	return f.Store.RecordRunRequest(ctx, id, c, now)
}

func (f *faulty) ListContactEvents(ctx context.Context, contactID, name string, since time.Time) ([]automation.Event, error) {
	if f.contactEvents != nil {
		return f.contactEvents(), nil
	}
	return f.Store.ListContactEvents(ctx, contactID, name, since)
}

func (f *faulty) FindRunOutputs(ctx context.Context, runID string) ([]automation.StepOutput, error) {
	if f.outputs != nil {
		return f.outputs(), nil
	}
	return f.Store.FindRunOutputs(ctx, runID)
}

func (f *faulty) ListRuns(ctx context.Context, q automation.RunQuery) (automation.Page[automation.RunRecord], error) {
	p, err := f.Store.ListRuns(ctx, q)
	if f.listedRuns != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.listedRuns(&p)
	}
	return p, err
}

// patience is short, because a faulty engine does not get anywhere.
const patience = 3 * time.Second

// verdict runs the check with a name.
func verdict(tb testing.TB, name string, open enginetest.Open, given enginetest.Given) error {
	tb.Helper()
	for _, c := range enginetest.Checks() {
		if c.Name == name {
			return c.Run(tb, open, given)
		}
	}
	require.FailNow(tb, "there is no such check", name)
	return nil
}

func TestChecks_FindEachFault(t *testing.T) {
	t.Parallel()
	for _, tt := range faults {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := error(nil)
			for tries := 0; err == nil && tries < 5; tries++ { // a fault that needs a race may not come at once
				err = verdict(t, tt.check, open(tt.fault), enginetest.Given{Patience: patience})
			}
			require.Error(t, err, "the check %q should fail", tt.check)
			t.Log(err)
		})
	}
}

// TestChecks_AcceptWhatIsGiven runs checks on engines that are as they declare to be.
func TestChecks_AcceptWhatIsGiven(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault, check string
		given        enginetest.Given
	}{
		{"keeps half of a Send that fails", "sends/of several contacts are all or nothing, and can be repeated", enginetest.Given{PartialSends: true}},
		{"disables a moment later", "changes/no run starts after an automation was disabled", enginetest.Given{LateStop: true}},
		{"lists a moment later", "history/runs are listed by what they are, newest first and page by page", enginetest.Given{LaggingLists: true}},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			assert.NoError(t, verdict(t, tt.check, open(faultNamed(t, tt.fault)), tt.given))
		})
	}
}

// TestChecks_FindTimersThatAreLate finds them unless they are declared. It takes a few seconds, as the timers do.
func TestChecks_FindTimersThatAreLate(t *testing.T) {
	t.Parallel()
	for given, sound := range map[enginetest.Given]bool{{}: false, {TimerPrecision: 3 * time.Second}: true} {
		t.Run(given.TimerPrecision.String(), func(t *testing.T) {
			t.Parallel()
			err := verdict(t, "timers/fire neither early nor too late", open(func(f *faulty) { f.late = 2500 * time.Millisecond }), given)
			if sound {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "the most punctual one was 2.5")
		})
	}
}

// TestChecks_FindThatNothingWorks shows that no check passes by itself.
func TestChecks_FindThatNothingWorks(t *testing.T) {
	t.Parallel()
	idle := open(func(f *faulty) {
		f.work = func(testing.TB, func(context.Context) error) func(context.Context) error {
			return func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			}
		}
	})
	for _, c := range enginetest.Checks() {
		require.Error(t, c.Run(t, idle, enginetest.Given{Patience: 20 * time.Millisecond}), c.Name)
	}
}

func faultNamed(tb testing.TB, name string) func(f *faulty) {
	for _, f := range faults {
		if f.name == name {
			return f.fault
		}
	}
	require.FailNow(tb, "there is no such fault", name)
	return nil
}
