package automation

import "github.com/seed-b636437c/automation/internal/queue"

// planBatch is how many tasks a planner takes at a time.
const planBatch = 16

// commitMax is how many transitions one commit writes at most.
const commitMax = 1024

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
	planned := make([]*task, 0, planBatch)
	for {
		if batch = w.claimed.Pop(batch); len(batch) == 0 {
			return
		}
		planned = planned[:0]
		for _, t := range batch {
			// Under bound, because a Runner that stops still commits what it
			// has claimed, and releases the leases.
			if err := t.begin(w.bound); err != nil {
				w.fail(t, err)
				continue
			}
			t.request()
			planned = append(planned, t)
		}
		w.plans.Push(planned...)
		clear(planned)
	}
}

// request makes the request to write the task's results, which the caller pushes. None may be
// on its way. The caller holds t.mu, or has the only reference to the task.
func (t *task) request() {
	t.inFlight += len(t.ready)
	tr := t.transition(t.inFlight == 0) // before takeReady: it depends on what is to begin
	t.writing, t.changing, t.more = true, tr.changesContact(), false
	t.commit = commitRequest{transition: tr, ready: t.takeReady(), notices: t.takeNotices(), logs: t.takeLogs()}
}

// commit is the stage that writes. Each commit takes all requests that gathered in the
// queue during the commit before. The latency stays near that of one commit, and the
// throughput grows with the batch.
func (w *worker) commit(requests *queue.Queue[*task]) {
	batch := make([]*task, 0, commitMax)
	ts := make([]Transition, 0, commitMax)
	effects := make([]effectRequest, 0, commitMax)
	for {
		if batch = requests.Pop(batch); len(batch) == 0 {
			return
		}
		ts, effects = ts[:0], effects[:0]
		for _, t := range batch {
			ts = append(ts, t.commit.transition)
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
func (w *worker) extend(ts []Transition, batch []*task) {
	until := w.r.now().Add(w.r.opts.Lease)
	for i := range ts {
		if !ts[i].Release && !batch[i].commit.last && ts[i].Extend.Before(until) {
			ts[i].Extend = until
		}
	}
}

// written applies the result of a task's transition to the task, and appends the effects
// that may be performed now.
func (w *worker) written(effects []effectRequest, t *task, res CommitResult) []effectRequest {
	if t.commit.last {
		w.end(t)
		return effects
	}
	if res.Err == nil {
		w.r.observe(t.commit.notices...)
		w.r.log(t.commit.logs...)
		if t.commit.transition.Release {
			w.end(t)
			t.recycle()
			return effects
		}
	}
	effects, failed := w.goOn(effects, t, res)
	if failed {
		w.fail(t, res.Err)
	}
	return effects
}

// goOn continues a task after a transition that did not end its lease. It reports whether the
// task has failed and nothing of it is left to write.
func (w *worker) goOn(effects []effectRequest, t *task, res CommitResult) (_ []effectRequest, failed bool) {
	read := w.r.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writing, t.changing = false, false
	if res.Err == nil {
		t.written(res)
	} else if t.failure == nil {
		t.failure = res.Err
	}
	if t.failure == nil {
		for _, run := range t.commit.ready {
			run.freshAt = read
			effects = append(effects, effectRequest{t, run})
		}
	} else {
		// A task that is being abandoned starts no effect, because its outcome could not
		// be written.
		t.inFlight -= len(t.commit.ready)
	}
	if t.ready == nil {
		t.ready = t.commit.ready[:0]
	}
	if t.more {
		t.request()
		w.outcomes.Push(t)
		return effects, false
	}
	return effects, t.failure != nil
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
	if !w.outcome(t, err) {
		w.fail(t, err)
	}
}

// outcome makes a committer write the outcome of an effect, unless the task has failed. While
// a transition of the task is on its way, the outcome waits, and others of the task join it.
func (w *worker) outcome(t *task, err error) (sound bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inFlight--
	switch {
	case t.failure != nil || err != nil:
		return false
	case t.writing:
		t.more = true
	default:
		t.request()
		w.outcomes.Push(t)
	}
	return true
}

// fail abandons a task once none of its effects or transitions is on its way.
func (w *worker) fail(t *task, err error) {
	t.mu.Lock()
	if t.failure == nil {
		t.failure = err
	}
	last := t.inFlight == 0 && !t.writing && !t.ended
	t.ended = t.ended || last
	t.mu.Unlock()
	if !last {
		return
	}
	// Through a committer, which writes many transitions at once. Otherwise a store
	// that hangs would delay the tasks one after the other.
	t.commit = commitRequest{transition: w.r.abandonment(t, t.failure), last: true}
	w.outcomes.Push(t)
}
