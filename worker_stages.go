package automation

import "github.com/seed-b636437c/automation/internal/queue"

// planBatch is how many tasks a planner takes at a time.
const planBatch = 16

// commitMax is how many transitions are written in one commit at most.
const commitMax = 512

// commitRequest is a transition on its way to a committer. The transitions of one task
// are written in the order in which they were pushed: the first is written before any
// other is pushed, and the others go through one queue.
type commitRequest struct {
	task       *task
	transition Transition
	ready      []*activeRun // their effects may be performed when the transition is written
	notices    []Notice     // for the Observer when the transition is written
	last       bool         // the transition abandons the lease
}

// effectRequest is an effect that may be performed: its run's state is written.
type effectRequest struct {
	task *task
	run  *activeRun
}

// plan is the stage that loads claimed work and moves the work as far as it goes.
func (w *worker) plan() {
	size := planBatch
	if w.r.opts.Contacts != nil {
		size = 1 // a contact must not wait until the directory has returned another one
	}
	batch := make([]*task, 0, size)
	requests := make([]commitRequest, 0, planBatch)
	for {
		if batch = w.claimed.Pop(batch); len(batch) == 0 {
			return
		}
		requests = requests[:0]
		for _, t := range batch {
			// Claimed work gets its first commit even if ctx ends meanwhile: a stopping
			// Runner releases its leases in an orderly way.
			if err := t.begin(w.bound); err != nil {
				w.fail(t, err)
				continue
			}
			requests = append(requests, t.request())
		}
		w.plans.Push(requests...)
	}
}

// request returns what the store has to write now. The caller holds t.mu, or has the
// only reference to the task.
func (t *task) request() commitRequest {
	ready := t.takeReady()
	t.unwritten++
	t.inFlight += len(ready)
	tr := t.transition(t.inFlight == 0)
	if tr.changesContact() {
		t.changing++
	}
	return commitRequest{task: t, transition: tr, ready: ready, notices: t.takeNotices()}
}

// commit is the stage that writes, in one commit, all requests that gathered in its
// queue during the commit before: latency stays that of one commit, throughput becomes
// that of the batch.
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

// extend lets the leases that go on last from now on: a transition that had to wait must
// not cut a lease short that was renewed meanwhile.
func (w *worker) extend(ts []Transition, batch []commitRequest) {
	until := w.r.now().Add(w.r.opts.Lease)
	for i := range ts {
		if !ts[i].Release && !batch[i].last && ts[i].Extend.Before(until) {
			ts[i].Extend = until
		}
	}
}

// written takes over the result of a transition, and adds the effects that may be
// performed now.
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
	// The outcomes of an abandoned task's effects could not be written.
	failed := res.Err != nil || t.failure != nil
	if failed {
		t.inFlight -= len(req.ready)
	}
	t.mu.Unlock()
	if res.Err == nil {
		w.r.observe(req.notices...)
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

// perform is the stage that performs effects, as many at once as it has goroutines.
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
	t.performEffect(w.ctx, w.bound, run)
	t.mu.Lock()
	t.inFlight--
	if t.failure == nil {
		// Pushed under the lock: a task's transitions are written in order.
		w.outcomes.Push(t.request())
		t.mu.Unlock()
		return
	}
	t.mu.Unlock()
	w.fail(t, nil)
}

// fail abandons a task, once nothing of it is in flight any more.
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
	// Through a committer, which writes many transitions at once: a store that hangs must
	// not hold up the tasks one after the other.
	w.outcomes.Push(commitRequest{task: t, transition: w.r.abandonment(t, t.failure), last: true})
}
