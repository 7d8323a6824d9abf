package automation

import (
	"errors"
	"slices"

	"github.com/seed-b636437c/automation/internal/queue"
)

// commitMax is how many transitions are written in one commit at most.
const commitMax = 512

// commitRequest is a transition on its way to a committer. Those of one task are
// written in the order in which they were pushed: the first is written before any
// other is pushed, and the others go through one queue.
type commitRequest struct {
	task       *task
	transition Transition
	ready      []*activeRun // their effects may be performed when it is written
	notices    []Notice     // for when it is written
	last       bool         // it gives the task up
}

// effectRequest is an effect that may be performed: its run's state is written.
type effectRequest struct {
	task *task
	run  *activeRun
}

// plan is the stage that loads claimed work and moves it as far as it goes.
func (s *worker) plan() {
	size := planBatch
	if s.r.opts.Contacts != nil {
		size = 1 // others must not wait until the host has answered for this one
	}
	batch := make([]*task, 0, size)
	requests := make([]commitRequest, 0, planBatch)
	for {
		if batch = s.claimed.Pop(batch); len(batch) == 0 {
			return
		}
		requests = requests[:0]
		for _, t := range batch {
			// What is claimed is brought to its first commit even if ctx ends
			// meanwhile: stopping releases work, it does not put it back.
			if err := t.begin(s.bound); err != nil {
				s.fail(t, err)
				continue
			}
			requests = append(requests, t.request())
		}
		s.plans.Push(requests...)
	}
}

// request returns what has to be written now. The caller holds t.mu, or is the
// only one to know the task.
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

// commit is the stage that writes, in one commit, whatever has gathered in its queue
// while it wrote the last one: latency stays that of one commit, throughput becomes
// that of the batch.
func (s *worker) commit(requests *queue.Queue[commitRequest]) {
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
		for i, res := range s.write(ts, batch) {
			effects = s.written(effects, batch[i], res)
		}
		s.effects.Push(effects...)
		clear(batch)
		clear(ts)
		clear(effects)
	}
}

// write commits a batch. If the store does not answer it tries again for as
// long as the leases are good for: the batch may hold outcomes of effects,
// which cannot be had a second time.
func (s *worker) write(ts []Transition, batch []commitRequest) []CommitResult {
	s.extend(ts, batch)
	results := s.r.tryCommit(s.bound, ts)
	until := s.r.now().Add(s.r.opts.Lease)
	for failures := 1; s.bound.Err() == nil && s.r.now().Before(until); failures++ {
		again := slices.IndexFunc(results, unanswered)
		if again < 0 {
			break
		}
		s.r.opts.Logger.Error("automation: cannot commit", "transitions", len(ts), "error", results[again].Err)
		s.pause(s.bound, storeRetry.backoff("commit", "", failures))
		s.extend(ts, batch)
		s.rewrite(ts, results)
	}
	return results
}

// extend has the leases that go on last from now on: a transition that had to wait
// must not cut short a lease that was renewed meanwhile.
func (s *worker) extend(ts []Transition, batch []commitRequest) {
	until := s.r.now().Add(s.r.opts.Lease)
	for i := range ts {
		if !ts[i].Release && !batch[i].last && ts[i].Extend.Before(until) {
			ts[i].Extend = until
		}
	}
}

// rewrite tries the transitions again that the store had no answer for.
func (s *worker) rewrite(ts []Transition, results []CommitResult) {
	var open []Transition
	var places []int
	for i := range ts {
		if unanswered(results[i]) {
			open, places = append(open, ts[i]), append(places, i)
		}
	}
	for i, res := range s.r.tryCommit(s.bound, open) {
		results[places[i]] = res
	}
}

// unanswered reports whether a transition was not written, and not refused
// either.
func unanswered(res CommitResult) bool {
	return res.Err != nil && !errors.Is(res.Err, ErrLeaseLost) && !errors.Is(res.Err, ErrConflict) && !errors.Is(res.Err, ErrNotFound)
}

// written takes note of what became of a transition, and adds the effects that
// may be performed now.
func (s *worker) written(effects []effectRequest, req commitRequest, res CommitResult) []effectRequest {
	t := req.task
	if req.last {
		s.end(t)
		return effects
	}
	read := s.r.now()
	t.mu.Lock()
	t.unwritten--
	if req.transition.changesContact() {
		t.changing--
	}
	if res.Err == nil {
		t.written(res)
	}
	// Effects of a task that was given up would have nobody to write them.
	failed := res.Err != nil || t.failure != nil
	if failed {
		t.inFlight -= len(req.ready)
	}
	t.mu.Unlock()
	if res.Err == nil {
		s.r.observe(req.notices...)
	}
	switch {
	case res.Err == nil && req.transition.Release:
		s.end(t)
		t.recycle()
	case failed:
		s.fail(t, res.Err)
	default:
		for _, run := range req.ready {
			run.read = read
			effects = append(effects, effectRequest{t, run})
		}
	}
	return effects
}

// perform is the stage that does effects, as many at once as it has goroutines.
func (s *worker) perform() {
	one := make([]effectRequest, 0, 1)
	for {
		if one = s.effects.Pop(one); len(one) == 0 {
			return
		}
		s.performOne(one[0].task, one[0].run)
	}
}

func (s *worker) performOne(t *task, run *activeRun) {
	effect, in := t.prepare(s.ctx, s.bound, run)
	if in == nil {
		done := s.r.perform(s.bound, t.work.Key.ID, effect)
		in = &done
	}
	t.mu.Lock()
	t.applyOutcome(run, *in)
	t.mu.Unlock()
	t.catchUp(s.bound, run)
	t.mu.Lock()
	t.inFlight--
	if t.failure == nil {
		// Pushed under the lock: a task's transitions are written in order.
		s.outcomes.Push(t.request())
		t.mu.Unlock()
		return
	}
	t.mu.Unlock()
	s.fail(t, nil)
}

// fail gives up on a task, once nothing of it is in flight any more.
func (s *worker) fail(t *task, err error) {
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
	// Through a committer, which writes many at once: a store that hangs must
	// not hold up each of them in turn.
	s.outcomes.Push(commitRequest{task: t, transition: s.r.abandonment(t, t.failure), last: true})
}
