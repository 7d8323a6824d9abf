package journeys_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// play is a case that is played on one store. It shadows the methods of World that a killed
// process does not survive: they go on in another process.
type play struct {
	*world.World
	base   automation.Store
	second *world.Store // of a process beside the first
	beside *automation.Runner

	runsPerClaim int // 0 for as many as the Runner brings

	blow    blow
	commits int
	killed  bool
	mails   []automation.Email // all that a mailer was given, also twice
}

// blow is when a process is killed.
type blow struct {
	at      int  // the number of the commit, from 1 on; 0 for never
	written bool // after the commit, and not before it
}

func (b blow) String() string {
	if b.written {
		return fmt.Sprintf("killed after commit %d", b.at)
	}
	return fmt.Sprintf("killed before commit %d", b.at)
}

// cutOff is how long a contact stays with a process that was killed.
const cutOff = time.Minute + time.Second

// onEach plays a case on each store.
func onEach(t *testing.T, opts automation.Options, body func(p *play)) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body(newPlay(t, open(t)(t), opts, blow{}))
		})
	}
}

// killed plays a case on each store: again and again, with the process killed before and after
// the first commit, the second, and so on. To keep it short, SQL stores, whose commits package
// storetest proves to be all or nothing, take every third: before the first, after the fourth.
func killed(t *testing.T, opts automation.Options, body func(p *play)) {
	killedOn(t, stores, opts, body)
}

// killedOn is killed on some stores.
func killedOn(t *testing.T, some map[string]func(t *testing.T) func(t *testing.T) automation.Store, opts automation.Options, body func(p *play)) {
	t.Parallel()
	for name, open := range some {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			empty := open(t)
			step := 3
			if name == "memory" {
				step = 1
			}
			for at := 1; ; at += step {
				for _, written := range []bool{false, true} {
					if step > 1 && written == (at%2 == 1) {
						continue
					}
					b, more := blow{at, written}, false
					ok := t.Run(b.String(), func(t *testing.T) {
						p := newPlay(t, empty(t), opts, b)
						body(p)
						more = p.killed
					})
					if !ok || !more {
						return
					}
				}
			}
		})
	}
}

func newPlay(t *testing.T, base automation.Store, opts automation.Options, b blow) *play {
	p := &play{World: world.NewOn(t, base, opts), base: base, blow: b}
	p.Mailer.Respond = nil
	p.restart()
	return p
}

// process returns the store of a new process.
func (p *play) process() *world.Store {
	s := &world.Store{Store: p.base}
	die := func(written bool) error {
		if p.commits != p.blow.at || p.blow.written != written {
			return nil
		}
		p.killed = true
		s.Down.Store(true)
		return world.ErrOutage
	}
	s.BeforeCommit = func([]automation.Transition) error {
		p.commits++
		return die(false)
	}
	if p.runsPerClaim > 0 {
		s.OnClaim = func(ctx context.Context, next automation.Store, params automation.ClaimParams) ([]automation.Work, error) {
			params.Runs = p.runsPerClaim
			return next.Claim(ctx, params)
		}
	}
	s.AfterCommit = func([]automation.Transition) error { return die(true) }
	return s
}

// restart replaces the process.
func (p *play) restart() {
	p.Store = p.process()
	p.Runner = p.Node(p.Opts)
}

// do calls f with the process, and, if that is killed, with the next one after the leases of
// the first have expired.
func (p *play) do(f func(r *automation.Runner) error) {
	p.T.Helper()
	for {
		err := f(p.Runner)
		if !p.Store.Down.Load() {
			require.NoError(p.T, err)
			return
		}
		if err != nil {
			require.ErrorIs(p.T, err, world.ErrOutage)
		}
		p.restart()
		p.Clock.Add(cutOff)
		if err == nil {
			return
		}
	}
}

// Drain does the work that is due.
func (p *play) Drain() {
	p.T.Helper()
	p.do(func(r *automation.Runner) error {
		_, err := r.Drain(p.Ctx)
		return err
	})
}

// elsewhere calls f with a process beside the first. If it is killed, that is all.
func (p *play) elsewhere(f func(r *automation.Runner) error) {
	p.T.Helper()
	if p.second == nil || p.second.Down.Load() {
		p.second = p.process()
		p.beside = p.On(p.second, p.Opts)
	}
	if err := f(p.beside); !p.second.Down.Load() {
		require.NoError(p.T, err)
	}
}

// Pass moves the clock, and does the work that is due.
func (p *play) Pass(d time.Duration) {
	p.T.Helper()
	p.Clock.Add(d)
	p.Drain()
}

// Settle does all work until something waits for longer than d.
func (p *play) Settle(d time.Duration) {
	p.T.Helper()
	until := p.Clock.Now().Add(d)
	for range 1000 {
		p.Drain()
		next, err := p.base.NextDue(p.Ctx)
		require.NoError(p.T, err)
		if next.IsZero() || next.After(until) {
			return
		}
		require.True(p.T, next.After(p.Clock.Now()), "Drain leaves nothing that is due")
		p.Clock.Set(next)
	}
	require.Fail(p.T, "the work does not end")
}

// Send sends events, and returns their ids.
func (p *play) Send(events ...automation.Event) (ids []string) {
	p.T.Helper()
	p.do(func(r *automation.Runner) error {
		receipts, err := r.Send(p.Ctx, events...)
		for _, receipt := range receipts {
			ids = append(ids, receipt.ID)
		}
		return err
	})
	return ids
}

// Retry retries a run, however often the process is killed.
func (p *play) Retry(id string) {
	p.T.Helper()
	p.do(func(r *automation.Runner) error {
		_, err := r.RetryRun(p.Ctx, id)
		if errors.Is(err, automation.ErrConflict) { // a process that was killed has retried it
			return nil
		}
		return err
	})
}

// Of returns the run that an event started.
func (p *play) Of(eventID string) automation.Run {
	p.T.Helper()
	runs := p.RunsOf(eventID)
	require.Len(p.T, runs, 1)
	return runs[0]
}

// RunsOf returns the runs that an event started.
func (p *play) RunsOf(eventID string) []automation.Run {
	p.T.Helper()
	return slices.DeleteFunc(p.Runs(), func(run automation.Run) bool { return run.EventID != eventID })
}

// In returns the runs with a status.
func (p *play) In(status automation.RunStatus) []automation.Run {
	p.T.Helper()
	return slices.DeleteFunc(p.Runs(), func(run automation.Run) bool { return run.Status != status })
}

// Decided returns the codes of the decisions about an event.
func (p *play) Decided(eventID string) (codes []automation.DecisionCode) {
	p.T.Helper()
	decisions, err := p.ListDecisions(p.Ctx, eventID)
	require.NoError(p.T, err)
	for _, d := range decisions {
		codes = append(codes, d.Code)
	}
	return codes
}

// checkEmails checks that no email is unsaid: the step of each email that has left has
// completed, or its record has an attempt that was cut off. And each email whose step has
// completed has left, and once.
func (p *play) checkEmails() {
	p.T.Helper()
	left := map[string]int{}
	for _, e := range p.Mailer.Emails() {
		left[e.RunID+"/"+e.StepKey]++
	}
	for _, run := range p.Runs() {
		for _, step := range run.Steps {
			if step.Type != automation.TypeSendEmail {
				continue
			}
			n := left[run.ID+"/"+step.Key]
			delete(left, run.ID+"/"+step.Key)
			switch {
			case step.Status == automation.StepCompleted:
				assert.Equal(p.T, 1, n, "step %s of run %s has completed", step.Key, run.ID)
			case n > 0:
				assert.NotEmpty(p.T, step.Attempts, "email %s of run %s has left, and its step is %s", step.Key, run.ID, step.Status)
			}
		}
	}
	assert.Empty(p.T, left, "emails of runs that there are not")
}
