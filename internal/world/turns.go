package world

import (
	"encoding/json"
	"errors"
	"flag"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// byTurns makes Drain use Plan and Perform instead of the Runner's own Drain.
var byTurns = flag.Bool("turns", false, "drain with Runner.Plan and Runner.Perform alone")

// turnsLease is the lease of drainByTurns.
const turnsLease = time.Minute

// maxClockStep is how far a clock may be set back without an effect on the loop of turns, and
// on a Runner.
const maxClockStep = time.Minute

// turnsTime is the time of a loop of turns. Like the time of a Runner, it does not go back
// when the clock is corrected a little: the loop claims events that a Runner accepted, and a
// claim at an earlier time would not bring them.
type turnsTime struct {
	mu     sync.Mutex
	latest time.Time
}

func (t *turnsTime) now(clock automation.Clock) time.Time {
	now := clock.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.After(t.latest) || t.latest.Sub(now) > maxClockStep {
		t.latest = now
	}
	return t.latest
}

// drainByTurns does what the Runner's Drain does, as an engine would: it plans turns, writes
// them, and performs their effects. It returns how many turns wrote something.
func (w *World) drainByTurns() (n int) {
	for {
		now := w.turns.now(w.Opts.Clock)
		works, err := w.Store.Claim(w.Ctx, automation.ClaimParams{Now: now, Lease: turnsLease, Limit: 10, Events: 256, Runs: 1024})
		require.NoError(w.T, err)
		if len(works) == 0 {
			return n
		}
		for _, work := range works {
			n += w.takeTurns(automation.TurnInput{Work: work, ReadAt: now, MoreEvents: len(work.Events) == 256})
		}
	}
}

// takeTurns takes turns of a contact until nothing is left to perform.
func (w *World) takeTurns(in automation.TurnInput) (n int) {
	for {
		turn, err := w.Runner.Plan(w.Ctx, in)
		require.NoError(w.T, err)
		tr := turn.Transition
		tr.Extend, tr.Release = turn.Now.Add(turnsLease), len(turn.Effects) == 0
		res := w.commit(tr)
		if errors.Is(res.Err, automation.ErrConflict) { // an automation was stopped since the claim
			w.commit(automation.Transition{Key: in.Key, Token: in.Token, Now: turn.Now, Release: true})
			return n
		}
		require.NoError(w.T, res.Err)
		w.Runner.Announce(turn)
		n += len(tr.Handled) + len(tr.Runs)
		if tr.Release {
			return n
		}
		in = w.outcomes(turn, res)
	}
}

// outcomes performs the effects of a turn that is written, and returns what the next turn
// works on.
func (w *World) outcomes(turn automation.Turn, res automation.CommitResult) automation.TurnInput {
	in := automation.TurnInput{Work: automation.Work{Key: turn.Key, Token: turn.Token, Contact: res.Contact}}
	for _, e := range turn.Effects {
		outcome := automation.Outcome{RunID: e.Run.ID, Step: e.Step, Attempt: e.Attempt, Kind: automation.InputReleased}
		e.Run.Request = res.Requests[e.Run.ID]
		if e.Run.Request == automation.RequestNone && !res.Pending { // an event may end the run
			outcome = moved(w, w.Runner.Perform(w.Ctx, moved(w, e)))
		}
		in.Runs, in.Outcomes = append(in.Runs, e.Run), append(in.Outcomes, outcome)
	}
	return in
}

func (w *World) commit(tr automation.Transition) automation.CommitResult {
	results, err := w.Store.Commit(w.Ctx, []automation.Transition{tr})
	require.NoError(w.T, err)
	return results[0]
}

// moved returns v as another process would receive it.
func moved[T any](w *World, v T) (received T) {
	text, err := json.Marshal(v)
	require.NoError(w.T, err)
	require.NoError(w.T, json.Unmarshal(text, &received))
	return received
}
