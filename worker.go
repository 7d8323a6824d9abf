package automation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-b636437c/automation/internal/queue"
	"github.com/seed-b636437c/automation/internal/redact"
)

// Run does all work as it becomes due. It returns ctx.Err() after ctx has ended, or an
// error that wraps ErrClosed after the Store was closed. Run works on at most
// Options.InFlight contacts at once, performs at most Options.Concurrency effects at
// once, and writes the work that gathers during one commit in the next commit. While the
// Store does not answer, Run backs off and tries again. With Options.Retention, Run also
// removes old runs and events.
//
// After ctx has ended, Run claims nothing more. It waits up to Options.ShutdownTimeout
// for the effects in flight, records their outcomes, and releases its leases. When Run
// returns, all its goroutines have ended. The exception is an effect that ignores its
// ended context: Run returns a *StillRunningError that names it, and does not wait longer.
func (r *Runner) Run(ctx context.Context) error {
	w := newWorker(ctx, r)
	w.start()
	r.working.begin(r.now())
	err := (&scheduler{worker: w}).run()
	r.working.end()
	if stuck := w.stop(); len(stuck) > 0 {
		err = &StillRunningError{Effects: stuck, Err: err}
	}
	w.logStop(err)
	return err
}

// worker is one call of Run. Work passes through its stages. The scheduler claims
// contacts. Planners load the contacts, and advance their runs. Committers write what
// gathers. Performers perform the effects. The outcomes go to a committer again, until
// the task releases its contact.
type worker struct {
	r   *Runner
	ctx context.Context // Run's: after its end no effect starts
	// bound is the context of effects and of calls of the store. After ctx has ended,
	// it lasts until Options.ShutdownTimeout has passed or all tasks have ended.
	bound context.Context
	cut   context.CancelFunc
	// watching ends when the scheduler ends, which a closed store may cause.
	watching context.Context
	unwatch  context.CancelFunc

	claimed  *queue.Queue[*task]
	plans    *queue.Queue[*task] // with the first transition of each task
	outcomes *queue.Queue[*task] // with the others; equals plans without a ParallelCommitter
	effects  *queue.Queue[effectRequest]
	ended    chan struct{}  // signals to the scheduler that a task has ended
	stages   sync.WaitGroup // the goroutines of the stages, but for the performers
	performs sync.WaitGroup // the performers, which call the host's code

	mu         sync.Mutex           // guards the fields below
	inFlight   []*task              // in no order; each task has its index
	performing map[*activeRun]*task // the effects in progress
	looked     time.Time            // when the leases of the tasks were last looked at
}

// planners is how many goroutines load claimed work. Most tasks only compute, and a few
// read contacts, graphs or events.
const planners = 16

func newWorker(ctx context.Context, r *Runner) *worker {
	w := &worker{
		r: r, ctx: ctx,
		claimed: queue.New[*task](),
		plans:   queue.New[*task](),
		effects: queue.New[effectRequest](),
		ended:   make(chan struct{}, 1),

		performing: map[*activeRun]*task{},
	}
	w.outcomes = w.plans
	if p, ok := StoreAs[ParallelCommitter](r.store); ok && p.CommitsInParallel() {
		w.outcomes = queue.New[*task]()
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
		w.performs.Go(w.perform)
	}
	w.stages.Go(w.logStart)
	if watcher, ok := StoreAs[Watcher](w.r.store); ok {
		w.stages.Go(func() { w.watch(watcher) })
	}
	if w.r.opts.Retention > 0 {
		w.stages.Go(w.retain)
	}
}

// stop waits for the tasks, interrupts their effects after Options.ShutdownTimeout, and
// ends the stages. It returns the effects that go on all the same.
func (w *worker) stop() (stuck []RunningEffect) {
	w.unwatch()
	// A real timer, because Run must return even if Options.Clock stands still.
	timer := time.AfterFunc(w.r.opts.ShutdownTimeout, w.cut)
	stuck = w.finish()
	timer.Stop()
	w.claimed.Close()
	w.effects.Close()
	if len(stuck) == 0 {
		w.performs.Wait()
	}
	w.plans.Close()
	w.outcomes.Close()
	w.stages.Wait()
	w.cut()
	return stuck
}

// graceMax is how long Run waits for effects whose context has ended, at the most.
const graceMax = time.Second

// finish waits for the tasks, and keeps their leases meanwhile. It does not wait for
// effects that ignore their ended context, and returns those.
func (w *worker) finish() (stuck []RunningEffect) {
	cut := w.bound.Done()
	var late <-chan time.Time
	for w.count() > 0 {
		select {
		case <-w.ended:
		case <-w.r.opts.Clock.After(w.r.opts.Lease / 3):
			w.renewLeases()
		case <-cut:
			cut, late = nil, time.After(min(graceMax, w.r.opts.ShutdownTimeout))
		case <-late:
			if stuck = w.stuck(); len(stuck) > 0 {
				return stuck
			}
			late = time.After(min(graceMax, w.r.opts.ShutdownTimeout))
		}
	}
	return nil
}

// stuck returns the effects in progress if all tasks in flight wait for them, and none
// if there is something else to wait for.
func (w *worker) stuck() (effects []RunningEffect) {
	w.mu.Lock()
	defer w.mu.Unlock()
	tasks := map[*task]bool{}
	for run, t := range w.performing {
		tasks[t] = true
		effects = append(effects, RunningEffect{
			AutomationID: run.rec.AutomationID, RunID: run.rec.ID, StepKey: run.rec.Step, ContactID: run.rec.ContactID,
		})
	}
	if len(tasks) < len(w.inFlight) {
		return nil
	}
	slices.SortFunc(effects, func(a, b RunningEffect) int { return strings.Compare(a.RunID, b.RunID) })
	return effects
}

// count returns how many tasks are in flight.
func (w *worker) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.inFlight)
}

// begin adds claimed tasks and passes them to the planners.
func (w *worker) begin(tasks []*task, now time.Time) {
	w.mu.Lock()
	for _, t := range tasks {
		t.index, t.renewed = len(w.inFlight), now
		w.inFlight = append(w.inFlight, t)
	}
	w.mu.Unlock()
	w.claimed.Push(tasks...)
}

// end removes a task and signals its end to the scheduler. The scheduler may wait for
// room. It also could not claim new events of the contact while the task had the lease,
// and it has to find out when the contact is due next.
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
}

// watch wakes the scheduler when another process adds work.
func (w *worker) watch(watcher Watcher) {
	for failures := 1; w.watching.Err() == nil; failures++ {
		err := watcher.Watch(w.watching, w.r.wake)
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, ErrClosed) {
			return
		}
		if w.watching.Err() == nil {
			w.r.opts.Logger.Warn("automation: cannot watch the store, polling", "error", redact.Error(err))
			w.r.pause(w.watching, storeRetry.backoff("watch", "", failures))
		}
	}
}

// renewLeases renews the leases that are older than a third of their duration. Most calls
// return at once: it goes through the tasks only now and then.
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
			renewals = append(renewals, w.r.underLease(&t.in.Work, now))
		}
	}
	w.mu.Unlock()
	w.r.renewLeases(w.bound, renewals)
}

// logStart logs that Run works, on which store, and for how many automations. An event
// starts nothing while no automation is enabled, so that is a warning.
func (w *worker) logStart() {
	r := w.r
	if !r.opts.Logger.Enabled(w.ctx, slog.LevelWarn) {
		return
	}
	ctx, cancel := context.WithTimeout(w.watching, r.opts.StoreTimeout)
	defer cancel()
	var enabled int
	err := guard(func() (err error) {
		enabled, err = r.countEnabled(ctx)
		return err
	})
	store := slog.String("store", storeName(r.store))
	switch {
	case err != nil:
		r.opts.Logger.LogAttrs(w.ctx, slog.LevelInfo, "automation: running", store, slog.Any("error", redact.Error(err)))
	case enabled == 0:
		r.opts.Logger.LogAttrs(w.ctx, slog.LevelWarn, "automation: running", store, slog.Int("enabled", 0),
			slog.String("hint", "no automation is enabled, so events start no runs"))
	default:
		r.opts.Logger.LogAttrs(w.ctx, slog.LevelInfo, "automation: running", store, slog.Int("enabled", enabled))
	}
}

// logStop logs that Run returns, and why.
func (w *worker) logStop(reason error) {
	w.r.logCounts(w.r.sampler.Rest())
	level := slog.LevelInfo
	if stuck := (*StillRunningError)(nil); errors.As(reason, &stuck) || w.ctx.Err() == nil {
		level = slog.LevelWarn
	}
	w.r.opts.Logger.LogAttrs(w.ctx, level, "automation: stopped",
		slog.String("store", storeName(w.r.store)), slog.Any("reason", redact.Error(reason)))
}

// countEnabled returns how many automations are enabled.
func (r *Runner) countEnabled(ctx context.Context) (n int, err error) {
	for _, err := range Each(ctx, r.store.ListAutomations, AutomationQuery{Status: StatusEnabled}) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// storeName returns the name of a store that is a fmt.Stringer, and the type of others.
func storeName(s Store) string {
	if named, ok := StoreAs[fmt.Stringer](s); ok {
		return named.String()
	}
	for wraps := true; wraps; {
		s, wraps = unwrap(s)
	}
	return fmt.Sprintf("%T", s)
}
