package jetstream_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/jetstream/embedded"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// process stands for a process: it has a connection, a store, a Runner and a worker of its own.
type process struct {
	*automation.Runner
	nc     *nats.Conn
	cancel context.CancelFunc
	done   chan error
}

// processes begins n processes on one server, with one catalog and one mailer.
func processes(t *testing.T, n int, opts jetstream.Options) ([]*process, *capture.Mailer) {
	t.Helper()
	server, err := embedded.Start(embedded.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(server.Close)
	catalog, mailer := memory.New(), capture.New()
	var all []*process
	for i := range n {
		nc, err := server.Connect()
		require.NoError(t, err)
		store, err := jetstream.New(t.Context(), nc, catalog, opts)
		require.NoError(t, err)
		runner, err := automation.New(store, mailer, automation.Options{EffectTimeout: 500 * time.Millisecond})
		require.NoError(t, err)
		p := &process{Runner: runner, nc: nc, done: make(chan error, 1)}
		worker := jetstream.NewWorker(store, runner, jetstream.WorkerOptions{
			ID: fmt.Sprint("w", i), Heartbeat: 50 * time.Millisecond, EffectDeadline: 2 * time.Second, ShutdownTimeout: 5 * time.Second,
		})
		ctx, cancel := context.WithCancel(context.Background())
		p.cancel = cancel
		go func() { p.done <- worker.Run(ctx) }()
		t.Cleanup(func() { p.cancel(); nc.Close() })
		all = append(all, p)
	}
	return all, mailer
}

// A process that is gone stops in the middle of whatever it does. Here it loses its connection.
func TestWorkers_TakeOverFromOneThatIsGone(t *testing.T) {
	const contacts = 200
	all, mailer := processes(t, 3, jetstream.Options{SyncedByHost: true, Partitions: 6})
	sender := all[0]
	_, err := sender.CreateAutomation(t.Context(), flow(email("hello"), automation.Step{Key: "rest", Config: automation.Delay{Duration: automation.DurationOf(time.Second)}}, email("tips")))
	require.NoError(t, err)
	for i := range contacts {
		_, err := sender.Send(t.Context(), automation.Event{Name: "signup", Email: fmt.Sprintf("%d@example.com", i)})
		require.NoError(t, err)
		if i == contacts/2 {
			all[1].nc.Close()
		}
		if i == contacts*3/4 {
			all[2].cancel() // this one ends in order
		}
	}
	require.Eventually(t, func() bool {
		return completed(t, sender.Runner) == contacts
	}, 40*time.Second, 20*time.Millisecond)
	sent := map[string]int{}
	for _, e := range mailer.Emails() {
		sent[e.To+" "+e.TemplateID]++
	}
	assert.Len(t, sent, 2*contacts)
	repeated := 0
	for _, n := range sent {
		repeated += n - 1
	}
	assert.Less(t, repeated, contacts/4, "only emails whose outcome was lost are sent again")
}
