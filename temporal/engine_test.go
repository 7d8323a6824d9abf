package temporal_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/enginetest"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/temporal"
)

// given is what the engine gives up.
var given = enginetest.Given{PartialSends: true, LateStop: true, LaggingLists: true, Patience: 2 * time.Minute}

func TestEngine(t *testing.T) {
	server := startServer(t)
	var engines atomic.Int64
	enginetest.Run(t, func(tb testing.TB, mailer automation.Mailer, opts automation.Options) enginetest.Engine {
		return processOf(tb, server, fmt.Sprint("engine", engines.Add(1)), memory.New(), mailer, opts)
	}, given)
}

// processOf returns a process of an engine on the server.
func processOf(tb testing.TB, server *server, name string, catalog automation.Store, mailer automation.Mailer, opts automation.Options) enginetest.Engine {
	tb.Helper()
	store, err := temporal.New(tb.Context(), server.connect(tb), catalog, temporal.Options{Name: name})
	require.NoError(tb, err)
	runner, err := automation.New(store, mailer, opts)
	require.NoError(tb, err)
	return enginetest.Engine{
		Runner: runner,
		Work: func(ctx context.Context) error {
			return temporal.NewWorker(store, runner, temporal.WorkerOptions{
				EffectDeadline: 15 * time.Second, ShutdownTimeout: opts.ShutdownTimeout,
			}).Run(ctx)
		},
		Another: func() enginetest.Engine { return processOf(tb, server, name, catalog, mailer, opts) },
	}
}
