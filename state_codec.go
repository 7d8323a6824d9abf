package automation

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// The first byte of every encoded State is its version. Decoding refuses a version above
// stateVersion. Version 1 holds the whole output of a condition.
const (
	// wholeVersion is the version of a State that refers to no output. Releases that know
	// no references decode it.
	wholeVersion = 2
	// outputVersion is the version of a State that refers to an output.
	outputVersion = 3
	// stateVersion is the version of a State with a part that only some runs have. A flag
	// stands for each such part.
	stateVersion = 4
)

// errDamagedState is the error for bytes that do not decode to a State of the graph.
var errDamagedState = errors.New("automation: stored run state is damaged")

// The statuses in the encoded form. Their indices are part of the format.
var (
	runStatusCodes  = []RunStatus{"", RunRunning, RunCompleted, RunFailed, RunCancelled}
	stepStatusCodes = []StepStatus{StepPending, StepRunning, StepWaiting, StepCompleted, StepFailed, StepSkipped, StepCancelled}
)

const (
	flagStarted = 1 << iota
	flagAttemptOpen
	flagExit // the state has an exit
)

// AppendBinary appends the encoded state to b, with all outputs that s has. The error is
// always nil.
//
// The format is a version byte, then varints, and byte strings that follow their length.
// Times are microseconds since the start of the run, so that they are short. A run that
// sleeps in its second step takes about 40 bytes, plus the recorded outputs.
func (s State) AppendBinary(b []byte) ([]byte, error) { return s.append(b, false), nil }

// MarshalBinary returns the encoded state, with all outputs that s has. The error is
// always nil.
func (s State) MarshalBinary() ([]byte, error) { return s.marshal(false), nil }

// marshal returns the encoded state. With refer, it refers to the outputs that are stored
// apart, and holds the others.
func (s State) marshal(refer bool) []byte {
	// Encode on the stack first, so that the result takes only the memory that it
	// needs: a process may keep millions of states.
	var buf [1024]byte
	return bytes.Clone(s.append(buf[:0], refer))
}

func (s State) append(b []byte, refer bool) []byte {
	e := stateEncoder{version: s.version(refer), base: s.base(), refer: refer}
	b = append(b, e.version, codeOf(runStatusCodes, s.status), s.flags())
	b = binary.AppendVarint(b, e.base.UnixMicro())
	b = binary.AppendUvarint(b, uint64(s.at))
	b = binary.AppendUvarint(b, uint64(s.tries))
	b = appendTime(b, s.dueAt, e.base)
	b = appendTime(b, s.since, e.base)
	b = binary.AppendUvarint(b, uint64(len(s.steps)))
	for i := range s.steps {
		b = e.step(b, &s.steps[i])
	}
	if s.exit != nil {
		b = e.exit(b, s.exit)
	}
	return b
}

func (e *stateEncoder) exit(b []byte, x *RunExit) []byte {
	b = appendBytes(b, x.Reason)
	b = appendBytes(b, x.Name)
	b = appendBytes(b, x.EventID)
	b = appendBytes(b, x.Step)
	return appendTime(b, x.At, e.base)
}

func (r *stateDecoder) exit() *RunExit {
	return &RunExit{Reason: ExitReason(r.bytes()), Name: string(r.bytes()), EventID: string(r.bytes()), Step: string(r.bytes()), At: r.time()}
}

// stateEncoder holds what the encoding of a step depends on besides the step.
type stateEncoder struct {
	version byte
	base    time.Time
	refer   bool // to outputs that are stored apart, even if they are loaded
}

// version returns the version of the encoded state.
func (s *State) version(refer bool) byte {
	if s.exit != nil {
		return stateVersion
	}
	for i := range s.steps {
		if s.steps[i].isReference(refer) {
			return outputVersion
		}
	}
	return wholeVersion
}

// isReference reports whether the encoded record refers to its output.
func (st *stepState) isReference(refer bool) bool { return st.lacksOutput() || refer && st.apart }

// UnmarshalBinary decodes a state that MarshalBinary encoded, or RunRecord.State. RunID
// stays as it is. The error wraps ErrNewerVersion if a newer version of the library
// encoded the state. The state shares memory with data, so the caller must not change data
// afterwards.
//
// A RunRecord.State leaves out large outputs, which RunReader.FindRunOutputs returns. The
// decoded state has no output for such a step.
func (s *State) UnmarshalBinary(data []byte) error {
	if len(data) > 0 && data[0] > stateVersion {
		return fmt.Errorf("automation: run state has format %d, this process reads up to %d: %w", data[0], stateVersion, ErrNewerVersion)
	}
	r := stateDecoder{rest: data}
	if r.version = r.byte(); r.version == 0 {
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
		f |= flagAttemptOpen
	}
	if s.exit != nil {
		f |= flagExit
	}
	return f
}

func (e *stateEncoder) step(b []byte, st *stepState) []byte {
	b = binary.AppendUvarint(b, uint64(st.index))
	b = append(b, codeOf(stepStatusCodes, st.status))
	b = appendTime(b, st.startedAt, e.base)
	b = appendTime(b, st.completedAt, e.base)
	b = e.output(b, st)
	b = appendBytes(b, st.branch)
	b = appendStepError(b, st.err)
	if st.omitted == 0 {
		b = binary.AppendUvarint(b, uint64(len(st.attempts)))
		return appendAttempts(b, st.attempts, e.base)
	}
	first := min(keptFirst, len(st.attempts))
	b = binary.AppendUvarint(b, uint64(len(st.attempts)+1))
	b = appendAttempts(b, st.attempts[:first], e.base)
	b = appendAttempts(b, []Attempt{{Number: st.omitted, Error: StepError{Code: omittedAttempts}}}, e.base)
	return appendAttempts(b, st.attempts[first:], e.base)
}

// output appends the output. In a version with references, 0 is a reference, and the
// length of an output is one greater than it is.
func (e *stateEncoder) output(b []byte, st *stepState) []byte {
	switch {
	case e.version == wholeVersion:
		return appendBytes(b, st.output)
	case st.isReference(e.refer):
		return append(b, 0)
	default:
		b = binary.AppendUvarint(b, uint64(len(st.output))+1)
		return append(b, st.output...)
	}
}

// omittedAttempts is the code of an entry in the list of attempts that stands for those
// that are not kept. Its number is their count. Earlier releases decode such an entry as
// one more attempt.
const omittedAttempts StepErrorCode = "attempts_omitted"

func appendAttempts(b []byte, attempts []Attempt, base time.Time) []byte {
	for i := range attempts {
		a := &attempts[i]
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

// appendTime appends 0 for the zero time, or else 1 and the microseconds since base.
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

// The least bytes that an item takes: each of its fields takes at least one.
const (
	minStepBytes    = 8
	minAttemptBytes = 3
)

// stateDecoder decodes the bytes of a state. After an error, bad is true and the values
// have no meaning, so the caller looks at bad once, at the end.
type stateDecoder struct {
	version byte
	rest    []byte
	base    time.Time
	bad     bool
}

func (r *stateDecoder) state() State {
	var s State
	s.status = statusAt(r, runStatusCodes)
	flags := r.byte()
	s.started, s.attemptOpen = flags&flagStarted != 0, flags&flagAttemptOpen != 0
	r.base = time.UnixMicro(r.varint()).UTC()
	s.at, s.tries = r.int(), r.int()
	s.dueAt, s.since = r.time(), r.time()
	if n := r.count(minStepBytes); n > 0 {
		s.steps = make([]stepState, n)
	}
	for i := range s.steps {
		r.step(&s.steps[i])
	}
	if flags&flagExit != 0 && r.version >= stateVersion {
		s.exit = r.exit()
	}
	return s
}

func (r *stateDecoder) step(st *stepState) {
	st.index = uint32(r.int())
	st.status = statusAt(r, stepStatusCodes)
	st.startedAt, st.completedAt = r.time(), r.time()
	r.output(st)
	st.branch = ConnectionType(r.bytes())
	st.err = r.stepError()
	r.attempts(st)
}

func (r *stateDecoder) output(st *stepState) {
	n := r.int()
	if r.version > wholeVersion {
		st.apart = n == 0
		n = max(n-1, 0)
	}
	if out := r.take(n); len(out) > 0 {
		st.output = out
	}
}

func (r *stateDecoder) attempts(st *stepState) {
	n := r.count(minAttemptBytes)
	if n > 0 {
		st.attempts = make([]Attempt, 0, n)
	}
	for range n {
		a := Attempt{Number: r.int(), At: r.time()}
		if e := r.stepError(); e != nil {
			a.Error = *e
		}
		if a.Error.Code == omittedAttempts {
			st.omitted += a.Number
			continue
		}
		st.attempts = append(st.attempts, a)
	}
}

func (r *stateDecoder) stepError() *StepError {
	if r.byte() == 0 {
		return nil
	}
	return &StepError{Code: StepErrorCode(r.bytes()), Message: string(r.bytes())}
}

func (r *stateDecoder) byte() byte {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *stateDecoder) bytes() []byte { return r.take(r.int()) }

// take returns the next n bytes.
func (r *stateDecoder) take(n int) []byte {
	if n > len(r.rest) {
		r.bad = true
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// int decodes a count, a length or an index. None is larger than a payload can be.
func (r *stateDecoder) int() int {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || v > 1<<31 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return int(v)
}

// count decodes the number of items that follow. Each item has at least size bytes. A
// damaged count must not allocate memory for more items than rest can hold.
func (r *stateDecoder) count(size int) int {
	n := r.int()
	if n > len(r.rest)/size {
		r.bad = true
		return 0
	}
	return n
}

func (r *stateDecoder) varint() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *stateDecoder) time() time.Time {
	if r.byte() == 0 {
		return time.Time{}
	}
	return time.UnixMicro(r.base.UnixMicro() + r.varint()).UTC()
}

func statusAt[T any](r *stateDecoder, codes []T) T {
	i := int(r.byte())
	if i >= len(codes) {
		r.bad = true
		i = 0
	}
	return codes[i]
}
