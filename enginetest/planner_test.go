package enginetest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/enginetest"
	"github.com/seed-b636437c/automation/store/memory"
)

// planner is an engine that takes turns with Plan, Perform and Announce. Its queue, timers and
// fence are the claims of a store.
type planner struct {
	*automation.Runner
	store    automation.Store
	shutdown time.Duration
}

func TestPlanner_OnMemory(t *testing.T) {
	enginetest.Run(t, func(tb testing.TB, mailer automation.Mailer, opts automation.Options) enginetest.Engine {
		store := memory.New()
		var process func() enginetest.Engine
		process = func() enginetest.Engine {
			runner, err := automation.New(store, mailer, opts)
			require.NoError(tb, err)
			p := &planner{runner, store, opts.ShutdownTimeout}
			return enginetest.Engine{Runner: runner, Work: p.work, Another: process}
		}
		return process()
	}, enginetest.Given{})
}

// claimedEvents is how many events a claim brings at most.
const claimedEvents = 256

// work takes turns until ctx ends. Effects in flight then have the shutdown timeout to finish.
func (p *planner) work(ctx context.Context) error {
	performing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(p.shutdown, cancel) })()
	var turns sync.WaitGroup
	defer turns.Wait()
	for ctx.Err() == nil {
		now := time.Now()
		works, err := p.store.Claim(ctx, automation.ClaimParams{Now: now, Lease: time.Minute, Limit: 100, Events: claimedEvents, Runs: 1024})
		if err != nil && ctx.Err() == nil {
			return err
		}
		for _, w := range works {
			turns.Go(func() {
				p.takeTurns(ctx, performing, automation.TurnInput{Work: w, ReadAt: now, MoreEvents: len(w.Events) == claimedEvents})
			})
		}
		if len(works) == 0 {
			select {
			case <-time.After(5 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
	return ctx.Err()
}

// takeTurns takes turns of a contact until nothing is left to perform, or ctx has ended.
func (p *planner) takeTurns(ctx, performing context.Context, in automation.TurnInput) {
	for {
		turn, err := p.Plan(context.WithoutCancel(ctx), in)
		if err != nil {
			p.commit(automation.Transition{Key: in.Key, Token: in.Token, Now: time.Now(), Release: true})
			return
		}
		tr := turn.Transition
		tr.Extend, tr.Release = turn.Now.Add(time.Minute), len(turn.Effects) == 0 || ctx.Err() != nil
		res := p.commit(tr)
		if errors.Is(res.Err, automation.ErrConflict) { // an automation was stopped since the claim
			p.commit(automation.Transition{Key: in.Key, Token: in.Token, Now: turn.Now, Release: true})
		}
		if res.Err != nil {
			return
		}
		p.Announce(turn)
		if tr.Release {
			return
		}
		in = automation.TurnInput{Work: automation.Work{Key: in.Key, Token: in.Token, Contact: res.Contact}}
		if res.Pending { // an event may end a run, so that its effect must not begin
			in.Runs, in.Outcomes = released(turn.Effects)
		} else {
			in.Runs, in.Outcomes = p.performAll(performing, turn.Effects, res.Requests)
		}
	}
}

// released returns the outcomes of effects that did not begin.
func released(effects []automation.PlannedEffect) (runs []automation.ClaimedRun, outcomes []automation.Outcome) {
	for _, e := range effects {
		runs = append(runs, e.Run)
		outcomes = append(outcomes, automation.Outcome{RunID: e.Run.ID, Step: e.Step, Attempt: e.Attempt, Kind: automation.InputReleased})
	}
	return runs, outcomes
}

// performAll performs effects side by side. It leaves out those of runs with a request.
func (p *planner) performAll(ctx context.Context, effects []automation.PlannedEffect, requests map[string]automation.RunRequest) ([]automation.ClaimedRun, []automation.Outcome) {
	runs, outcomes := make([]automation.ClaimedRun, len(effects)), make([]automation.Outcome, len(effects))
	var all sync.WaitGroup
	for i, e := range effects {
		e.Run.Request = requests[e.Run.ID]
		runs[i] = e.Run
		all.Go(func() {
			outcomes[i] = automation.Outcome{RunID: e.Run.ID, Step: e.Step, Attempt: e.Attempt, Kind: automation.InputReleased}
			if e.Run.Request == automation.RequestNone {
				outcomes[i] = p.Perform(ctx, e)
			}
		})
	}
	all.Wait()
	return runs, outcomes
}

func (p *planner) commit(t automation.Transition) automation.CommitResult {
	results, err := p.store.Commit(context.Background(), []automation.Transition{t})
	if err != nil {
		return automation.CommitResult{Err: err}
	}
	return results[0]
}
