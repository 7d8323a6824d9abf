package automation

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/seed-b636437c/automation/internal/queue"
)

// Run does all work as it becomes due, until ctx ends, and then returns
// ctx.Err(); or until the Store was closed, and then returns ErrClosed. It works
// on up to Options.InFlight contacts and performs up to Options.Concurrency
// effects at once, and writes what gathers meanwhile in one commit. While the
// Store does not answer it backs off and tries again.
//
// When ctx has ended it claims nothing more, gives effects in flight
// Options.ShutdownTimeout to finish, records their outcomes, and releases
// everything it holds. All its goroutines have ended when it returns.
func (r *Runner) Run(ctx context.Context) error {
	w := newWorker(ctx, r)
	w.start()
	err := (&scheduler{worker: w}).run()
	w.stop()
	return err
}

// optional returns the optional interface T of a store, looking through wrappers
// that have Unwrap.
func optional[T any](s Store) (T, bool) {
	for {
		if found, ok := s.(T); ok {
			return found, true
		}
		wrapper, ok := s.(interface{ Unwrap() Store })
		if !ok {
			var none T
			return none, false
		}
		s = wrapper.Unwrap()
	}
}

// worker is one call of Run. Work passes through its stages: the scheduler
// claims contacts, planners load them and move their runs as far as they go, a
// committer writes what gathers in one commit, and performers perform the effects,
// whose outcomes are committed again, until a task releases its contact.
type worker struct {
	r   *Runner
	ctx context.Context // Run's: when it ends, no effect begins any more
	// bound is the context of effects and internal calls: it outlives ctx by
	// the time that effects are given to finish.
	bound context.Context
	cut   context.CancelFunc
	// watching ends when the scheduler has: the store may have been closed.
	watching context.Context
	unwatch  context.CancelFunc

	claimed  *queue.Queue[*task]
	plans    *queue.Queue[commitRequest] // the first of each task
	outcomes *queue.Queue[commitRequest] // all that follow; the same queue if the store writes one commit at a time
	effects  *queue.Queue[effectRequest]
	ended    chan struct{}  // signals to the scheduler that a task has ended
	tasks    sync.WaitGroup // the tasks in flight
	stages   sync.WaitGroup // the goroutines of the stages

	mu       sync.Mutex // guards the fields below
	inFlight []*task    // in no order; each task has its index
	looked   time.Time  // when the leases of the tasks were last looked at
}

// planners is how many goroutines load claimed work. Loading is computation only,
// unless contacts or events have to be read.
const planners = 16

func newWorker(ctx context.Context, r *Runner) *worker {
	w := &worker{
		r: r, ctx: ctx,
		claimed: queue.New[*task](),
		plans:   queue.New[commitRequest](),
		effects: queue.New[effectRequest](),
		ended:   make(chan struct{}, 1),
	}
	w.outcomes = w.plans
	if p, ok := optional[ParallelCommitter](r.store); ok && p.CommitsInParallel() {
		w.outcomes = queue.New[commitRequest]()
	}
	w.bound, w.cut = context.WithCancel(context.WithoutCancel(ctx))
	w.watching, w.unwatch = context.WithCancel(ctx)
	return w
}

func (w *worker) start() {
	w.stages.Go(func() { w.commit(w.plans) })
	if w.outcomes != w.plans {
		w.stages.Go(func() { w.commit(w.outcomes) })
	}
	for range planners {
		w.stages.Go(w.plan)
	}
	for range w.r.opts.Concurrency {
		w.stages.Go(w.perform)
	}
	if watcher, ok := optional[Watcher](w.r.store); ok {
		w.stages.Go(func() { w.watch(watcher) })
	}
}

// stop waits for the tasks, cuts their effects short when their time is up, and
// ends the stages.
func (w *worker) stop() {
	w.unwatch()
	// A real timer: a clock that stands still must not keep Run from returning.
	timer := time.AfterFunc(w.r.opts.ShutdownTimeout, w.cut)
	w.finish()
	timer.Stop()
	w.claimed.Close()
	w.effects.Close()
	w.plans.Close()
	w.outcomes.Close()
	w.stages.Wait()
	w.cut()
}

// finish waits for the tasks, and keeps their leases meanwhile.
func (w *worker) finish() {
	ended := make(chan struct{})
	go func() {
		w.tasks.Wait()
		close(ended)
	}()
	for {
		select {
		case <-ended:
			return
		case <-w.r.opts.Clock.After(w.r.opts.Lease / 3):
			w.renewLeases()
		}
	}
}

// count returns how many tasks are in flight.
func (w *worker) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.inFlight)
}

// begin takes tasks in.
func (w *worker) begin(tasks []*task, now time.Time) {
	w.mu.Lock()
	for _, t := range tasks {
		t.index, t.renewed = len(w.inFlight), now
		w.inFlight = append(w.inFlight, t)
	}
	w.mu.Unlock()
	w.tasks.Add(len(tasks))
	w.claimed.Push(tasks...)
}

// end ends a task and signals it to the scheduler, which may wait for room, could not
// claim the contact's new events meanwhile, and does not know when the contact is due
// next.
func (w *worker) end(t *task) {
	w.mu.Lock()
	last := len(w.inFlight) - 1
	w.inFlight[t.index] = w.inFlight[last]
	w.inFlight[t.index].index = t.index
	w.inFlight[last] = nil
	w.inFlight = w.inFlight[:last]
	w.mu.Unlock()
	select {
	case w.ended <- struct{}{}:
	default:
	}
	w.tasks.Done()
}

// watch wakes the scheduler when another process adds work.
func (w *worker) watch(watcher Watcher) {
	for failures := 1; w.watching.Err() == nil; failures++ {
		err := watcher.Watch(w.watching, w.r.wake)
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, ErrClosed) {
			return
		}
		if w.watching.Err() == nil {
			w.r.opts.Logger.Warn("automation: cannot watch the store, polling", "error", err)
			w.r.pause(w.watching, storeRetry.backoff("watch", "", failures))
		}
	}
}

// renewLeases extends the leases of tasks that are in flight for long. It looks for such
// tasks often enough, but not with every call.
func (w *worker) renewLeases() {
	now := w.r.now()
	var renewals []Transition
	w.mu.Lock()
	if since := now.Sub(w.looked); 0 <= since && since < w.r.opts.Lease/20 {
		w.mu.Unlock()
		return
	}
	w.looked = now
	for _, t := range w.inFlight {
		if now.Sub(t.renewed) >= w.r.opts.Lease/3 {
			t.renewed = now
			renewals = append(renewals, w.r.underLease(&t.work, now))
		}
	}
	w.mu.Unlock()
	w.r.renewLeases(w.bound, renewals)
}
