package automation_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// world is a store with Runners at work on it, a clock that stands still until
// it is moved, and the emails that were sent.
type world struct {
	t      *testing.T
	clock  *pacedClock
	store  *faultyStore
	mailer *capture.Mailer
	opts   automation.Options
	*automation.Runner
}

func newWorld(t *testing.T, opts automation.Options) *world {
	t.Helper()
	w := &world{t: t, clock: newPacedClock(), store: &faultyStore{Store: memory.New()}, mailer: capture.New(), opts: opts}
	w.clock.Set(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC))
	w.opts.Clock = w.clock
	if w.opts.Retry == (automation.RetryPolicy{}) {
		w.opts.Retry.Jitter = -1
	}
	w.Runner = w.node(w.opts)
	return w
}

// node returns another Runner on the same store, as another process has one.
func (w *world) node(opts automation.Options) *automation.Runner {
	w.t.Helper()
	opts.Clock = w.clock
	r, err := automation.New(w.store, w.mailer, opts)
	require.NoError(w.t, err)
	return r
}

func (w *world) create(a automation.Automation) automation.Automation {
	w.t.Helper()
	a, err := w.CreateAutomation(w.t.Context(), a)
	require.NoError(w.t, err)
	return a
}

// send sends an event to Ada.
func (w *world) send(name string, payload any) automation.EventReceipt {
	w.t.Helper()
	receipts, err := w.Send(w.t.Context(), automation.Event{Name: name, Email: "ada@example.com", Payload: automation.Payload(payload)})
	require.NoError(w.t, err)
	return receipts[0]
}

func (w *world) drain() {
	w.t.Helper()
	_, err := w.Drain(w.t.Context())
	require.NoError(w.t, err)
}

// pass lets time go by and does what is due then.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.clock.Add(d)
	w.drain()
}

// runs returns all runs with their steps, newest first.
func (w *world) runs() []automation.Run {
	w.t.Helper()
	page, err := w.ListRuns(w.t.Context(), automation.RunQuery{PageQuery: automation.PageQuery{Limit: 100}})
	require.NoError(w.t, err)
	require.False(w.t, page.HasMore)
	for i := range page.Data {
		page.Data[i], err = w.GetRun(w.t.Context(), page.Data[i].ID)
		require.NoError(w.t, err)
	}
	return page.Data
}

// run returns the only run.
func (w *world) run() automation.Run {
	w.t.Helper()
	runs := w.runs()
	require.Len(w.t, runs, 1)
	return runs[0]
}

func (w *world) contact() automation.Contact {
	w.t.Helper()
	c, err := w.GetContact(w.t.Context(), automation.ContactRef{Email: "ada@example.com"})
	require.NoError(w.t, err)
	return c
}

// stepOf returns the record of a step of a run.
func stepOf(t *testing.T, run automation.Run, key string) automation.StepRun {
	t.Helper()
	for _, s := range run.Steps {
		if s.Key == key {
			return s
		}
	}
	require.FailNow(t, "no such step", key)
	return automation.StepRun{}
}

// pacedClock is a clock that stands still, and says when somebody has gone to
// sleep on it.
type pacedClock struct {
	*clock.Mock
	asleep chan time.Duration
}

func newPacedClock() *pacedClock { return &pacedClock{clock.NewMock(), make(chan time.Duration, 1024)} }

// After implements automation.Clock.
func (c *pacedClock) After(d time.Duration) <-chan time.Time {
	ch := c.Mock.After(d)
	select {
	case c.asleep <- d:
	default: // nobody is pacing
	}
	return ch
}

// pace moves the clock on whenever somebody sleeps, until done says so.
func (c *pacedClock) pace(done func() bool) {
	for !done() {
		c.Add(<-c.asleep)
	}
}

// faultyStore is a store with a switch for everything that can go wrong.
type faultyStore struct {
	automation.Store
	asked  atomic.Int64                           // how often it was asked
	down   atomic.Bool                            // nothing answers
	commit func(ts []automation.Transition) error // an error keeps the commit from being written
	lost   func(ts []automation.Transition) error // an error is returned although the commit is written
	claim  func(works []automation.Work)          // sees and changes what is claimed
}

func (s *faultyStore) Unwrap() automation.Store { return s.Store }

var errDown = errors.New("connection refused")

func (s *faultyStore) err() error {
	s.asked.Add(1)
	if s.down.Load() {
		return errDown
	}
	return nil
}

func (s *faultyStore) AppendEvents(ctx context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	return s.Store.AppendEvents(ctx, events)
}

func (s *faultyStore) NextDue(ctx context.Context) (time.Time, error) {
	if err := s.err(); err != nil {
		return time.Time{}, err
	}
	return s.Store.NextDue(ctx)
}

func (s *faultyStore) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	works, err := s.Store.Claim(ctx, p)
	if s.claim != nil {
		s.claim(works)
	}
	return works, err
}

func (s *faultyStore) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	if s.commit != nil {
		if err := s.commit(ts); err != nil {
			return nil, err
		}
	}
	results, err := s.Store.Commit(ctx, ts)
	if s.lost != nil && err == nil {
		if err := s.lost(ts); err != nil {
			return nil, err
		}
	}
	return results, err
}

// flowOf is an enabled automation whose steps follow one another: a delay and a
// wait lead on by default, a condition when it is met.
func flowOf(steps ...automation.Step) automation.Automation {
	a := automation.Automation{
		Name: "Flow", Status: automation.StatusEnabled,
		Steps: append([]automation.Step{{Key: "start", Config: automation.Trigger{EventName: "user.created"}}}, steps...),
	}
	for i, s := range a.Steps[1:] {
		c := automation.Connection{From: a.Steps[i].Key, To: s.Key}
		if a.Steps[i].Config.StepType() == automation.TypeCondition {
			c.Type = automation.ConnectionConditionMet
		}
		a.Connections = append(a.Connections, c)
	}
	return a
}

func email(key string) automation.Step {
	return automation.Step{Key: key, Config: automation.SendEmail{Template: automation.TemplateRef{ID: key}}}
}

func wait(key, event string) automation.Step {
	return automation.Step{Key: key, Config: automation.WaitForEvent{EventName: event}}
}

func pause(key, duration string) automation.Step {
	return automation.Step{Key: key, Config: automation.Delay{Duration: automation.MustParseDuration(duration)}}
}
