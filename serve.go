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
// Options.ShutdownTimeout to finish, records what became of them, and releases
// everything it holds. All its goroutines have ended when it returns.
func (r *Runner) Run(ctx context.Context) error {
	s := newServer(ctx, r)
	s.start()
	err := (&scheduler{worker: s}).run()
	s.stop()
	return err
}

// find returns the optional interface T of a store, looking through wrappers
// that have Unwrap.
func find[T any](s Store) (T, bool) {
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
// committer writes what gathers in one commit, and performers do the effects,
// whose outcomes are committed again, until a task releases its contact.
type worker struct {
	r   *Runner
	ctx context.Context // Run's: when it ends, nothing is begun any more
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
	ended    chan struct{}  // tells the scheduler that a task has
	tasks    sync.WaitGroup // the tasks in flight
	stages   sync.WaitGroup // the goroutines of the stages
	mu       sync.Mutex
	inFlight []*task   // in no order; each knows its place
	looked   time.Time // when their leases were looked at
}

// planners is how many goroutines load claimed work. Loading is computation
// only, unless contacts or events have to be asked for.
const planners = 16

// planBatch is how many tasks a planner takes at a time.
const planBatch = 16

func newServer(ctx context.Context, r *Runner) *worker {
	s := &worker{
		r: r, ctx: ctx,
		claimed: queue.New[*task](),
		plans:   queue.New[commitRequest](),
		effects: queue.New[effectRequest](),
		ended:   make(chan struct{}, 1),
	}
	s.outcomes = s.plans
	if p, ok := find[ParallelCommitter](r.store); ok && p.CommitsInParallel() {
		s.outcomes = queue.New[commitRequest]()
	}
	s.bound, s.cut = context.WithCancel(context.WithoutCancel(ctx))
	s.watching, s.unwatch = context.WithCancel(ctx)
	return s
}

func (s *worker) start() {
	s.stages.Go(func() { s.commit(s.plans) })
	if s.outcomes != s.plans {
		s.stages.Go(func() { s.commit(s.outcomes) })
	}
	for range planners {
		s.stages.Go(s.plan)
	}
	for range s.r.opts.Concurrency {
		s.stages.Go(s.perform)
	}
	if w, ok := find[Watcher](s.r.store); ok {
		s.stages.Go(func() { s.watch(w) })
	}
}

// stop waits for the tasks, cuts their effects short when their time is up, and
// ends the stages.
func (s *worker) stop() {
	s.unwatch()
	// A real timer: a clock that stands still must not keep Run from returning.
	timer := time.AfterFunc(s.r.opts.ShutdownTimeout, s.cut)
	s.finish()
	timer.Stop()
	s.claimed.Close()
	s.effects.Close()
	s.plans.Close()
	s.outcomes.Close()
	s.stages.Wait()
	s.cut()
}

// finish waits for the tasks, and keeps their leases meanwhile.
func (s *worker) finish() {
	ended := make(chan struct{})
	go func() {
		s.tasks.Wait()
		close(ended)
	}()
	for {
		select {
		case <-ended:
			return
		case <-s.r.opts.Clock.After(s.r.opts.Lease / 3):
			s.renew()
		}
	}
}

// load returns how many tasks are in flight.
func (s *worker) load() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.inFlight)
}

// end ends a task, and tells the scheduler: it may have waited for room, it could
// not claim what came for the contact meanwhile, and it does not know when the
// contact is due next.
func (s *worker) end(t *task) {
	s.mu.Lock()
	last := len(s.inFlight) - 1
	s.inFlight[t.place] = s.inFlight[last]
	s.inFlight[t.place].place = t.place
	s.inFlight[last] = nil
	s.inFlight = s.inFlight[:last]
	s.mu.Unlock()
	select {
	case s.ended <- struct{}{}:
	default:
	}
	s.tasks.Done()
}

// pause waits for d, or until ctx ends.
func (s *worker) pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-s.r.opts.Clock.After(d):
	}
}

// watch listens for work that others have added.
func (s *worker) watch(w Watcher) {
	for failures := 1; s.watching.Err() == nil; failures++ {
		err := w.Watch(s.watching, s.r.wake)
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, ErrClosed) {
			return
		}
		if s.watching.Err() == nil {
			s.r.opts.Logger.Warn("automation: cannot watch the store, polling", "error", err)
			s.pause(s.watching, storeRetry.backoff("watch", "", failures))
		}
	}
}

// renew extends the leases of tasks that have been in flight for long. It looks for them
// often enough, not every time.
func (s *worker) renew() {
	now := s.r.now()
	var long []Transition
	s.mu.Lock()
	if since := now.Sub(s.looked); 0 <= since && since < s.r.opts.Lease/20 {
		s.mu.Unlock()
		return
	}
	s.looked = now
	for _, t := range s.inFlight {
		if now.Sub(t.renewed) >= s.r.opts.Lease/3 {
			t.renewed = now
			long = append(long, t.renewal(now))
		}
	}
	s.mu.Unlock()
	s.r.renew(s.bound, long)
}
