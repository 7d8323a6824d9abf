package jetstream_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/jetstream/embedded"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// node is a process with a Runner and a worker, on a server of its own.
type node struct {
	*automation.Runner
	t      *testing.T
	store  *jetstream.Store
	mailer *capture.Mailer
}

func newNode(t *testing.T, opts jetstream.Options) *node {
	t.Helper()
	server, err := embedded.Start(embedded.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(server.Close)
	nc, err := server.Connect()
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	if opts.Partitions == 0 {
		opts.Partitions = 2
	}
	store, err := jetstream.New(t.Context(), nc, memory.New(), opts)
	require.NoError(t, err)
	mailer := capture.New()
	runner, err := automation.New(store, mailer, automation.Options{Retry: automation.RetryPolicy{Initial: 50 * time.Millisecond, Jitter: -1}})
	require.NoError(t, err)
	return &node{Runner: runner, t: t, store: store, mailer: mailer}
}

// work runs a worker until the test ends.
func (n *node) work() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- jetstream.NewWorker(n.store, n.Runner, jetstream.WorkerOptions{Heartbeat: 100 * time.Millisecond}).Run(ctx)
	}()
	n.t.Cleanup(func() {
		cancel()
		assert.ErrorIs(n.t, <-done, context.Canceled)
	})
}

func (n *node) eventually(what func() bool, message string) {
	n.t.Helper()
	require.Eventually(n.t, what, 20*time.Second, 5*time.Millisecond, message)
}

// run returns the only run, once it is in the catalog.
func (n *node) run(status automation.RunStatus) automation.Run {
	n.t.Helper()
	var run automation.Run
	n.eventually(func() bool {
		page, err := n.ListRuns(n.t.Context(), automation.RunQuery{})
		require.NoError(n.t, err)
		if len(page.Data) != 1 {
			return false
		}
		run, err = n.GetRun(n.t.Context(), page.Data[0].ID)
		require.NoError(n.t, err)
		return run.Status == status
	}, "a run that is "+string(status))
	return run
}

func flow(steps ...automation.Step) automation.Automation {
	a := automation.Automation{ID: "flow", Name: "Flow", Status: automation.StatusEnabled, Steps: []automation.Step{
		{Key: "trigger", Config: automation.Trigger{EventName: "signup"}},
	}}
	for _, s := range steps {
		a.Connections = append(a.Connections, automation.Connection{From: a.Steps[len(a.Steps)-1].Key, To: s.Key})
		a.Steps = append(a.Steps, s)
	}
	return a
}

func email(key string) automation.Step {
	return automation.Step{Key: key, Config: automation.SendEmail{Template: automation.TemplateRef{ID: key}}}
}

func TestFlow_FromItsEventToItsEnd(t *testing.T) {
	n := newNode(t, jetstream.Options{SyncedByHost: true})
	n.work()
	_, err := n.CreateAutomation(t.Context(), flow(email("hello"), automation.Step{Key: "rest", Config: automation.Delay{Duration: automation.DurationOf(time.Second)}}, email("tips")))
	require.NoError(t, err)
	began := time.Now()
	_, err = n.Send(t.Context(), automation.Event{Name: "signup", Email: "ada@example.com"})
	require.NoError(t, err)
	run := n.run(automation.RunCompleted)
	assert.GreaterOrEqual(t, time.Since(began), time.Second)
	assert.Len(t, n.mailer.Emails(), 2)
	assert.Len(t, run.Steps, 4)
	event, err := n.GetEvent(t.Context(), run.EventID)
	require.NoError(t, err)
	assert.Equal(t, []string{run.ID}, event.Started)
}

func TestFlow_FailsAndIsRetried(t *testing.T) {
	n := newNode(t, jetstream.Options{SyncedByHost: true})
	n.work()
	n.mailer.Respond = func(context.Context, automation.Email) error { return automation.Permanent(errors.New("bounced")) }
	_, err := n.CreateAutomation(t.Context(), flow(email("hello")))
	require.NoError(t, err)
	_, err = n.Send(t.Context(), automation.Event{Name: "signup", Email: "ada@example.com"})
	require.NoError(t, err)
	run := n.run(automation.RunFailed)
	n.mailer.Respond = nil
	_, err = n.RetryRun(t.Context(), run.ID)
	require.NoError(t, err)
	n.run(automation.RunCompleted)
}

// completed returns how many runs of the flow are completed.
func completed(tb testing.TB, r *automation.Runner) int {
	tb.Helper()
	return completedOf(tb, r, "flow")
}

func completedOf(tb testing.TB, r *automation.Runner, automationID string) (n int) {
	tb.Helper()
	counts, err := r.CountRuns(tb.Context(), automationID)
	require.NoError(tb, err)
	for _, c := range counts {
		if c.Status == automation.RunCompleted {
			n += c.Count
		}
	}
	return n
}
