package automation

import (
	"context"
	"sync"
	"time"
)

// Run does all work as it becomes due, until ctx ends, and then returns
// ctx.Err(). It works on up to Options.InFlight contacts and performs up to
// Options.Concurrency effects at once, and writes what gathers meanwhile in one
// commit. While the Store does not answer it backs off and tries again.
//
// When ctx has ended it claims nothing more, gives effects in flight
// Options.ShutdownTimeout to finish, records what became of them, and releases
// everything it holds. All its goroutines have ended when it returns.
func (r *Runner) Run(ctx context.Context) error {
	s := newServer(r, ctx)
	s.background.Go(s.commits)
	if w, ok := find[Watcher](r.store); ok {
		s.background.Go(func() { s.watch(ctx, w) })
	}
	s.serve(ctx)
	s.stop()
	return ctx.Err()
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

// server is one call of Run.
type server struct {
	r *Runner
	// effects is the context of effects: it outlives Run's by the time that
	// they are given to finish.
	effects   context.Context
	cutEffect context.CancelFunc
	slots     chan struct{} // one for each effect at once
	requests  chan commitRequest

	tasks      sync.WaitGroup // of the tasks
	background sync.WaitGroup // of the committer and the watcher

	mu   sync.Mutex
	held map[*task]time.Time // tasks in flight, by when their lease was renewed
}

func newServer(r *Runner, ctx context.Context) *server {
	s := &server{
		r:        r,
		slots:    make(chan struct{}, r.opts.Concurrency),
		requests: make(chan commitRequest, r.opts.InFlight),
		held:     map[*task]time.Time{},
	}
	s.effects, s.cutEffect = context.WithCancel(context.WithoutCancel(ctx))
	return s
}

// serve is the scheduler: it claims what is due, renews leases, and sleeps on
// one timer until the next thing is due or somebody wakes it.
func (s *server) serve(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		n, err := s.claim(ctx)
		s.renew()
		switch {
		case ctx.Err() != nil:
		case err != nil:
			failures++
			s.r.opts.Logger.Error("automation: cannot claim work", "error", err)
			s.pause(ctx, s.r.opts.Retry.backoff("claim", "", failures))
		case n > 0:
			failures = 0
		default:
			failures = 0
			s.sleep(ctx)
		}
	}
}

// claim starts a task for each contact that is due, and returns how many.
func (s *server) claim(ctx context.Context) (int, error) {
	free := s.r.opts.InFlight - s.inFlight()
	if free <= 0 {
		return 0, nil
	}
	works, err := s.r.claim(ctx, ClaimParams{Limit: min(free, commitMax)})
	if err != nil {
		return 0, err
	}
	for _, w := range works {
		s.tasks.Go(func() { s.work(ctx, w) })
	}
	return len(works), nil
}

func (s *server) inFlight() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}

// pause waits for d, or until ctx ends.
func (s *server) pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-s.r.opts.Clock.After(d):
	}
}

// sleep waits for the next thing that is due, for a wake-up, or until it is
// time to look for work that nobody has told about.
func (s *server) sleep(ctx context.Context) {
	wait := min(s.r.opts.PollInterval, s.r.opts.Lease/3)
	if s.inFlight() == s.r.opts.InFlight {
		// There is more to do than room for it; a task that ends says so.
	} else if next, err := s.nextDue(ctx); err == nil && !next.IsZero() {
		wait = min(wait, next.Sub(s.r.now()))
	}
	select {
	case <-ctx.Done():
	case <-s.r.wakeup:
	case <-s.r.opts.Clock.After(max(wait, time.Millisecond)):
	}
}

func (s *server) nextDue(ctx context.Context) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, s.r.opts.StoreTimeout)
	defer cancel()
	return s.r.store.NextDue(ctx)
}

// watch listens for work that others have added.
func (s *server) watch(ctx context.Context, w Watcher) {
	for failures := 1; ctx.Err() == nil; failures++ {
		err := w.Watch(ctx, s.r.wake)
		if ctx.Err() == nil {
			s.r.opts.Logger.Warn("automation: cannot watch the store, polling", "error", err)
			s.pause(ctx, s.r.opts.Retry.backoff("watch", "", failures))
		}
	}
}

// stop waits for the tasks, cuts their effects short when their time is up, and
// ends the committer.
func (s *server) stop() {
	done := make(chan struct{})
	go func() {
		s.tasks.Wait()
		close(done)
	}()
	timer := time.NewTimer(s.r.opts.ShutdownTimeout)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		s.cutEffect()
		<-done
	}
	s.cutEffect()
	close(s.requests)
	s.background.Wait()
}

// work is the life of one task, from the claim to the release of its lease.
func (s *server) work(ctx context.Context, w Work) {
	t := &task{r: s.r, work: w}
	s.hold(t)
	defer s.letGo(t)
	c := conversation{s: s, t: t, reply: make(chan CommitResult, 1)}
	err := c.hold(ctx)
	c.join()
	if err != nil {
		s.r.putBack(ctx, t, err)
	}
}

func (s *server) hold(t *task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[t] = s.r.now()
}

// letGo ends the task. The scheduler is woken if it may have waited for room,
// or if there is work that it has not been told about.
func (s *server) letGo(t *task) {
	s.mu.Lock()
	full := len(s.held) == s.r.opts.InFlight
	delete(s.held, t)
	s.mu.Unlock()
	if full || t.again {
		s.r.wake()
	}
}

// renew extends the leases of tasks that have been in flight for long.
func (s *server) renew() {
	now := s.r.now()
	var ts []Transition
	s.mu.Lock()
	for t, since := range s.held {
		if now.Sub(since) >= s.r.opts.Lease/3 {
			s.held[t] = now
			ts = append(ts, Transition{Contact: t.work.Contact, Token: t.work.Token, Now: now, Extend: now.Add(s.r.opts.Lease)})
		}
	}
	s.mu.Unlock()
	if len(ts) == 0 {
		return
	}
	// A lease that is lost is noticed by the task, when it commits.
	if _, err := s.r.commit(s.effects, ts); err != nil {
		s.r.opts.Logger.Error("automation: cannot renew leases", "error", err)
	}
}
