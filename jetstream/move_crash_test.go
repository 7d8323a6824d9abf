package jetstream_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/jetstream/embedded"
	"github.com/seed-b636437c/automation/store/memory"
)

// mortal is the catalog as one process has it. The process dies at the call with a number, of those
// that a move consists of: before the call has an effect, or after it. From then on no call of
// the process has an effect.
type mortal struct {
	*memory.Store
	at    int // the number of the call; 0: the process does not die
	after bool
	kill  func()

	mu    sync.Mutex
	calls int
	dead  bool
}

var errDead = errors.New("the process is dead")

func (m *mortal) Unwrap() automation.Store { return m.Store }

// step makes a call that counts.
func (m *mortal) step(call func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return errDead
	}
	m.calls++
	if m.calls != m.at {
		return call()
	}
	m.dead = true
	m.kill()
	if m.after {
		_ = call()
	}
	return errDead
}

// died reports whether the process is dead.
func (m *mortal) died() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead
}

func (m *mortal) Engage(ctx context.Context, engine string) error {
	return m.step(func() error { return m.Store.Engage(ctx, engine) })
}

func (m *mortal) Disengage(ctx context.Context, engine string) error {
	return m.step(func() error { return m.Store.Disengage(ctx, engine) })
}

func (m *mortal) Project(ctx context.Context, p automation.Projection) error {
	return m.step(func() error { return m.Store.Project(ctx, p) })
}

func (m *mortal) TakeWork(ctx context.Context, p automation.TakeParams) (works []automation.Work, err error) {
	err = m.step(func() (err error) { works, err = m.Store.TakeWork(ctx, p); return err })
	return works, err
}

func (m *mortal) ListWaiting(ctx context.Context, q automation.WaitingQuery) (list []automation.WaitingContact, err error) {
	if !q.Working {
		if m.died() {
			return nil, errDead
		}
		return m.Store.ListWaiting(ctx, q)
	}
	err = m.step(func() (err error) { list, err = m.Store.ListWaiting(ctx, q); return err })
	return list, err
}

func (m *mortal) AppendEvents(ctx context.Context, events []automation.NewEvent) (receipts []automation.EventReceipt, err error) {
	err = m.step(func() (err error) { receipts, err = m.Store.AppendEvents(ctx, events); return err })
	return receipts, err
}

// crashing is a move in which one process dies at some step.
type crashing struct {
	t       *testing.T
	server  *embedded.Server
	catalog *memory.Store
	opts    jetstream.Options
	mailer  keyedMailer
	sent    int
}

// keyedMailer counts emails by their idempotency keys, because a process that dies may have sent an
// email whose outcome it could not write.
type keyedMailer struct {
	mu   sync.Mutex
	keys map[string]string // recipients
}

func (m *keyedMailer) SendEmail(_ context.Context, e automation.Email) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys[e.IdempotencyKey] = e.To
	return "", nil
}

// life is a process with a store of the engine and a worker.
type life struct {
	*mortal
	store  *jetstream.Store
	runner *automation.Runner
	done   chan error
	cancel context.CancelFunc
	err    error // of New
}

// open starts a process that dies at a step.
func (c *crashing) open(at int, after bool) *life {
	nc, err := c.server.Connect()
	require.NoError(c.t, err)
	c.t.Cleanup(nc.Close)
	ctx, cancel := context.WithCancel(context.Background())
	c.t.Cleanup(cancel)
	l := &life{done: make(chan error, 1), cancel: cancel}
	l.mortal = &mortal{Store: c.catalog, at: at, after: after, kill: func() { nc.Close(); cancel() }}
	if l.store, l.err = jetstream.New(ctx, nc, l.mortal, c.opts); l.err != nil {
		return l
	}
	l.runner = c.runner(l.store)
	worker := jetstream.NewWorker(l.store, l.runner, jetstream.WorkerOptions{Heartbeat: 50 * time.Millisecond, EffectDeadline: 2 * time.Second, ShutdownTimeout: time.Second})
	go func() { l.done <- worker.Run(ctx) }()
	return l
}

func (c *crashing) runner(store automation.Store) *automation.Runner {
	r, err := automation.New(store, &c.mailer, automation.Options{EffectTimeout: 500 * time.Millisecond, PollInterval: 50 * time.Millisecond, Lease: time.Second})
	require.NoError(c.t, err)
	return r
}

// send sends an event of another contact.
func (c *crashing) send(r *automation.Runner) {
	_, err := r.Send(c.t.Context(), automation.Event{Name: "signup", Email: fmt.Sprintf("%d@example.com", c.sent)})
	require.NoError(c.t, err)
	c.sent++
}

// completed checks that each event has had its effect exactly once, at last.
func (c *crashing) completed(r *automation.Runner) {
	c.t.Helper()
	require.Eventually(c.t, func() bool { return completed(c.t, r) == c.sent }, 30*time.Second, 20*time.Millisecond)
	c.mailer.mu.Lock()
	defer c.mailer.mu.Unlock()
	to := map[string]bool{}
	for _, address := range c.mailer.keys {
		to[address] = true
	}
	assert.Len(c.t, to, c.sent)
	assert.Len(c.t, c.mailer.keys, c.sent, "one email for each run")
	page, err := r.ListRuns(c.t.Context(), automation.RunQuery{PageQuery: automation.PageQuery{Limit: 100}})
	require.NoError(c.t, err)
	assert.Len(c.t, page.Data, c.sent)
}

// everyStep calls move for each step at which a process can die, until it does not die any more. It
// calls move for each sixth step only, unless JETSTREAM_KILLS is set.
func everyStep(t *testing.T, move func(c *crashing, at int, after bool) (died bool)) {
	t.Helper()
	server, err := embedded.Start(embedded.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(server.Close)
	stride := 6
	if os.Getenv("JETSTREAM_KILLS") != "" {
		stride = 1
	}
	for _, after := range []bool{false, true} {
		for at := 1; ; at += stride {
			died := false
			t.Run(fmt.Sprintf("step %d, %t", at, after), func(t *testing.T) {
				c := &crashing{
					t: t, server: server, catalog: memory.New(), mailer: keyedMailer{keys: map[string]string{}},
					opts: jetstream.Options{SyncedByHost: true, Partitions: 2, Name: fmt.Sprintf("crash_%d_%t", at, after)},
				}
				died = move(c, at, after)
			})
			if !died || t.Failed() {
				break
			}
		}
	}
}

func TestMove_ContinuesAfterACrashAtEveryStep(t *testing.T) {
	t.Parallel()
	everyStep(t, func(c *crashing, at int, after bool) bool {
		old := c.runner(c.catalog)
		_, err := old.CreateAutomation(c.t.Context(), line("flow", "signup", pause("rest", time.Second), email("hello")))
		require.NoError(c.t, err)
		for range 6 {
			c.send(old)
		}
		_, err = old.Drain(c.t.Context())
		require.NoError(c.t, err)
		for range 3 {
			c.send(old) // stays pending
		}
		first := c.open(at, after)
		if first.err == nil {
			moving, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
			defer cancel()
			_ = first.store.Move(moving, nil)     // a process that dies does not finish it
			require.Eventually(c.t, func() bool { // it may die later, with the copies of runs
				return first.died() || completed(c.t, old) == c.sent
			}, 30*time.Second, 20*time.Millisecond)
			if !first.died() {
				c.completed(first.runner)
				first.cancel()
				return false
			}
		}
		second := c.open(0, false)
		require.NoError(c.t, second.err)
		c.send(second.runner)
		require.NoError(c.t, second.store.Move(c.t.Context(), nil))
		c.completed(second.runner)
		second.cancel()
		require.ErrorIs(c.t, <-second.done, context.Canceled)
		return true
	})
}

func TestLeave_ContinuesAfterACrashAtEveryStep(t *testing.T) {
	t.Parallel()
	everyStep(t, func(c *crashing, at int, after bool) bool {
		first := c.open(0, false)
		require.NoError(c.t, first.err)
		_, err := first.runner.CreateAutomation(c.t.Context(), line("flow", "signup", pause("rest", 2*time.Second), email("hello")))
		require.NoError(c.t, err)
		for range 6 {
			c.send(first.runner)
		}
		require.Eventually(c.t, func() bool {
			counts, err := first.runner.CountRuns(c.t.Context(), "flow")
			require.NoError(c.t, err)
			return len(counts) == 1 && counts[0].Count == 6
		}, 20*time.Second, 10*time.Millisecond)
		for range 3 {
			c.send(first.runner) // some of them are in the log still
		}
		first.mu.Lock()
		first.calls, first.at, first.after = 0, at, after
		first.mu.Unlock()
		ctx, cancel := context.WithCancel(c.t.Context())
		stop := context.AfterFunc(c.t.Context(), cancel)
		defer stop()
		go func() { <-first.done; cancel() }() // a dead process does not wait for workers
		err = first.store.Leave(ctx, nil)
		if first.died() || err != nil {
			second := c.open(0, false)
			if second.err == nil {
				require.NoError(c.t, second.store.Leave(c.t.Context(), nil))
				require.ErrorIs(c.t, <-second.done, jetstream.ErrLeft)
			}
			_, err := jetstream.New(c.t.Context(), c.connect(), c.catalog, c.opts)
			require.ErrorIs(c.t, err, jetstream.ErrLeft)
		}
		old := c.runner(c.catalog)
		ending, end := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- old.Run(ending) }()
		c.send(old)
		c.completed(old)
		end()
		require.ErrorIs(c.t, <-done, context.Canceled)
		return first.died()
	})
}

func (c *crashing) connect() *nats.Conn {
	nc, err := c.server.Connect()
	require.NoError(c.t, err)
	c.t.Cleanup(nc.Close)
	return nc
}
