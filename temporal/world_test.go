package temporal_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/temporal"
)

// world is one contact with its workflow, in an environment that skips time. Calls of the server
// reach the environment.
type world struct {
	*automation.Runner
	t       *testing.T
	env     *testsuite.TestWorkflowEnvironment
	catalog *unreliable
	store   *temporal.Store
	worker  *temporal.Worker
	mailer  *capture.Mailer
	contact automation.Contact
	signals *signals
	log     logBuffer
	length  int // of the history, which grows with each activity
}

func newWorld(t *testing.T, flows ...automation.Automation) *world {
	t.Helper()
	w := &world{t: t, catalog: &unreliable{Store: memory.New()}, mailer: capture.New(), signals: &signals{memos: map[string]*commonpb.Memo{}}}
	var err error
	w.store, err = temporal.New(t.Context(), w.signals, w.catalog, temporal.Options{Logger: slog.New(slog.NewTextHandler(&w.log, nil))})
	require.NoError(t, err)
	w.Runner, err = automation.New(w.store, w.mailer, automation.Options{
		Clock: w, Retry: automation.RetryPolicy{Initial: time.Second, Jitter: -1},
	})
	require.NoError(t, err)
	w.worker = temporal.NewWorker(w.store, w.Runner, temporal.WorkerOptions{})
	w.worker.SetClock(w.Now)
	w.renew()
	for _, f := range flows {
		_, err := w.CreateAutomation(t.Context(), f)
		require.NoError(t, err)
	}
	w.contact, err = w.CreateContact(t.Context(), automation.Contact{Email: "ada@example.com"})
	require.NoError(t, err)
	w.signals.running = w.store.IDOf(automation.ContactRef{ID: w.contact.ID})
	return w
}

// logBuffer keeps a log. It is safe for concurrent use.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Now is the time of the environment.
func (w *world) Now() time.Time { return w.env.Now().UTC().Truncate(time.Microsecond) }

// After implements automation.Clock. Nothing waits for it.
func (w *world) After(time.Duration) <-chan time.Time { return nil }

// unreliable is a catalog that does not answer while it is broken.
type unreliable struct {
	automation.Store
	broken atomic.Bool
	// during is called in the next read of a contact, if it is not nil.
	during atomic.Pointer[func()]
}

func (u *unreliable) Unwrap() automation.Store { return u.Store }

func (u *unreliable) FindContact(ctx context.Context, ref automation.ContactRef) (automation.Contact, error) {
	if do := u.during.Swap(nil); do != nil {
		(*do)()
	}
	if u.broken.Load() {
		return automation.Contact{}, errors.New("the disk is full")
	}
	return u.Store.FindContact(ctx, ref)
}

// renew makes an environment that begins when the one before has ended.
func (w *world) renew() {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if w.env != nil {
		now = w.env.Now()
	}
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet)
	w.env = suite.NewTestWorkflowEnvironment()
	w.env.SetStartTime(now)
	w.env.SetTestTimeout(10 * time.Second)
	w.signals.env, w.length = w.env, 0
	w.env.SetOnActivityStartedListener(func(*activity.Info, context.Context, converter.EncodedValues) { w.grow(1) })
	w.env.SetOnActivityCompletedListener(func(*activity.Info, converter.EncodedValue, error) { w.grow(1) })
	w.worker.Register(w.env)
}

// grow makes the history longer by n events.
func (w *world) grow(n int) {
	w.length += n
	w.env.SetCurrentHistoryLength(w.length)
}

// at calls do after d, in the time of the environment.
func (w *world) at(d time.Duration, do func()) { w.env.RegisterDelayedCallback(do, d) }

// send sends an event for the contact.
func (w *world) send(name string) {
	_, err := w.Send(w.t.Context(), automation.Event{Name: name, ContactID: w.contact.ID})
	require.NoError(w.t, err)
}

// run executes the workflow to its end.
func (w *world) run() {
	w.t.Helper()
	w.env.ExecuteWorkflow(temporal.ContactWorkflow, temporal.InputOf(automation.ContactRef{ID: w.contact.ID}))
	require.True(w.t, w.env.IsWorkflowCompleted())
	require.NoError(w.t, w.env.GetWorkflowError())
}

// runAll executes the workflow to its end, and returns how often it has continued as new.
func (w *world) runAll() (continued int) {
	w.t.Helper()
	input := any(temporal.InputOf(automation.ContactRef{ID: w.contact.ID}))
	for {
		w.env.ExecuteWorkflow(temporal.ContactWorkflow, input)
		var more *workflow.ContinueAsNewError
		if !errors.As(w.env.GetWorkflowError(), &more) {
			break
		}
		var next temporal.Carried
		require.NoError(w.t, converter.GetDefaultDataConverter().FromPayloads(more.Input, &next))
		input = next
		continued++
		w.renew()
	}
	require.NoError(w.t, w.env.GetWorkflowError())
	return continued
}

// only returns the only run.
func (w *world) only() automation.Run {
	w.t.Helper()
	page, err := w.ListRuns(w.t.Context(), automation.RunQuery{})
	require.NoError(w.t, err)
	require.Len(w.t, page.Data, 1)
	run, err := w.GetRun(w.t.Context(), page.Data[0].ID)
	require.NoError(w.t, err)
	return run
}

// templates returns the templates of the emails that were sent.
func (w *world) templates() (all []string) {
	for _, e := range w.mailer.Emails() {
		all = append(all, e.TemplateID)
	}
	return all
}

// signals is the client of the server, as far as a store uses it. It gives signals to the
// environment of a test.
type signals struct {
	client.Client

	lost    atomic.Bool // signals are lost on their way
	mu      sync.Mutex
	env     *testsuite.TestWorkflowEnvironment
	running string                    // the id of the workflow in the environment
	memos   map[string]*commonpb.Memo // by the id of a workflow
}

func (s *signals) SignalWithStartWorkflow(_ context.Context, _, name string, arg any, _ client.StartWorkflowOptions, _ any, _ ...any) (client.WorkflowRun, error) {
	if !s.lost.Load() {
		s.env.SignalWorkflow(name, arg)
	}
	return nil, nil
}

func (s *signals) SignalWorkflow(_ context.Context, id, _, name string, arg any) error {
	if id != s.running {
		return serviceerror.NewNotFound("it does not run")
	}
	s.env.SignalWorkflow(name, arg)
	return nil
}

func (s *signals) ExecuteWorkflow(_ context.Context, options client.StartWorkflowOptions, _ any, _ ...any) (client.WorkflowRun, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.memos[options.ID] != nil {
		return nil, &serviceerror.WorkflowExecutionAlreadyStarted{}
	}
	memo := &commonpb.Memo{Fields: map[string]*commonpb.Payload{}}
	for name, v := range options.Memo {
		p, err := converter.GetDefaultDataConverter().ToPayload(v)
		if err != nil {
			return nil, err
		}
		memo.Fields[name] = p
	}
	s.memos[options.ID] = memo
	return nil, nil
}

func (s *signals) DescribeWorkflow(_ context.Context, id, _ string) (*client.WorkflowExecutionDescription, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &client.WorkflowExecutionDescription{RawResponse: &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
		Status: enums.WORKFLOW_EXECUTION_STATUS_RUNNING, Memo: s.memos[id],
	}}}, nil
}

// counts returns how many runs have each status.
func (w *world) counts() map[automation.RunStatus]int {
	w.t.Helper()
	counts, err := w.CountRuns(w.t.Context(), "flow")
	require.NoError(w.t, err)
	byStatus := map[automation.RunStatus]int{}
	for _, c := range counts {
		byStatus[c.Status] += c.Count
	}
	return byStatus
}
