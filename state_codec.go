package automation

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// stateVersion leads every encoded State. A reader refuses a higher one. In the
// first, a condition has its whole output.
const stateVersion = 2

// errDamagedState is what decoding returns for bytes that are no State.
var errDamagedState = errors.New("automation: stored run state is damaged")

// The statuses in the encoded form; positions are part of the format.
var (
	runStatusCodes  = []RunStatus{"", RunRunning, RunCompleted, RunFailed, RunCancelled}
	stepStatusCodes = []StepStatus{StepPending, StepRunning, StepWaiting, StepCompleted, StepFailed, StepSkipped, StepCancelled}
)

const (
	flagStarted = 1 << iota
	flagBegun
)

// AppendBinary appends the encoded state to b. It never fails.
//
// The form is a version byte, then varints, and bytes led by their length.
// Times are microseconds after the start of the run's first step, so that they
// are short: a run that sleeps takes about a hundred bytes.
func (s State) AppendBinary(b []byte) ([]byte, error) {
	base := s.base()
	b = append(b, stateVersion, codeOf(runStatusCodes, s.status), s.flags())
	b = binary.AppendVarint(b, base.UnixMicro())
	b = binary.AppendUvarint(b, uint64(s.at))
	b = binary.AppendUvarint(b, uint64(s.tries))
	b = appendTime(b, s.dueAt, base)
	b = appendTime(b, s.since, base)
	b = binary.AppendUvarint(b, uint64(len(s.steps)))
	for i := range s.steps {
		b = s.steps[i].append(b, base)
	}
	return b, nil
}

// MarshalBinary returns the encoded state.
func (s State) MarshalBinary() ([]byte, error) {
	// Encoded on the stack first: most states are small, and millions are kept.
	var buf [1024]byte
	b, err := s.AppendBinary(buf[:0])
	return bytes.Clone(b), err
}

// UnmarshalBinary decodes what MarshalBinary has made and leaves RunID as it
// is. The error wraps ErrNewerVersion if a newer version of the library wrote
// it. The state keeps parts of data.
func (s *State) UnmarshalBinary(data []byte) error {
	if len(data) > 0 && data[0] > stateVersion {
		return fmt.Errorf("automation: run state has format %d, this process reads up to %d: %w", data[0], stateVersion, ErrNewerVersion)
	}
	r := stateReader{rest: data}
	if len(data) == 0 || r.byte() == 0 {
		return errDamagedState
	}
	out := r.state()
	if r.bad || len(r.rest) > 0 {
		return errDamagedState
	}
	out.RunID = s.RunID
	*s = out
	return nil
}

func (s State) base() time.Time {
	if len(s.steps) == 0 {
		return time.UnixMicro(0)
	}
	return s.steps[0].startedAt
}

func (s State) flags() byte {
	var f byte
	if s.started {
		f |= flagStarted
	}
	if s.attemptOpen {
		f |= flagBegun
	}
	return f
}

func (st *stepState) append(b []byte, base time.Time) []byte {
	b = binary.AppendUvarint(b, uint64(st.index))
	b = append(b, codeOf(stepStatusCodes, st.status))
	b = appendTime(b, st.startedAt, base)
	b = appendTime(b, st.completedAt, base)
	b = appendBytes(b, st.output)
	b = appendBytes(b, st.branch)
	b = appendStepError(b, st.err)
	b = binary.AppendUvarint(b, uint64(len(st.attempts)))
	for _, a := range st.attempts {
		b = binary.AppendUvarint(b, uint64(a.Number))
		b = appendTime(b, a.At, base)
		b = appendStepError(b, &a.Error)
	}
	return b
}

func appendStepError(b []byte, e *StepError) []byte {
	if e == nil {
		return append(b, 0)
	}
	b = append(b, 1)
	b = appendBytes(b, e.Code)
	return appendBytes(b, e.Message)
}

func appendBytes[T ~string | ~[]byte](b []byte, v T) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// appendTime writes 0 for the zero time, else 1 and the distance from base.
func appendTime(b []byte, t, base time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	b = append(b, 1)
	return binary.AppendVarint(b, t.UnixMicro()-base.UnixMicro())
}

func codeOf[T comparable](codes []T, v T) byte {
	for i, c := range codes {
		if c == v {
			return byte(i)
		}
	}
	return 0
}

// The shortest forms of what is counted: every field takes at least a byte.
const (
	minStepBytes    = 8
	minAttemptBytes = 3
)

// stateReader reads an encoded state. After an error every read returns a zero
// value and bad is set, so that callers check once, at the end.
type stateReader struct {
	rest []byte
	base time.Time
	bad  bool
}

func (r *stateReader) state() State {
	var s State
	s.status = statusAt(r, runStatusCodes)
	flags := r.byte()
	s.started, s.attemptOpen = flags&flagStarted != 0, flags&flagBegun != 0
	r.base = time.UnixMicro(r.varint()).UTC()
	s.at, s.tries = r.int(), r.int()
	s.dueAt, s.since = r.time(), r.time()
	if n := r.count(minStepBytes); n > 0 {
		s.steps = make([]stepState, n)
	}
	for i := range s.steps {
		r.step(&s.steps[i])
	}
	return s
}

func (r *stateReader) step(st *stepState) {
	st.index = r.int()
	st.status = statusAt(r, stepStatusCodes)
	st.startedAt, st.completedAt = r.time(), r.time()
	if out := r.bytes(); len(out) > 0 {
		st.output = out
	}
	st.branch = ConnectionType(r.bytes())
	st.err = r.stepError()
	if n := r.count(minAttemptBytes); n > 0 {
		st.attempts = make([]Attempt, n)
	}
	for i := range st.attempts {
		a := &st.attempts[i]
		a.Number, a.At = r.int(), r.time()
		if e := r.stepError(); e != nil {
			a.Error = *e
		}
	}
}

func (r *stateReader) stepError() *StepError {
	if r.byte() == 0 {
		return nil
	}
	return &StepError{Code: StepErrorCode(r.bytes()), Message: string(r.bytes())}
}

func (r *stateReader) byte() byte {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *stateReader) bytes() []byte {
	n := r.int()
	if n > len(r.rest) {
		r.bad = true
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// int reads a count or an index; none is ever larger than a payload.
func (r *stateReader) int() int {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || v > 1<<31 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return int(v)
}

// count reads how many items follow, none of which is shorter than size bytes:
// a damaged count must not make room for what cannot be there.
func (r *stateReader) count(size int) int {
	n := r.int()
	if n > len(r.rest)/size {
		r.bad = true
		return 0
	}
	return n
}

func (r *stateReader) varint() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *stateReader) time() time.Time {
	if r.byte() == 0 {
		return time.Time{}
	}
	return time.UnixMicro(r.base.UnixMicro() + r.varint()).UTC()
}

func statusAt[T any](r *stateReader, codes []T) T {
	i := int(r.byte())
	if i >= len(codes) {
		r.bad = true
		i = 0
	}
	return codes[i]
}
