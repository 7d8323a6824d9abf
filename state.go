package automation

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"
)

// State is the position and history of a run. It is small, immutable and serialisable.
// Advance makes each State from the previous one, and the same inputs give the same
// encoded bytes. The zero State is the state of a run that has not started.
type State struct {
	// RunID is the run's id. It is not part of the encoded bytes.
	RunID string

	status      RunStatus
	started     bool
	at          int       // index of the current step
	attemptOpen bool      // an attempt is handed out and its outcome is not recorded
	tries       int       // attempts spent on the current step, including an open one
	dueAt       time.Time // end of the sleep, the wait or the back-off; zero for none
	// since is when the current sequence of steps was due, for MaxLateness. In a wait it
	// is the ReadAt of the input with which the wait began: the end of the wait sets it
	// anew.
	since time.Time
	steps []stepState
	// exit is why the run ended early, if it is completed. In a running run an attempt is in
	// flight, and the run ends once that is settled.
	exit *RunExit
}

// stepState is the record of a step that the run reached. The first two fields share a
// word, so that the records of a run take less memory.
type stepState struct {
	index       uint32
	apart       bool // the store keeps the output beside the state; output is nil until it is loaded
	status      StepStatus
	startedAt   time.Time
	completedAt time.Time
	attempts    []Attempt
	omitted     int // attempts after the first keptFirst that are not kept
	err         *StepError
	branch      ConnectionType // of a branch step or a split, and of a custom step unless it is the default
	output      json.RawMessage
}

// setOutput records the output of the step.
func (st *stepState) setOutput(out json.RawMessage) { st.output, st.apart = out, false }

// lacksOutput reports whether the output is stored apart and not loaded.
func (st *stepState) lacksOutput() bool { return st.apart && st.output == nil }

// Status returns the run's status. A run that has not started is running.
func (s State) Status() RunStatus {
	if s.status == "" {
		return RunRunning
	}
	return s.status
}

// DueAt returns when the run must be woken: at the end of a delay, of a wait or of a
// back-off. It returns the zero time for a run that is not due at any time.
func (s State) DueAt() time.Time { return s.dueAt }

// Exit returns why a completed run ended early, nil for any other run. Do not change it.
func (s State) Exit() *RunExit {
	if s.status != RunCompleted {
		return nil
	}
	return s.exit
}

// AttemptOpen reports whether an attempt is open: it was handed out and its outcome is
// not recorded.
func (s State) AttemptOpen() bool { return s.attemptOpen }

// failureCode returns the code of the latest error of the current step, "" for none.
func (s *State) failureCode() StepErrorCode {
	if len(s.steps) == 0 || s.current().err == nil {
		return ""
	}
	return s.current().err.Code
}

// current returns the record of the current step. The caller must own the records before
// it changes this one.
func (s *State) current() *stepState { return &s.steps[len(s.steps)-1] }

// isStarted reports whether the run has reached its first step.
func (s State) isStarted() bool { return s.started }

// startedAt returns the start of the run: the time at which its event was accepted.
func (s *State) startedAt() time.Time { return s.steps[0].startedAt }

// postpone makes the run due at the given time instead of now.
func (s *State) postpone(until time.Time) { s.dueAt = until }

// reset empties s, and keeps the capacity of its records for another run.
func (s *State) reset() {
	clear(s.steps)
	*s = State{steps: s.steps[:0]}
}

// own gives s its own copy of the records, with capacity for more.
func (s *State) own() {
	steps := make([]stepState, len(s.steps), len(s.steps)+4)
	copy(steps, s.steps)
	s.steps = steps
}

// failure returns why the run ended, if it did not complete.
func (s State) failure() *StepError {
	if s.status != RunFailed && s.status != RunCancelled || len(s.steps) == 0 {
		return nil
	}
	return s.steps[len(s.steps)-1].err
}

// decode decodes the stored state of a run. A run that no process could start yet has no
// stored state.
func (g *Graph) decode(runID string, stored []byte) (State, error) {
	s := State{RunID: runID}
	if len(stored) == 0 {
		return s, nil
	}
	if err := s.UnmarshalBinary(stored); err != nil {
		return s, err
	}
	if !g.fits(s) {
		return s, errDamagedState
	}
	return s, nil
}

// lacksOutputs reports whether an output of s is stored apart and not loaded.
func (s *State) lacksOutputs() bool {
	return slices.ContainsFunc(s.steps, func(st stepState) bool { return st.lacksOutput() })
}

// needsOutputs reports whether a step of g may read an output that s lacks: wait_events
// are in the outputs of waits.
func (g *Graph) needsOutputs(s *State) bool {
	return slices.ContainsFunc(s.steps, func(st stepState) bool {
		n := &g.steps[st.index]
		return st.lacksOutput() && (n.recalled || g.readsWait && n.waits() || slices.Contains(g.readsSteps, int(st.index)))
	})
}

// erasedMessage replaces all error messages of a run whose contact is erased, because a
// message may quote personal data.
const erasedMessage = "erased"

// cancel ends a run whose contact is erased. It needs no graph. A run that has not
// started has no step to cancel.
func (s *State) cancel(now time.Time) {
	if !s.started {
		return
	}
	st := s.current()
	st.status, st.completedAt, st.err = StepCancelled, now, &StepError{Code: CancelledContactGone}
	s.status, s.attemptOpen, s.dueAt = RunCancelled, false, time.Time{}
}

// scrub removes the outputs and the error messages of all steps. Statuses and times stay.
func (s *State) scrub() {
	for i := range s.steps {
		st := &s.steps[i]
		st.setOutput(nil)
		if st.err != nil {
			st.err = &StepError{Code: st.err.Code, Message: erasedMessage}
		}
		for j := range st.attempts {
			st.attempts[j].Error.Message = erasedMessage
		}
	}
}

// StepRuns returns the records of all steps in graph order. A step that the run has not
// reached is pending if the run can still reach it, and skipped otherwise. StepRuns
// returns nil if s does not fit the graph.
func (g *Graph) StepRuns(s State) []StepRun {
	if !g.fits(s) {
		return nil
	}
	reached := make([]*stepState, len(g.steps))
	for i := range s.steps {
		reached[s.steps[i].index] = &s.steps[i]
	}
	var ahead []bool
	if s.Status() == RunRunning {
		ahead = g.ahead(s.at)
	}
	runs := make([]StepRun, 0, len(g.order))
	for _, i := range g.order {
		runs = append(runs, g.stepRun(i, reached[i], ahead != nil && ahead[i]))
	}
	return runs
}

func (g *Graph) stepRun(i int, st *stepState, ahead bool) StepRun {
	r := StepRun{Key: g.steps[i].key, Type: g.steps[i].typ, Status: StepSkipped}
	if st == nil {
		if ahead {
			r.Status = StepPending
		}
		return r
	}
	r.Status, r.Output, r.Error, r.Attempts = st.status, g.output(st), st.err, st.attempts
	r.AttemptsOmitted = st.omitted
	r.Branch = g.steps[i].branch(st)
	r.CreatedAt, r.StartedAt, r.CompletedAt = st.startedAt, st.startedAt, st.completedAt
	return r
}

// output returns the output of a step. The state leaves out what follows from the graph,
// and output adds it: the end of a delay, and the operands that rules compared.
func (g *Graph) output(st *stepState) json.RawMessage {
	switch n := &g.steps[st.index]; n.typ {
	case TypeDelay:
		if st.output != nil { // of a run that another one replaced
			break
		}
		return timeOutput("resume_at", stamp(st.startedAt.Add(n.duration)))
	case TypeCondition:
		if met, outcomes, ok := readOutcomes(st.output); ok {
			return conditionOutput(met, n.rule, outcomes)
		}
	case TypeBranch:
		return n.armsOutput(st)
	case TypeSplit:
		return n.split.output(st)
	}
	return st.output
}

// changes returns the records, in after, of the steps that differ between two states of a
// run. They are in the order in which the run reached the steps.
func (g *Graph) changes(before, after State) []StepRun {
	var changed []StepRun
	for i := range after.steps {
		st := &after.steps[i]
		if i < len(before.steps) && st.same(&before.steps[i]) {
			continue
		}
		changed = append(changed, g.stepRun(int(st.index), st, false))
	}
	return changed
}

// same reports whether two records look the same to an Observer.
func (st *stepState) same(o *stepState) bool {
	return st.status == o.status && st.completedAt.Equal(o.completedAt) && len(st.attempts) == len(o.attempts) &&
		st.omitted == o.omitted && bytes.Equal(st.output, o.output)
}

// ahead reports, for each step, whether a run at the step from can reach it.
func (g *Graph) ahead(from int) []bool {
	seen := make([]bool, len(g.steps))
	var visit func(i int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		for _, e := range g.steps[i].edges {
			visit(e.to)
		}
	}
	visit(from)
	return seen
}

// branch returns the outcome of a step: the result of a condition, whether a wait
// received its event or timed out, the variant of a split, or the branch that a branch step
// or a custom step took.
func (n *node) branch(st *stepState) ConnectionType {
	if n.waits() && st.branch == "" && st.lacksOutput() {
		return ConnectionEventReceived // the output of a timeout is too small to be stored apart
	}
	if n.typ != TypeCondition && !n.waits() || st.branch != "" || len(st.output) == 0 {
		return st.branch
	}
	if met, _, ok := readOutcomes(st.output); ok {
		if met {
			return ConnectionConditionMet
		}
		return ConnectionConditionNotMet
	}
	var out struct {
		Branch     ConnectionType `json:"branch"`
		EventName  string         `json:"event_name"`
		TimedOutAt string         `json:"timed_out_at"`
	}
	switch _ = json.Unmarshal(st.output, &out); {
	case out.EventName != "":
		return ConnectionEventReceived
	case out.TimedOutAt != "":
		return ConnectionTimeout
	}
	return out.Branch
}
