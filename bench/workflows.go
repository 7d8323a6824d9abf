package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	"github.com/cschleiden/go-workflows/backend"
	"github.com/cschleiden/go-workflows/backend/sqlite"
	"github.com/cschleiden/go-workflows/client"
	"github.com/cschleiden/go-workflows/diag"
	"github.com/cschleiden/go-workflows/worker"
	"github.com/cschleiden/go-workflows/workflow"
)

// workflowsContestants are go-workflows: a workflow with three activities.
func workflowsContestants() []contestant {
	settings := "1 poller each for workflows and activities, every 5 ms, cache of 10,000 executors, "
	small := map[string][]int{"w1": {1_000}, "w2": {2_000}, "w3": {1_000, 3_000}, "w4": {500}, "w5": {3_000}, "w8": {500}, "w9": {500}, "w10": {1_000}}
	file := maps.Clone(small)
	file["w11"] = []int{2_000}
	lacks := also(nil, tooManyRuns, "w12", "w13")
	return []contestant{
		{
			Engine: "go-workflows", Store: onSQLite, Settings: settings + "WAL, synchronous=FULL and one connection, which it sets itself",
			Open: openWorkflowsFile, Sizes: file, Made: 150, Lacks: lacks,
		},
		{
			Engine: "go-workflows", Store: onMemory, Settings: settings + "its in-memory SQLite; contacts in a map, because that database cannot be reached from outside",
			Open: openWorkflowsMemory, Sizes: small, Made: 150, Lacks: also(lacks, "its runs end with the process", "w11"),
		},
	}
}

// workflowsEngine is a worker and a client on one backend.
type workflowsEngine struct {
	people
	backend interface {
		backend.Backend
		diag.Backend
	}
	client *client.Client
	sink   *sink
	close  func() error

	stop    context.CancelFunc
	worker  *worker.Worker
	started atomic.Int64
	asleep  atomic.Int64 // runs that have reached their sleep or wait
}

func openWorkflowsFile(ctx context.Context, s setting) (engine, error) {
	p, err := openSQLPeople(ctx, "sqlite", s.File, 1)
	if err != nil {
		return nil, err
	}
	e := &workflowsEngine{people: p, sink: s.Sink, close: p.db.Close}
	e.backend = sqlite.NewSqliteBackend(s.File, sqlite.WithBackendOptions(backend.WithLogger(silent)))
	return e.start(ctx)
}

func openWorkflowsMemory(ctx context.Context, s setting) (engine, error) {
	e := &workflowsEngine{people: &memoryPeople{}, sink: s.Sink, close: func() error { return nil }}
	e.backend = sqlite.NewInMemoryBackend(sqlite.WithBackendOptions(backend.WithLogger(silent)))
	return e.start(ctx)
}

func (e *workflowsEngine) start(ctx context.Context) (engine, error) {
	o := worker.DefaultOptions
	o.WorkflowPollers, o.ActivityPollers = 1, 1
	o.WorkflowPollingInterval, o.ActivityPollingInterval = 5*time.Millisecond, 5*time.Millisecond
	o.WorkflowExecutorCacheSize = 10_000
	e.client, e.worker = client.New(e.backend), worker.New(e.backend, &o)
	err := errors.Join(
		e.worker.RegisterWorkflow(e.flow), e.worker.RegisterWorkflow(e.sleep), e.worker.RegisterWorkflow(e.wait),
		e.worker.RegisterActivity(e.condition), e.worker.RegisterActivity(e.update), e.worker.RegisterActivity(e.email),
	)
	ctx, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err == nil {
		err = e.worker.Start(ctx)
	}
	if err != nil {
		e.stop()
		return nil, errors.Join(err, e.backend.Close(), e.close())
	}
	return e, nil
}

// Close implements engine.
func (e *workflowsEngine) Close() error {
	e.stop()
	return errors.Join(e.worker.WaitForCompletion(), e.backend.Close(), e.close())
}

func (e *workflowsEngine) condition(_ context.Context, has string) (bool, error) {
	return has == plan, nil
}

func (e *workflowsEngine) update(ctx context.Context, contact int) error {
	return e.rename(ctx, contact)
}

func (e *workflowsEngine) email(_ context.Context, contact int) error {
	e.sink.deliver(contact)
	return nil
}

func (e *workflowsEngine) flow(ctx workflow.Context, contact int, has string) error {
	met, err := workflow.ExecuteActivity[bool](ctx, workflow.DefaultActivityOptions, e.condition, has).Get(ctx)
	if err != nil || !met {
		return err
	}
	if _, err := workflow.ExecuteActivity[any](ctx, workflow.DefaultActivityOptions, e.update, contact).Get(ctx); err != nil {
		return err
	}
	return e.send(ctx, contact)
}

func (e *workflowsEngine) send(ctx workflow.Context, contact int) error {
	_, err := workflow.ExecuteActivity[any](ctx, workflow.DefaultActivityOptions, e.email, contact).Get(ctx)
	return err
}

func (e *workflowsEngine) sleep(ctx workflow.Context, contact int, due time.Time) error {
	e.arrive(ctx)
	if err := workflow.Sleep(ctx, due.Sub(workflow.Now(ctx))); err != nil {
		return err
	}
	return e.send(ctx, contact)
}

func (e *workflowsEngine) wait(ctx workflow.Context, contact int) error {
	e.arrive(ctx)
	workflow.NewSignalChannel[string](ctx, workflowsSignal).Receive(ctx)
	return e.send(ctx, contact)
}

// arrive counts a run that reaches its sleep or wait, once.
func (e *workflowsEngine) arrive(ctx workflow.Context) {
	if !workflow.Replaying(ctx) {
		e.asleep.Add(1)
	}
}

const workflowsSignal = "user.active"

// create starts a run.
func (e *workflowsEngine) create(ctx context.Context, kind string, i int, wf workflow.Workflow, args ...any) error {
	e.started.Add(1)
	_, err := e.client.CreateWorkflowInstance(ctx, client.WorkflowInstanceOptions{InstanceID: workflowsID(kind, i)}, wf, args...)
	return err
}

func workflowsID(kind string, i int) string { return fmt.Sprintf("%s-%d", kind, i) }

// Flow implements engine.
func (e *workflowsEngine) Flow(ctx context.Context, i int) error {
	return e.create(ctx, "flow", i, e.flow, i, plan)
}

// Finished implements engine.
func (e *workflowsEngine) Finished(ctx context.Context) (int, error) {
	stats, err := e.backend.GetStats(ctx)
	if err != nil {
		return 0, err
	}
	return int(e.started.Load() - stats.ActiveWorkflowInstances), nil
}

// Sleep implements sleeper. Workflows are started one by one.
func (e *workflowsEngine) Sleep(ctx context.Context, from, to int, due time.Time) error {
	return together(senders, from, to, func(i int) error { return e.create(ctx, "sleep", i, e.sleep, i, due) })
}

// Sleeping implements sleeper. It counts all runs after all other work is done.
func (e *workflowsEngine) Sleeping(ctx context.Context) (int, error) {
	if e.asleep.Load() < e.started.Load() {
		return 0, nil
	}
	stats, err := e.backend.GetStats(ctx)
	if err != nil {
		return 0, err
	}
	for _, tasks := range stats.PendingWorkflowTasks {
		if tasks > 0 {
			return 0, nil
		}
	}
	return int(stats.ActiveWorkflowInstances), nil
}

// Wait implements waiter.
func (e *workflowsEngine) Wait(ctx context.Context, from, to int) error {
	return together(senders, from, to, func(i int) error { return e.create(ctx, "wait", i, e.wait, i) })
}

// Waiting implements waiter.
func (e *workflowsEngine) Waiting(ctx context.Context) (int, error) { return e.Sleeping(ctx) }

// Signal implements waiter.
func (e *workflowsEngine) Signal(ctx context.Context, i int) error {
	return e.client.SignalWorkflow(ctx, workflowsID("wait", i), workflowsSignal, "active")
}

// ListRunning implements lister. Its list has no filter: these are the newest runs.
func (e *workflowsEngine) ListRunning(ctx context.Context) (int, error) {
	runs, err := e.backend.GetWorkflowInstances(ctx, "", "", page)
	return len(runs), err
}

// ListOfContact implements lister.
func (e *workflowsEngine) ListOfContact(context.Context, int) (int, error) { return 0, errNoCall }

// CountRuns implements lister. The statistics of go-workflows count active runs only; only
// the caller that started the runs can compute how many have ended.
func (e *workflowsEngine) CountRuns(ctx context.Context) (int, error) {
	stats, err := e.backend.GetStats(ctx)
	if err != nil {
		return 0, err
	}
	ended := e.started.Load() - stats.ActiveWorkflowInstances
	return int(ended + stats.ActiveWorkflowInstances), nil
}
