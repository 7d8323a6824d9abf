package automation

import (
	"encoding/json"
	"time"
)

// State is where a run stands: small, immutable and serialisable. Advance
// makes each State from the one before; the same inputs give the same bytes.
// The zero State is that of a run that has not started.
type State struct {
	// RunID is the run's id. It is not part of the encoded bytes.
	RunID string

	status      RunStatus
	started     bool
	at          int       // index of the current step
	attemptOpen bool      // an attempt was handed out and nothing was heard of it
	tries       int       // attempts spent on the current step, including a begun one
	dueAt       time.Time // end of the sleep, the wait or the back-off; zero for none
	since       time.Time // when this stretch of steps was due, for MaxLateness
	steps       []stepState
}

// stepState is the record of a step that was reached.
type stepState struct {
	index       int
	status      StepStatus
	startedAt   time.Time
	completedAt time.Time
	attempts    []Attempt
	err         *StepError
	branch      ConnectionType // that a custom step took, if it was not the default
	output      json.RawMessage
}

// Status returns the run's status.
func (s State) Status() RunStatus {
	if s.status == "" {
		return RunRunning
	}
	return s.status
}

// DueAt returns when the run goes on by itself, or the zero time.
func (s State) DueAt() time.Time { return s.dueAt }

// AttemptOpen reports whether an attempt at an effect was handed out whose outcome
// is not known.
func (s State) AttemptOpen() bool { return s.attemptOpen }

// current returns the record of the current step. Advance calls it on its own
// copy of the records only.
func (s *State) current() *stepState { return &s.steps[len(s.steps)-1] }

// isStarted reports whether the run has reached its first step.
func (s State) isStarted() bool { return s.started }

// startedAt returns when the run's first step began.
func (s *State) startedAt() time.Time { return s.steps[0].startedAt }

// postpone lets the run go on at the given time instead of now.
func (s *State) postpone(until time.Time) { s.dueAt = until }

// reset empties s and keeps the room of its records for another run.
func (s *State) reset() {
	clear(s.steps)
	*s = State{steps: s.steps[:0]}
}

// own gives s a copy of its records, with room for those to come.
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

// decode returns the state of a run from its stored form. A run that could not be
// started yet has no stored form.
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

// erasedMessage replaces every error message: it may quote anything.
const erasedMessage = "erased"

// cancel ends a run without its graph, because its contact is erased. A run that has
// not started has no step to cancel.
func (s *State) cancel(now time.Time) {
	if !s.started {
		return
	}
	st := s.current()
	st.status, st.completedAt, st.err = StepCancelled, now, &StepError{Code: CancelledContactGone}
	s.status, s.attemptOpen, s.dueAt = RunCancelled, false, time.Time{}
}

// scrub removes the outputs and messages of all steps. Their statuses and times stay.
func (s *State) scrub() {
	for i := range s.steps {
		st := &s.steps[i]
		st.output = nil
		if st.err != nil {
			st.err = &StepError{Code: st.err.Code, Message: erasedMessage}
		}
		for j := range st.attempts {
			st.attempts[j].Error.Message = erasedMessage
		}
	}
}
