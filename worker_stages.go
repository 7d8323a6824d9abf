package automation

import "github.com/seed-b636437c/automation/internal/queue"

// planBatch is how many tasks a planner takes at a time.
const planBatch = 16

// commitMax is how many transitions one commit writes at most.
const commitMax = 1024

// commitRequest is a transition on its way to a committer. The transitions of one task
// are written in the order in which they are pushed, although there may be two
// committers: a task pushes its first transition to worker.plans, and nothing more until
// that one is written. It pushes all others to worker.outcomes, which has one committer.
type commitRequest struct {
	task       *task
	transition Transition
	ready      []*activeRun // their effects may be performed when the transition is written
	notices    []Notice     // for the Observer when the transition is written
	logs       []logRecord  // for the log when the transition is written
	last       bool         // the transition is the abandonment of a failed task
}

// effectRequest is an effect that may be performed, because the state of its run is
// written.
type effectRequest struct {
	task *task
	run  *activeRun
}

// plan is the stage that loads claimed work and advances its runs.
func (w *worker) plan() {
	size := planBatch
	if w.r.opts.Contacts != nil {
		size = 1 // no contact waits while the contact directory reads another one
	}
	batch := make([]*task, 0, size)
	requests := make([]commitRequest, 0, planBatch)
	for {
		if batch = w.claimed.Pop(batch); len(batch) == 0 {
			return
		}
		requests = requests[:0]
		for _, t := range batch {
			// Under bound, because a Runner that stops still commits what it
			// has claimed, and releases the leases.
			if err := t.begin(w.bound); err != nil {
				w.fail(t, err)
				continue
			}
			requests = append(requests, t.request())
		}
		w.plans.Push(requests...)
	}
}

// request returns the request to write the task's results. The caller holds t.mu, or has
// the only reference to the task.
func (t *task) request() commitRequest {
	t.unwritten++
	t.inFlight += len(t.ready)
	tr := t.transition(t.inFlight == 0) // before takeReady: it depends on what is to begin
	ready := t.takeReady()
	if tr.changesContact() {
		t.changing++
	}
	return commitRequest{task: t, transition: tr, ready: ready, notices: t.takeNotices(), logs: t.takeLogs()}
}

// commit is the stage that writes. Each commit takes all requests that gathered in the
// queue during the commit before. The latency stays near that of one commit, and the
// throughput grows with the batch.
func (w *worker) commit(requests *queue.Queue[commitRequest]) {
	batch := make([]commitRequest, 0, commitMax)
	ts := make([]Transition, 0, commitMax)
	effects := make([]effectRequest, 0, commitMax)
	for {
		if batch = requests.Pop(batch); len(batch) == 0 {
			return
		}
		ts, effects = ts[:0], effects[:0]
		for i := range batch {
			ts = append(ts, batch[i].transition)
		}
		results := w.r.commitPatiently(w.bound, ts, func() { w.extend(ts, batch) })
		for i, res := range results {
			effects = w.written(effects, batch[i], res)
		}
		w.effects.Push(effects...)
		clear(batch)
		clear(ts)
		clear(effects)
	}
}

// extend makes the leases that continue last a full Options.Lease from now. A transition
// that had to wait must not shorten a lease that was renewed in the meantime.
func (w *worker) extend(ts []Transition, batch []commitRequest) {
	until := w.r.now().Add(w.r.opts.Lease)
	for i := range ts {
		if !ts[i].Release && !batch[i].last && ts[i].Extend.Before(until) {
			ts[i].Extend = until
		}
	}
}

// written applies the result of a transition to its task, and appends the effects that
// may be performed now.
func (w *worker) written(effects []effectRequest, req commitRequest, res CommitResult) []effectRequest {
	t := req.task
	if req.last {
		w.end(t)
		return effects
	}
	read := w.r.now()
	t.mu.Lock()
	t.unwritten--
	if req.transition.changesContact() {
		t.changing--
	}
	if res.Err == nil {
		t.written(res)
	}
	// A task that is being abandoned starts no effect, because its outcome could not
	// be written.
	failed := res.Err != nil || t.failure != nil
	if failed {
		t.inFlight -= len(req.ready)
	}
	t.mu.Unlock()
	if res.Err == nil {
		w.r.observe(req.notices...)
		w.r.log(req.logs...)
	}
	switch {
	case res.Err == nil && req.transition.Release:
		w.end(t)
		t.recycle()
	case failed:
		w.fail(t, res.Err)
	default:
		for _, run := range req.ready {
			run.freshAt = read
			effects = append(effects, effectRequest{t, run})
		}
	}
	return effects
}

// perform is the stage that performs effects. Each of its goroutines performs one at a
// time.
func (w *worker) perform() {
	one := make([]effectRequest, 0, 1)
	for {
		if one = w.effects.Pop(one); len(one) == 0 {
			return
		}
		w.performOne(one[0].task, one[0].run)
	}
}

func (w *worker) performOne(t *task, run *activeRun) {
	w.mu.Lock()
	w.performing[run] = t
	w.mu.Unlock()
	err := t.performEffect(w.ctx, w.bound, run)
	w.mu.Lock()
	delete(w.performing, run)
	w.mu.Unlock()
	t.mu.Lock()
	t.inFlight--
	if t.failure == nil && err == nil {
		// Push under the lock, so that the task's transitions are written in
		// order.
		w.outcomes.Push(t.request())
		t.mu.Unlock()
		return
	}
	t.mu.Unlock()
	w.fail(t, err)
}

// fail abandons a task once none of its effects or transitions is on its way.
func (w *worker) fail(t *task, err error) {
	t.mu.Lock()
	if t.failure == nil {
		t.failure = err
	}
	last := t.inFlight == 0 && t.unwritten == 0 && !t.ended
	t.ended = t.ended || last
	t.mu.Unlock()
	if !last {
		return
	}
	// Through a committer, which writes many transitions at once. Otherwise a store
	// that hangs would delay the tasks one after the other.
	w.outcomes.Push(commitRequest{task: t, transition: w.r.abandonment(t, t.failure), last: true})
}
