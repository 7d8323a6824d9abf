package automation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// rig is a Runner and what it works with. Its methods fail the test where they
// cannot do what they are asked.
type rig struct {
	*automation.Runner
	t      *testing.T
	ctx    context.Context
	opts   automation.Options
	store  *memory.Store
	mailer *capture.Mailer
	clock  *clock.Mock // nil if opts brought a clock
}

// start is what the clock of a rig shows at first.
var start = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

// setup returns a rig on a clock that stands still, unless opts has one.
func setup(t *testing.T, opts automation.Options) *rig {
	t.Helper()
	r := &rig{t: t, ctx: t.Context(), store: memory.New(), mailer: capture.New()}
	if opts.Clock == nil {
		r.clock = clock.NewMock()
		r.clock.Set(start)
		opts.Clock = r.clock
	}
	r.opts = opts
	r.Runner = r.on(r.store, opts)
	return r
}

// on returns another Runner with the same mailer.
func (r *rig) on(store automation.Store, opts automation.Options) *automation.Runner {
	r.t.Helper()
	runner, err := automation.New(store, r.mailer, opts)
	require.NoError(r.t, err)
	return runner
}

func (r *rig) create(a automation.Automation) automation.Automation {
	r.t.Helper()
	a, err := r.CreateAutomation(r.ctx, a)
	require.NoError(r.t, err)
	return a
}

func (r *rig) contact(c automation.Contact) automation.Contact {
	r.t.Helper()
	c, err := r.CreateContact(r.ctx, c)
	require.NoError(r.t, err)
	return c
}

// contacts creates the contacts "0" to n-1.
func (r *rig) contacts(n int) {
	r.t.Helper()
	for i := range n {
		r.contact(automation.Contact{ID: fmt.Sprint(i), Email: fmt.Sprintf("%d@example.com", i)})
	}
}

func (r *rig) send(events ...automation.Event) []automation.EventReceipt {
	r.t.Helper()
	receipts, err := r.Send(r.ctx, events...)
	require.NoError(r.t, err)
	return receipts
}

func (r *rig) drain() int {
	r.t.Helper()
	n, err := r.Drain(r.ctx)
	require.NoError(r.t, err)
	return n
}

// pass moves the clock and does what is due then.
func (r *rig) pass(d time.Duration) {
	r.t.Helper()
	r.clock.Add(d)
	r.drain()
}

// runs returns all runs with their steps, newest first.
func (r *rig) runs() []automation.Run {
	r.t.Helper()
	page, err := r.ListRuns(r.ctx, automation.RunQuery{PageQuery: automation.PageQuery{Limit: 100}})
	require.NoError(r.t, err)
	for i, run := range page.Data {
		page.Data[i], err = r.GetRun(r.ctx, run.ID)
		require.NoError(r.t, err)
	}
	return page.Data
}

// run returns the only run.
func (r *rig) run() automation.Run {
	r.t.Helper()
	runs := r.runs()
	require.Len(r.t, runs, 1)
	return runs[0]
}

// sent returns the templates of the emails so far.
func (r *rig) sent() []string {
	var ids []string
	for _, e := range r.mailer.Emails() {
		ids = append(ids, e.TemplateID)
	}
	return ids
}

// serve lets Run work until stop is called, which returns what Run has. It is
// stopped at the end of the test at the latest.
func (r *rig) serve(runner *automation.Runner) (stop func() error) {
	ctx, cancel := context.WithCancel(r.ctx)
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	r.t.Cleanup(func() { _ = stop() })
	return stop
}

// stepRun returns the record of a step of a run.
func stepRun(t *testing.T, run automation.Run, key string) automation.StepRun {
	t.Helper()
	i := slices.IndexFunc(run.Steps, func(s automation.StepRun) bool { return s.Key == key })
	require.GreaterOrEqual(t, i, 0, "the run has no step %q", key)
	return run.Steps[i]
}

// linear returns an enabled automation of a trigger "start" and steps, one
// after the other.
func linear(id, event string, steps ...automation.Step) automation.Automation {
	a := automation.Automation{
		ID: id, Name: id, Status: automation.StatusEnabled,
		Steps:       []automation.Step{{Key: "start", Config: automation.Trigger{EventName: event}}},
		Connections: []automation.Connection{},
	}
	for _, s := range steps {
		a.Connections = append(a.Connections, automation.Connection{From: a.Steps[len(a.Steps)-1].Key, To: s.Key})
		a.Steps = append(a.Steps, s)
	}
	return a
}

// mailing sends the template that has the step's name.
func mailing(key string) automation.Step {
	return automation.Step{Key: key, Config: automation.SendEmail{Template: automation.TemplateRef{ID: key}}}
}

func delaying(key, d string) automation.Step {
	return automation.Step{Key: key, Config: automation.Delay{Duration: automation.MustParseDuration(d)}}
}

func waiting(key, event string) automation.Step {
	return automation.Step{Key: key, Config: automation.WaitForEvent{
		EventName: event, Timeout: automation.MustParseDuration("30 days"),
	}}
}

// signup is an event for an email.
func signup(email string) automation.Event {
	return automation.Event{Name: "signup", Email: email}
}

// problemsOf returns the problems of a *ValidationError.
func problemsOf(t *testing.T, err error) automation.Problems {
	t.Helper()
	var invalid *automation.ValidationError
	require.ErrorAs(t, err, &invalid)
	require.ErrorIs(t, err, automation.ErrInvalid)
	return invalid.Problems
}

// paths returns where the problems are.
func paths(ps automation.Problems) []string {
	var at []string
	for _, p := range ps {
		at = append(at, p.Path)
	}
	return at
}

// wrapped is a store behind a wrapper that shows nothing but the Store
// interface: it does not watch.
type wrapped struct{ automation.Store }

// errOutage is what a store in trouble answers.
var errOutage = errors.New("connection refused")

func TestNew_ReportsEveryInvalidOptionAtOnce(t *testing.T) {
	t.Parallel()
	_, err := automation.New(nil, nil, automation.Options{Lease: -1, Concurrency: -1})
	assert.ElementsMatch(t, []string{"Lease", "Concurrency", "store", "mailer"}, paths(problemsOf(t, err)))
	for _, p := range problemsOf(t, err) {
		assert.Equal(t, automation.CodeInvalidOption, p.Code)
		assert.Equal(t, automation.SeverityError, p.Severity)
	}
}

func TestNew_DoesNothingByItself(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(linear("welcome", "signup", mailing("hello")))
	r.send(signup("ada@example.com"))
	assert.Empty(t, r.runs())
	assert.Empty(t, r.sent())
}

// Two Runners in one process stand for two processes.
func TestRunner_SharesItsStoreWithOthers(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	other := r.on(r.store, r.opts)
	r.create(linear("welcome", "signup", mailing("hello"), delaying("rest", "1 day"), mailing("tips")))
	r.send(signup("ada@example.com"))

	_, err := other.Drain(r.ctx)
	require.NoError(t, err)
	assert.Equal(t, []string{"hello"}, r.sent())
	r.pass(24 * time.Hour)
	assert.Equal(t, []string{"hello", "tips"}, r.sent())
}
