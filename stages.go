package automation

// commitMax is how many transitions are written in one commit at most.
const commitMax = 512

// commitRequest is a transition on its way to the committer. Those of one task
// are written in the order in which they were pushed.
type commitRequest struct {
	task       *task
	transition Transition
	ready      []*activeRun // their effects may be performed when it is written
	notices    []Notice     // for when it is written
}

// effectRequest is an effect that may be performed: its run's state is written.
type effectRequest struct {
	task *task
	run  *activeRun
}

// plan is the stage that loads claimed work and moves it as far as it goes.
func (s *server) plan() {
	batch := make([]*task, 0, planBatch)
	requests := make([]commitRequest, 0, planBatch)
	for {
		if batch = s.claimed.pop(batch); len(batch) == 0 {
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
		s.commits.push(requests...)
	}
}

// request returns what has to be written now. The caller holds t.mu, or is the
// only one to know the task.
func (t *task) request() commitRequest {
	ready := t.takeReady()
	t.unwritten++
	t.inFlight += len(ready)
	return commitRequest{t, t.transition(t.inFlight == 0), ready, t.takeNotices()}
}

// commit is the stage that writes, in one commit, whatever has gathered while
// it wrote the last one: latency stays that of one commit, throughput becomes
// that of the batch.
func (s *server) commit() {
	batch := make([]commitRequest, 0, commitMax)
	ts := make([]Transition, 0, commitMax)
	effects := make([]effectRequest, 0, commitMax)
	for {
		if batch = s.commits.pop(batch); len(batch) == 0 {
			return
		}
		ts, effects = ts[:0], effects[:0]
		for i := range batch {
			ts = append(ts, batch[i].transition)
		}
		results, err := s.write(ts)
		for i := range batch {
			var res CommitResult
			if res.Err = err; err == nil {
				res = results[i]
			}
			effects = s.written(effects, batch[i], res)
		}
		s.effects.push(effects...)
		clear(batch)
		clear(ts)
		clear(effects)
	}
}

// write commits a batch. If the store does not answer it tries again for as
// long as the leases are good for: the batch may hold outcomes of effects,
// which cannot be had a second time.
func (s *server) write(ts []Transition) ([]CommitResult, error) {
	results, err := s.r.commit(s.bound, ts)
	until := s.r.now().Add(s.r.opts.Lease)
	for failures := 1; err != nil && s.bound.Err() == nil && s.r.now().Before(until); failures++ {
		s.r.opts.Logger.Error("automation: cannot commit", "transitions", len(ts), "error", err)
		s.pause(s.bound, storeRetry.backoff("commit", "", failures))
		results, err = s.r.commit(s.bound, ts)
	}
	return results, err
}

// written takes note of what became of a transition, and adds the effects that
// may be performed now.
func (s *server) written(effects []effectRequest, req commitRequest, res CommitResult) []effectRequest {
	t := req.task
	t.mu.Lock()
	t.unwritten--
	if res.Err != nil {
		t.inFlight -= len(req.ready)
		t.mu.Unlock()
		s.fail(t, res.Err)
		return effects
	}
	t.written(res)
	t.mu.Unlock()
	for _, run := range req.ready {
		effects = append(effects, effectRequest{t, run})
	}
	s.r.observe(req.notices...)
	if req.transition.Release {
		s.end(t)
	}
	return effects
}

// perform is the stage that does effects, as many at once as it has goroutines.
func (s *server) perform() {
	one := make([]effectRequest, 0, 1)
	for {
		if one = s.effects.pop(one); len(one) == 0 {
			return
		}
		s.performOne(one[0].task, one[0].run)
	}
}

func (s *server) performOne(t *task, run *activeRun) {
	effect, in := t.prepare(s.ctx, s.bound, run)
	if in == nil {
		done := s.r.perform(s.bound, t.work.Contact.ID, effect)
		in = &done
	}
	t.mu.Lock()
	t.inFlight--
	t.settled(s.bound, run, *in)
	failed := t.failure != nil
	if !failed {
		// Pushed under the lock: a task's transitions are written in order.
		s.commits.push(t.request())
	}
	t.mu.Unlock()
	if failed {
		s.fail(t, nil)
	}
}

// fail gives up on a task, once nothing of it is in flight any more.
func (s *server) fail(t *task, err error) {
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
	// What cannot be written now is done again when the lease has ended.
	_ = s.r.giveUp(s.bound, t, t.failure)
	s.end(t)
}
