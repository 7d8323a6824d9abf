package journeys_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	struck  map[string]bool // the kinds of commits at which a process was killed
	killed  bool
	mails   []automation.Email // all that a mailer was given, also twice
}

// blow is when a process is killed.
type blow struct {
	at      int  // the number of the commit, from 1 on; 0 for never
	written bool // after the commit, and not before it
	each    bool // at every commit, each in a process of its own
}

func (b blow) String() string {
	when, which := "before", fmt.Sprint("commit ", b.at)
	if b.written {
		when = "after"
	}
	if b.each {
		which = "every commit"
	}
	return fmt.Sprintf("killed %s %s", when, which)
}

// cutOff is how long a contact stays with a process that was killed.
const cutOff = time.Minute + time.Second

// onEach plays a case on each store.
func onEach(t *testing.T, opts automation.Options, body func(p *play)) {
	eachStore(t, func(t *testing.T, s store) { body(newPlay(t, s.empty(t), opts, blow{})) })
}

// table plays the cases of a table on each store.
func table[T any](t *testing.T, opts automation.Options, cases map[string]T, body func(p *play, c T)) {
	eachStore(t, func(t *testing.T, s store) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) { body(newPlay(t, s.empty(t), opts, blow{}), c) })
		}
	})
}

// killed plays a case with processes that are killed, on each store.
func killed(t *testing.T, opts automation.Options, body func(p *play)) {
	eachStore(t, func(t *testing.T, s store) { s.kill(t, opts, body) })
}

// kill plays a case with one process after another, each of which is killed before a commit that
// none before it was killed at, so that every commit of the case is lost once. It plays the case
// again with processes that are killed after a commit, which has been written then. Last, if plays
// are cheap, it plays the case with one process that is killed, before and after the first commit,
// the second, and so on.
func (s store) kill(t *testing.T, opts automation.Options, body func(p *play)) {
	play := func(b blow) (goOn bool) {
		ok := t.Run(b.String(), func(t *testing.T) {
			p := newPlay(t, s.empty(t), opts, b)
			body(p)
			goOn = p.killed
			require.True(t, goOn || !b.each, "no process was killed")
		})
		return ok && goOn
	}
	goOn := play(blow{each: true}) && play(blow{each: true, written: true})
	for at := 1; goOn && s.cheap; at++ {
		goOn = play(blow{at: at}) && play(blow{at: at, written: true})
	}
}

func newPlay(t *testing.T, base automation.Store, opts automation.Options, b blow) *play {
	p := &play{World: world.NewOn(t, base, opts), base: base, blow: b, struck: map[string]bool{}}
	p.Mailer.Respond = nil
	p.restart()
	return p
}

// process returns the store of a new process.
func (p *play) process() *world.Store {
	s := &world.Store{Store: p.base}
	die := func(ts []automation.Transition, written bool) error {
		if !p.strikes(ts, written) {
			return nil
		}
		p.killed = true
		s.Down.Store(true)
		return world.ErrOutage
	}
	s.BeforeCommit = func(ts []automation.Transition) error {
		p.commits++
		return die(ts, false)
	}
	if p.runsPerClaim > 0 {
		s.OnClaim = func(ctx context.Context, next automation.Store, params automation.ClaimParams) ([]automation.Work, error) {
			params.Runs = p.runsPerClaim
			return next.Claim(ctx, params)
		}
	}
	s.AfterCommit = func(ts []automation.Transition) error { return die(ts, true) }
	return s
}

// strikes reports whether a process is killed before a commit, or after it was written.
func (p *play) strikes(ts []automation.Transition, written bool) bool {
	if written != p.blow.written {
		return false
	}
	if !p.blow.each {
		return p.commits == p.blow.at
	}
	kind := kindOf(ts)
	first := !p.struck[kind]
	p.struck[kind] = true
	return first
}

// kindOf returns what commits have in common that do the same, in whichever process and
// attempt: what is handled, and where runs go.
func kindOf(ts []automation.Transition) string {
	var kinds []string
	for _, tr := range ts {
		kind := fmt.Sprint(tr.Key.ID == "", tr.Change != nil, tr.Delete, tr.Erase, tr.MoveTo != "", tr.Release, len(tr.Events), tr.Entries != nil)
		for _, e := range tr.Handled {
			kind += fmt.Sprint(" ", e.ID, len(e.Resumed), len(e.Ended), e.Reason)
		}
		for _, r := range tr.Runs {
			kind += fmt.Sprint(" ", r.AutomationID, r.EventID, r.New, r.Status, r.Step, r.DueAt.After(tr.Now), r.Exit != nil, r.Served)
			if r.Error != nil {
				kind += string(r.Error.Code)
			}
		}
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return strings.Join(kinds, "; ")
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
	if p.blow == (blow{}) {
		p.World.Drain()
		return
	}
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
