package jetstream_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/enginetest"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/jetstream/embedded"
	"github.com/seed-b636437c/automation/store/memory"
)

// given is what the engine gives up.
var given = enginetest.Given{PartialSends: true, LateStop: true, LaggingLists: true}

func TestEngine(t *testing.T) {
	server, err := embedded.Start(embedded.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(server.Close)
	var engines atomic.Int64
	enginetest.Run(t, func(tb testing.TB, mailer automation.Mailer, opts automation.Options) enginetest.Engine {
		name := fmt.Sprint("engine", engines.Add(1))
		return processOf(tb, memory.New(), mailer, opts, jetstream.Options{SyncedByHost: true, Name: name, Partitions: 3}, func() (*nats.Conn, error) {
			return server.Connect()
		})
	}, given)
}

// processOf returns a process of an engine on the servers to which connect connects.
func processOf(tb testing.TB, catalog automation.Store, mailer automation.Mailer, opts automation.Options, streams jetstream.Options, connect func() (*nats.Conn, error)) enginetest.Engine {
	tb.Helper()
	nc, err := connect()
	require.NoError(tb, err)
	tb.Cleanup(nc.Close)
	store, err := jetstream.New(tb.Context(), nc, catalog, streams)
	require.NoError(tb, err)
	runner, err := automation.New(store, mailer, opts)
	require.NoError(tb, err)
	return enginetest.Engine{
		Runner: runner,
		Work: func(ctx context.Context) error {
			return jetstream.NewWorker(store, runner, jetstream.WorkerOptions{
				Heartbeat: 250 * time.Millisecond, EffectDeadline: 15 * time.Second, ShutdownTimeout: opts.ShutdownTimeout,
			}).Run(ctx)
		},
		Another: func() enginetest.Engine { return processOf(tb, catalog, mailer, opts, streams, connect) },
	}
}
