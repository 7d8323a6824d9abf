package jetstream_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/jetstream/embedded"
	"github.com/seed-b636437c/automation/store/postgres"
)

// application is a host with a database of its own, which runs its flows on it, on the engine, or
// first on one and then on the other.
type application struct {
	t      *testing.T
	pool   *pgxpool.Pool
	server *embedded.Server
	mailer *countingMailer
	opts   jetstream.Options
}

func newApplication(t *testing.T) *application {
	t.Helper()
	config, err := pgxpool.ParseConfig(pgtest.URL(t))
	require.NoError(t, err)
	config.MaxConns = 12
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	server, err := embedded.Start(embedded.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(server.Close)
	a := &application{
		t: t, pool: pool, server: server, mailer: &countingMailer{sent: map[string]int{}, calls: map[string]int{}},
		opts: jetstream.Options{SyncedByHost: true, Partitions: 3},
	}
	require.NoError(t, a.database().Migrate(t.Context()))
	return a
}

// database returns a store on the database.
func (a *application) database() *postgres.Store {
	s, err := postgres.New(a.pool, postgres.Options{})
	require.NoError(a.t, err)
	return s
}

// runner returns a Runner on a store, with the custom steps of the application.
func (a *application) runner(store automation.Store, change ...func(o *automation.Options)) *automation.Runner {
	a.t.Helper()
	opts := automation.Options{
		Registry: automation.NewRegistry(), Lease: 2 * time.Second, EffectTimeout: 10 * time.Second, PollInterval: 200 * time.Millisecond,
		Retry: automation.RetryPolicy{Initial: time.Second, Jitter: -1},
	}
	automation.Handle(opts.Registry, func(context.Context, automation.Call, bulky) (automation.Result, error) {
		return automation.Result{Output: map[string]any{"text": strings.Repeat("x", 10_000), "last": "end"}}, nil
	}, automation.StepOptions{})
	for _, c := range change {
		c(&opts)
	}
	r, err := automation.New(store, a.mailer, opts)
	require.NoError(a.t, err)
	return r
}

// bulky is the config of a custom step with a large output.
type bulky struct{}

func (bulky) StepType() automation.StepType { return "app.bulky" }

// onEngine returns a store and a Runner on the engine.
func (a *application) onEngine() (*jetstream.Store, *automation.Runner) {
	a.t.Helper()
	store, err := jetstream.New(a.t.Context(), a.connect(), a.database(), a.opts)
	require.NoError(a.t, err)
	return store, a.runner(store)
}

func (a *application) connect() *nats.Conn {
	nc, err := a.server.Connect()
	require.NoError(a.t, err)
	a.t.Cleanup(nc.Close)
	return nc
}

// service is what works in the background until it is stopped.
type service struct {
	cancel context.CancelFunc
	done   chan error
}

func (a *application) start(run func(ctx context.Context) error) *service {
	ctx, cancel := context.WithCancel(context.Background())
	s := &service{cancel: cancel, done: make(chan error, 1)}
	go func() { s.done <- run(ctx) }()
	a.t.Cleanup(func() { cancel() })
	return s
}

// stop ends the service, and returns its error.
func (s *service) stop() error {
	s.cancel()
	return s.wait()
}

// wait returns the error with which the service ends.
func (s *service) wait() error {
	err := <-s.done
	s.done <- err
	return err
}

// work runs a worker.
func (a *application) work(store *jetstream.Store, runner *automation.Runner) *service {
	return a.start(jetstream.NewWorker(store, runner, jetstream.WorkerOptions{
		Heartbeat: 100 * time.Millisecond, EffectDeadline: 15 * time.Second, ShutdownTimeout: 10 * time.Second,
	}).Run)
}

func (a *application) eventually(what func() bool, message string, args ...any) {
	a.t.Helper()
	require.Eventually(a.t, what, 20*time.Second, 20*time.Millisecond, fmt.Sprintf(message, args...))
}

// ended waits until n runs of an automation have a status, and no run is in progress.
func (a *application) ended(r *automation.Runner, id string, status automation.RunStatus, n int) {
	a.t.Helper()
	counts := map[automation.RunStatus]int{}
	defer func() {
		if a.t.Failed() {
			a.t.Logf("runs of %s: %v", id, counts)
		}
	}()
	a.eventually(func() bool {
		list, err := r.CountRuns(a.t.Context(), id)
		require.NoError(a.t, err)
		clear(counts)
		for _, c := range list {
			counts[c.Status] += c.Count
		}
		return counts[status] == n && counts[automation.RunRunning] == 0
	}, "%d runs of %s are %s", n, id, status)
}

// countingMailer counts the emails. It forgets none, whatever their keys are.
type countingMailer struct {
	mu      sync.Mutex
	sent    map[string]int // by recipient and template
	calls   map[string]int // by template
	respond func(ctx context.Context, e automation.Email, call int) error
}

func (m *countingMailer) SendEmail(ctx context.Context, e automation.Email) (string, error) {
	m.mu.Lock()
	m.calls[e.TemplateID]++
	call, respond := m.calls[e.TemplateID], m.respond
	m.mu.Unlock()
	if respond != nil {
		if err := respond(ctx, e, call); err != nil {
			return "", err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent[e.To+" "+e.TemplateID]++
	return "", nil
}

// count returns how many different emails were sent, and how many of them more than once.
func (m *countingMailer) count() (different, repeated int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range m.sent {
		if n > 1 {
			repeated++
		}
	}
	return len(m.sent), repeated
}

// of returns how often an email was sent.
func (m *countingMailer) of(to, template string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sent[to+" "+template]
}

// forget forgets an email.
func (m *countingMailer) forget(to, template string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sent, to+" "+template)
}

// line returns an enabled automation whose steps follow one another, with the key of its trigger
// as its id.
func line(id, event string, steps ...automation.Step) automation.Automation {
	a := flow(steps...)
	a.ID, a.Name = id, id
	a.Steps[0].Config = automation.Trigger{EventName: event}
	for i := range a.Connections {
		switch a.Steps[i].Config.(type) {
		case automation.WaitForEvent:
			a.Connections[i].Type = automation.ConnectionEventReceived
		case automation.Condition:
			a.Connections[i].Type = automation.ConnectionConditionMet
		}
	}
	return a
}

func pause(key string, d time.Duration) automation.Step {
	return automation.Step{Key: key, Config: automation.Delay{Duration: automation.DurationOf(d)}}
}

var errRefusedByServer = errors.New("the mail server refuses")
