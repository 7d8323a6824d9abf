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
	forecast forecast
}

// run claims, renews leases, and sleeps on one timer until the next work is due or a
// wake-up comes.
func (s *scheduler) run() error {
	failures := 0
	for s.ctx.Err() == nil {
		s.renewLeases() // first: after a stall it would claim its own work a second time
		n, err := s.claim()
		switch {
		case errors.Is(err, ErrClosed):
			return fmt.Errorf("automation: run: %w", err)
		case s.ctx.Err() != nil:
		case err != nil:
			failures++
			s.r.opts.Logger.Error("automation: cannot claim work", "error", err)
			s.r.pause(s.ctx, storeRetry.backoff("claim", "", failures))
		default:
			failures = 0
			if n == 0 || !s.pace() {
				s.sleep()
			}
		}
	}
	return s.ctx.Err()
}

// claim makes a task of each contact that is due, and returns how many.
func (s *scheduler) claim() (int, error) {
	free := s.r.opts.InFlight - s.count()
	if free <= 0 || s.forecast.backlog && free < s.r.opts.InFlight/4 {
		s.forecast.backlog = true
		return 0, nil // a claim of many contacts costs a store little more than a claim of one
	}
	began := time.Now()
	limit, now := min(free, commitMax), s.r.now() // leases last from before the claim on
	// Under bound: a claim that ctx cuts off might have leased contacts all the same.
	works, err := s.r.claim(s.bound, ClaimParams{Limit: limit})
	s.forecast.claimed(now, time.Since(began), len(works) == limit)
	if len(works) == 0 && s.count() == 0 {
		s.forecast.known = false // what seems due may be due by a clock that is ahead of this one
	}
	if err != nil || len(works) == 0 {
		return 0, err
	}
	tasks := make([]*task, len(works))
	for i := range works {
		tasks[i] = newTask(s.r, works[i])
	}
	s.begin(tasks, now)
	return len(tasks), nil
}

// paceMin is the shortest time worth waiting for. A store in memory gains nothing by it.
const paceMin = time.Millisecond

// pace keeps claims from taking more than a third of a busy store's time: a claim of
// many contacts costs little more than a claim of one, and so the next claim waits for
// more work to gather, but only while there is enough to do. The time is real, because
// it is the store's, whatever Options.Clock returns. pace reports whether there may be
// more to claim.
func (s *scheduler) pace() (more bool) {
	more = s.forecast.backlog
	busy, d := s.count(), 2*s.forecast.took
	if d < paceMin || busy < s.r.opts.InFlight/8 {
		return more
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	for s.count() > busy*3/4 {
		select {
		case <-s.ctx.Done():
			return more
		case <-timer.C:
			return more
		case <-s.r.wakeup:
			more = true
		case <-s.ended:
			s.forecast.known = false
		}
	}
	return more
}

// sleep waits for the next work that is due, for a wake-up, or until it is time to look
// for work that no wake-up announced.
func (s *scheduler) sleep() {
	ended := false // a task has ended, and the store was asked for the work that it left
	for s.ctx.Err() == nil {
		s.renewLeases() // tasks may end all the time, and some not for long
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
			s.forecast.known = false // other processes may have added work
			return
		case <-s.ended:
			s.forecast.known, ended = false, true
			if s.roomAgain() || !s.forecast.backlog && s.gather() {
				return
			}
		}
	}
}

// roomAgain reports whether there is room for what the last claim left in the store.
func (s *scheduler) roomAgain() bool {
	return s.forecast.backlog && s.r.opts.InFlight-s.count() >= max(1, s.r.opts.InFlight/4)
}

// gatherMax is how long the work that a task left in the store, such as an event that
// came for its contact meanwhile, has to wait at the most.
const gatherMax = 5 * time.Millisecond

// gather waits a moment after a task has ended. Other tasks are about to end, and one
// question to the store serves all of them. It reports whether a wake-up came before.
func (s *scheduler) gather() (woken bool) {
	d := min(gatherMax, 10*s.forecast.took)
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

// untilDue returns how long it is until the next work is due. It asks the store only if
// the answer may have changed.
func (s *scheduler) untilDue() time.Duration {
	if !s.forecast.backlog && !s.forecast.known {
		ctx, cancel := context.WithTimeout(s.ctx, s.r.opts.StoreTimeout)
		s.forecast.learn(s.r.store.NextDue(ctx))
		cancel()
	}
	return s.forecast.untilDue(s.r.now(), s.r.opts.PollInterval)
}

// forecast is what the scheduler knows about the work to come.
type forecast struct {
	backlog bool          // the last claim left work behind, or there was no room for one
	took    time.Duration // the real time of the last claim
	next    time.Time     // when the next unclaimed work is due; zero: never
	known   bool          // next is the store's answer, has not come, and may not have changed
}

// claimed notes a claim at now. It was full if it may have left work behind.
func (f *forecast) claimed(now time.Time, took time.Duration, full bool) {
	f.took, f.backlog = took, full
	f.known = f.known && (f.next.IsZero() || f.next.After(now))
}

// learn notes the store's answer to NextDue.
func (f *forecast) learn(next time.Time, err error) {
	f.next, f.known = next, err == nil
}

// untilDue returns how long it is from now until the next work is due, and poll if that
// is unknown, never, or up to the tasks in flight, which signal their end.
func (f *forecast) untilDue(now time.Time, poll time.Duration) time.Duration {
	if f.backlog || !f.known || f.next.IsZero() {
		return poll
	}
	return f.next.Sub(now)
}
