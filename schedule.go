package automation

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// scheduler is the stage that claims what is due. One goroutine uses it.
type scheduler struct {
	*worker
	backlog bool          // the last claim has left something behind
	took    time.Duration // how long the last claim has, in real time
	next    time.Time     // when the next thing is due that is not claimed; zero: nothing is
	known   bool          // next was asked for, has not come, and no task has ended since
}

// run claims, renews leases, and sleeps on one timer until the next thing is due or
// somebody wakes it.
func (s *scheduler) run() error {
	failures := 0
	for s.ctx.Err() == nil {
		s.renew() // first: after a stall it would claim its own work a second time
		n, err := s.claim()
		switch {
		case errors.Is(err, ErrClosed):
			return fmt.Errorf("automation: run: %w", err)
		case s.ctx.Err() != nil:
		case err != nil:
			failures++
			s.r.opts.Logger.Error("automation: cannot claim work", "error", err)
			s.pause(s.ctx, storeRetry.backoff("claim", "", failures))
		default:
			failures = 0
			if n == 0 || !s.pace() {
				s.sleep()
			}
		}
	}
	return s.ctx.Err()
}

// storeRetry is how often a store that does not answer is asked again.
var storeRetry = RetryPolicy{Initial: 100 * time.Millisecond, Max: 5 * time.Second, Jitter: 0.2}

// claim makes a task of each contact that is due, and returns how many.
func (s *scheduler) claim() (int, error) {
	free := s.r.opts.InFlight - s.load()
	if free <= 0 || s.backlog && free < s.r.opts.InFlight/4 {
		s.backlog = true
		return 0, nil // many at once cost a store little more than one
	}
	began := time.Now()
	limit, now := min(free, commitMax), s.r.now() // leases last from before the claim on
	// Under bound: a claim that ctx cuts off might have leased contacts all the same.
	works, err := s.r.claim(s.bound, ClaimParams{Limit: limit})
	s.took, s.backlog = time.Since(began), len(works) == limit
	s.known = s.known && (s.next.IsZero() || s.next.After(now))
	if len(works) == 0 && s.load() == 0 {
		s.known = false // what was told of may be due by a clock that is ahead of this one
	}
	if err != nil || len(works) == 0 {
		return 0, err
	}
	tasks := make([]*task, len(works))
	s.mu.Lock()
	for i := range works {
		tasks[i] = newTask(s.r, works[i])
		tasks[i].place, tasks[i].renewed = len(s.inFlight), now
		s.inFlight = append(s.inFlight, tasks[i])
	}
	s.mu.Unlock()
	s.tasks.Add(len(tasks))
	s.claimed.Push(tasks...)
	return len(tasks), nil
}

// paceMin is what is worth waiting for: a store in memory has nothing to gain.
const paceMin = time.Millisecond

// pace keeps claims from taking more than a third of a busy store's time: many
// contacts cost it little more than one, and so the next claim waits for more to
// gather, but only while there is enough to do. It is the store's time that counts,
// whatever Options.Clock says. It reports whether there may be more to claim.
func (s *scheduler) pace() (more bool) {
	more = s.backlog
	load, d := s.load(), 2*s.took
	if d < paceMin || load < s.r.opts.InFlight/8 {
		return more
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	for s.load() > load*3/4 {
		select {
		case <-s.ctx.Done():
			return more
		case <-timer.C:
			return more
		case <-s.r.wakeup:
			more = true
		case <-s.ended:
			s.known = false
		}
	}
	return more
}

// sleep waits for the next thing that is due, for a wake-up, or until it is time to
// look for work that nobody has told about.
func (s *scheduler) sleep() {
	ended := false // a task has, and what it has left behind was asked for
	for s.ctx.Err() == nil {
		s.renew() // tasks may end all the time, and some not for long
		due := s.untilDue()
		if ended && due <= 0 {
			return
		}
		wait := max(time.Millisecond, min(due, s.r.opts.PollInterval, s.r.opts.Lease/3))
		select {
		case <-s.ctx.Done():
		case <-s.r.wakeup:
			return
		case <-s.r.opts.Clock.After(wait):
			s.known = false // others may have added to it
			return
		case <-s.ended:
			s.known, ended = false, true
			if s.roomAgain() || !s.backlog && s.gather() {
				return
			}
		}
	}
}

// roomAgain reports whether there is room for what the last claim has left behind.
func (s *scheduler) roomAgain() bool {
	return s.backlog && s.r.opts.InFlight-s.load() >= max(1, s.r.opts.InFlight/4)
}

// gatherMax is how long what a task has left behind, such as an event that came for
// its contact meanwhile, may have to wait at the most.
const gatherMax = 5 * time.Millisecond

// gather waits a moment after a task has ended: others are about to, and it is not
// worth a question each whether they have left anything behind. It reports whether
// there is something to claim before.
func (s *scheduler) gather() (woken bool) {
	d := min(gatherMax, 10*s.took)
	if d < paceMin {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.ctx.Done():
		return true
	case <-s.r.wakeup:
		return true
	case <-timer.C:
		return false
	}
}

// untilDue returns how long it is until the next thing is due, asking the store only
// if that may have changed.
func (s *scheduler) untilDue() time.Duration {
	if s.backlog { // a task that ends makes room, and says so
		return s.r.opts.PollInterval
	}
	if !s.known {
		next, err := s.nextDue()
		s.next, s.known = next, err == nil
	}
	if !s.known || s.next.IsZero() {
		return s.r.opts.PollInterval
	}
	return s.next.Sub(s.r.now())
}

func (s *scheduler) nextDue() (time.Time, error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.r.opts.StoreTimeout)
	defer cancel()
	return s.r.store.NextDue(ctx)
}
