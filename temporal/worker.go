package temporal

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/seed-b636437c/automation"
)

// Worker executes the flows of a store. Any number of workers, in any number of processes, share
// the work.
type Worker struct {
	*Store
	runner      *automation.Runner
	opts        WorkerOptions
	announcer   announcer
	automations starterCache
	effects     context.Context // ends when effects have no more time
	cut         context.CancelFunc
	now         func() time.Time
}

// NewWorker returns a worker. runner must be a Runner on store: its mailer, custom steps,
// contact directory and options are those of the flows.
func NewWorker(store *Store, runner *automation.Runner, opts WorkerOptions) *Worker {
	w := &Worker{Store: store, runner: runner, opts: opts.withDefaults(), now: now}
	w.announcer = announcer{runner: runner, turns: map[string]plannedTurn{}, ahead: map[string]plannedTurn{}}
	w.effects, w.cut = context.WithCancel(context.Background())
	return w
}

// now is the time with the precision that stores keep.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// interruptedGrace is how long an effect may go on after its context has ended, before the worker
// leaves it behind.
const interruptedGrace = 2 * time.Second

// Run executes flows until ctx ends, and returns the error of ctx. It then waits for effects in
// flight, up to WorkerOptions.ShutdownTimeout. Call it once.
func (w *Worker) Run(ctx context.Context) error {
	defer w.cut()
	failed := make(chan error, 1)
	sdk := worker.New(w.client, w.names.taskQueue(), worker.Options{
		MaxConcurrentActivityExecutionSize: w.opts.Concurrency,
		WorkerStopTimeout:                  w.opts.ShutdownTimeout + interruptedGrace,
		OnFatalError:                       func(err error) { failed <- err },
	})
	w.register(sdk)
	if err := sdk.Start(); err != nil {
		return fmt.Errorf("temporal: start the worker: %w", err)
	}
	var err error
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case err = <-failed:
		err = fmt.Errorf("temporal: worker: %w", err)
	}
	late := time.AfterFunc(w.opts.ShutdownTimeout, w.cut)
	defer late.Stop()
	sdk.Stop()
	return err
}

// registry is what workflows and activities are registered with: a worker, or the environment of
// a test.
type registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
	RegisterActivityWithOptions(a any, options activity.RegisterOptions)
}

func (w *Worker) register(r registry) {
	r.RegisterWorkflowWithOptions(w.runContact, workflow.RegisterOptions{Name: contactWorkflow})
	r.RegisterActivityWithOptions(w.takeTurn, activity.RegisterOptions{Name: turnActivity})
	r.RegisterActivityWithOptions(w.perform, activity.RegisterOptions{Name: effectActivity})
	r.RegisterActivityWithOptions(w.recordTurn, activity.RegisterOptions{Name: recordActivity})
	r.RegisterActivityWithOptions(w.recordAhead, activity.RegisterOptions{Name: aheadActivity})
	r.RegisterActivityWithOptions(w.forwardAll, activity.RegisterOptions{Name: forwardActivity})
}
