package automation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-b636437c/automation/internal/redact"
)

// scheduler is the stage that claims what is due. One goroutine uses it.
type scheduler struct {
	*worker
	forecast forecast
}

// run claims, renews leases, and sleeps until the next work is due or a wake-up comes.
func (s *scheduler) run() error {
	failures := 0
	for s.ctx.Err() == nil {
		s.upkeep() // before the claim: after a stall it would claim its own expired leases
		n, err := s.claim()
		switch {
		case errors.Is(err, ErrClosed), errors.Is(err, errors.ErrUnsupported): // the facade of another engine
			return fmt.Errorf("automation: run: %w", err)
		case s.ctx.Err() != nil:
		case err != nil:
			failures++
			s.r.opts.Logger.Error("automation: cannot claim work", "error", redact.Error(err))
			s.r.pause(s.ctx, storeRetry.backoff("claim", "", failures))
		default:
			failures = 0
			s.r.working.turn(s.r.now())
			if n == 0 || !s.pace() {
				s.sleep()
			}
		}
	}
	return s.ctx.Err()
}

// upkeep renews leases, and logs the counts of records whose interval is over.
func (s *scheduler) upkeep() {
	s.renewLeases()
	s.r.logCounts(s.r.sampler.Ended(s.r.now()))
}

// claim claims contacts, makes a task of each, and returns how many.
func (s *scheduler) claim() (int, error) {
	free := s.r.opts.InFlight - s.count()
	if free <= 0 || s.forecast.backlog && free < s.r.opts.InFlight/4 {
		// There is no room, or so little that waiting for more is better: a claim
		// of many contacts costs a store little more than a claim of one.
		s.forecast.backlog = true
		return 0, nil
	}
	began := time.Now()
	// The leases last from now on. A time after the claim would make renewals late.
	limit, now := min(free, commitMax), s.r.now()
	// Under bound: if the end of ctx interrupted a claim, its leases might stay
	// unused.
	works, claimedAt, err := s.r.claim(s.bound, ClaimParams{Limit: limit})
	s.forecast.claimed(now, time.Since(began), len(works) == limit)
	if len(works) == 0 && s.count() == 0 {
		// A wake-up may have announced an event of a node whose clock is ahead. The
		// event is due later, at a time that the forecast does not contain.
		s.forecast.known = false
	}
	if err != nil {
		return 0, err
	}
	s.r.working.claim(now)
	if len(works) == 0 {
		return 0, nil
	}
	tasks := make([]*task, len(works))
	for i := range works {
		tasks[i] = newTask(s.r, works[i], claimedAt)
	}
	s.begin(tasks, now)
	return len(tasks), nil
}

// paceMin is the shortest useful wait. A store in memory is so fast that a wait is
// useless.
const paceMin = time.Millisecond

// paceBusy is how many contacts in flight are enough to wait for more.
const paceBusy = 128

// pace limits claims to a third of a busy store's time. A claim of many contacts costs
// little more than a claim of one, so pace waits for more work to gather, but only while
// enough is in flight. A backlog has gathered already: pace does not wait, and the next
// claim and the commits of the last one share the time. pace waits in real time, because
// the store works in real time. It reports whether there may be more to claim.
func (s *scheduler) pace() (more bool) {
	busy, d := s.count(), 2*s.forecast.took
	if s.forecast.backlog || d < paceMin || busy < min(paceBusy, s.r.opts.InFlight/8) {
		return s.forecast.backlog
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

// sleep waits for the next due work, for a wake-up, or for the next poll.
func (s *scheduler) sleep() {
	ended := false // a task has ended since the last claim, so untilDue calls the store again
	for s.ctx.Err() == nil {
		s.upkeep() // this loop may run for long while tasks end all the time
		s.r.working.turn(s.r.now())
		due := s.untilDue()
		if ended && due <= 0 {
			return
		}
		wait := max(time.Millisecond, min(due, s.r.longestSleep()))
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

// longestSleep is how long Run sleeps at most before it looks for work again.
func (r *Runner) longestSleep() time.Duration { return min(r.opts.PollInterval, r.opts.Lease/3) }

// roomAgain reports whether there is room for the work that the last claim left in the
// store.
func (s *scheduler) roomAgain() bool {
	return s.forecast.backlog && s.r.opts.InFlight-s.count() >= max(1, s.r.opts.InFlight/4)
}

// gatherMax is how long the work that a task left in the store has to wait at most. Such
// work is, for example, an event that came for the contact while the task had the lease.
const gatherMax = 5 * time.Millisecond

// gather waits for a moment after a task has ended. More tasks may end in that time, and
// one call of the store then serves all of them. It reports whether a wake-up came first.
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

// untilDue returns how long it is until the next work is due. It calls the store only if
// the store's answer may have changed.
func (s *scheduler) untilDue() time.Duration {
	if !s.forecast.backlog && !s.forecast.known {
		ctx, cancel := context.WithTimeout(s.ctx, s.r.opts.StoreTimeout)
		s.forecast.learn(s.r.store.NextDue(ctx))
		cancel()
	}
	return s.forecast.untilDue(s.r.now(), s.r.opts.PollInterval)
}

// forecast estimates when there is work to claim.
type forecast struct {
	backlog bool          // the last claim left work behind, or there was no room for a claim
	took    time.Duration // the real time of the last claim
	next    time.Time     // when the next unclaimed work is due; zero: never
	known   bool          // next is still valid: the scheduler need not call NextDue again
}

// claimed records a claim at now. A full claim may have left work behind.
func (f *forecast) claimed(now time.Time, took time.Duration, full bool) {
	f.took, f.backlog = took, full
	f.known = f.known && (f.next.IsZero() || f.next.After(now))
}

// learn records the store's answer to NextDue.
func (f *forecast) learn(next time.Time, err error) {
	f.next, f.known = next, err == nil
}

// untilDue returns how long it is from now until the next work is due. It returns poll if
// that time is unknown, if no work is due, or if the scheduler has to wait for the end of
// tasks in flight.
func (f *forecast) untilDue(now time.Time, poll time.Duration) time.Duration {
	if f.backlog || !f.known || f.next.IsZero() {
		return poll
	}
	return f.next.Sub(now)
}
