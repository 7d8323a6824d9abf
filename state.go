package automation

import (
	"encoding/json"
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
	since       time.Time // when the current sequence of steps was due, for MaxLateness
	steps       []stepState
}

// stepState is the record of a step that the run reached.
type stepState struct {
	index       int
	status      StepStatus
	startedAt   time.Time
	completedAt time.Time
	attempts    []Attempt
	err         *StepError
	branch      ConnectionType // the branch of a custom step, unless it is the default
	output      json.RawMessage
}

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

// AttemptOpen reports whether an attempt is open: it was handed out and its outcome is
// not recorded.
func (s State) AttemptOpen() bool { return s.attemptOpen }

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
		st.output = nil
		if st.err != nil {
			st.err = &StepError{Code: st.err.Code, Message: erasedMessage}
		}
		for j := range st.attempts {
			st.attempts[j].Error.Message = erasedMessage
		}
	}
}
