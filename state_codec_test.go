package automation

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func genTime(t *rapid.T) time.Time {
	if rapid.IntRange(0, 3).Draw(t, "no time") == 0 {
		return time.Time{}
	}
	return stamp(time.UnixMicro(rapid.Int64().Draw(t, "time")))
}

func genStepError(t *rapid.T) *StepError {
	if rapid.Bool().Draw(t, "no error") {
		return nil
	}
	return &StepError{Code: StepErrorCode(rapid.String().Draw(t, "code")), Message: rapid.String().Draw(t, "message")}
}

func genState(t *rapid.T) State {
	index := rapid.IntRange(0, 200)
	steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) stepState {
		st := stepState{
			index: uint32(index.Draw(t, "index")), status: rapid.SampledFrom(stepStatusCodes).Draw(t, "status"),
			startedAt: genTime(t), completedAt: genTime(t), err: genStepError(t),
		}
		if out := rapid.SliceOf(rapid.Byte()).Draw(t, "output"); len(out) > 0 {
			st.output = out
		}
		st.apart = rapid.Bool().Draw(t, "apart")
		for range rapid.IntRange(0, 3).Draw(t, "attempts") {
			a := Attempt{Number: rapid.IntRange(0, 1<<31).Draw(t, "number"), At: genTime(t)}
			if e := genStepError(t); e != nil {
				a.Error = *e
			}
			st.attempts = append(st.attempts, a)
		}
		if len(st.attempts) > 0 {
			st.omitted = rapid.IntRange(0, 2).Draw(t, "omitted")
		}
		return st
	}), 0, 5).Draw(t, "steps")
	if len(steps) == 0 {
		steps = nil
	}
	return State{
		RunID: "run-1", status: rapid.SampledFrom(runStatusCodes).Draw(t, "run status"),
		started: rapid.Bool().Draw(t, "started"), attemptOpen: rapid.Bool().Draw(t, "begun"),
		at: index.Draw(t, "at"), tries: rapid.IntRange(0, 1<<31).Draw(t, "tries"),
		dueAt: genTime(t), since: genTime(t), steps: steps,
	}
}

func TestState_EncodesAndDecodes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := genState(t)
		whole := s
		whole.own()
		for i := range whole.steps {
			whole.steps[i].apart = whole.steps[i].lacksOutput() // what is loaded is in the bytes
		}
		if len(whole.steps) == 0 {
			whole.steps = nil
		}
		require.Equal(t, whole, restored(t, s))
		appended, err := s.AppendBinary([]byte("before"))
		require.NoError(t, err)
		require.Equal(t, "before"+string(stateBytes(t, s)), string(appended))
	})
}

// The encoded state with references and the outputs beside it are the whole state.
func TestState_RefersToOutputsThatAreStoredApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := genState(t)
		back := State{RunID: s.RunID}
		require.NoError(t, back.UnmarshalBinary(s.marshal(true)))
		require.Equal(t, s.marshal(true), back.marshal(true))
		require.Equal(t, s.marshal(true), stateBytes(t, back), "outputs that are not loaded stay references")
		for i := range back.steps {
			if s.steps[i].apart {
				require.True(t, back.steps[i].lacksOutput())
				back.steps[i].output = s.steps[i].output
			}
		}
		require.Equal(t, s, back)
		require.Equal(t, stateBytes(t, s), stateBytes(t, back))
	})
}

// Releases that know no references decode a state without one, and refuse the others.
func TestState_BytesOfEachVersion(t *testing.T) {
	t.Parallel()
	f := startFlow(t, sequence(WaitForEvent{EventName: "order.paid"}, hour), CompileOptions{}, `{"plan":"pro"}`)
	f.pay()
	const run, trigger = "\x01\x01\x80\x90\xa1\x9f\xd6\xfc\xa5\x06\x02\x00\x01\x80\x90\x9d\xe9\x1a\x01\x00\x03", "\x00\x03\x01\x00\x01\x00"
	const output = `{"event_id":"event-order.paid","event_name":"order.paid","payload":{"amount":5}}`
	const wait, delay = "\x01\x03\x01\x00\x01\x00", "\x02\x02\x01\x00\x00"
	const rest = "\x00\x00\x00" // no branch, no error, no attempts
	assert.Equal(t, "\x02"+run+trigger+"\x00"+rest+wait+"\x50"+output+rest+delay+"\x00"+rest, string(stateBytes(t, f.state)))
	assert.Equal(t, stateBytes(t, f.state), f.state.marshal(true))
	f.state.steps[1].apart = true
	assert.Equal(t, "\x03"+run+trigger+"\x01"+rest+wait+"\x00"+rest+delay+"\x01"+rest, string(f.state.marshal(true)))
}

func TestState_ZeroIsARunThatHasNotStarted(t *testing.T) {
	t.Parallel()
	s := State{RunID: "run-1"}
	assert.Equal(t, RunRunning, s.Status())
	assert.Equal(t, s, restored(t, s))
	f := newFlow(t, sequence(hour), CompileOptions{})
	assert.Equal(t, Action{Kind: ActionSleep}, f.graph.Action(s))
}

// A process may keep millions of sleeping runs.
func TestState_OfASleepingRunIsSmall(t *testing.T) {
	t.Parallel()
	f := startFlow(t, sequence(hour), CompileOptions{}, `{"plan":"pro"}`)
	assert.Less(t, len(stateBytes(t, f.state)), 100)
}

// Version 1 holds the whole output of a condition.
func TestState_OfTheFirstVersion(t *testing.T) {
	t.Parallel()
	const output = `{"branch":"condition_not_met","rules":[]}`
	f := startFlow(t, fork(Condition{Rule: Field("event.plan").Eq("pro")}), CompileOptions{}, `{"plan":"pro"}`)
	for i := range f.state.steps {
		if st := &f.state.steps[i]; f.graph.steps[st.index].typ == TypeCondition {
			st.output = []byte(output)
		}
	}
	b := stateBytes(t, f.state)
	b[0] = 1
	require.NoError(t, f.state.UnmarshalBinary(b))
	var read StepRun
	for _, r := range f.graph.StepRuns(f.state) {
		if r.Type == TypeCondition {
			read = r
		}
	}
	assert.JSONEq(t, output, string(read.Output))
	assert.Equal(t, ConnectionConditionNotMet, read.Branch)
}

func TestState_OfANewerVersion(t *testing.T) {
	t.Parallel()
	b := stateBytes(t, startFlow(t, sequence(hour), CompileOptions{}, "").state)
	b[0] = stateVersion + 1
	for _, data := range [][]byte{b, b[:1], append(b, 1, 2, 3)} {
		s := State{RunID: "run-1"}
		require.ErrorIs(t, s.UnmarshalBinary(data), ErrNewerVersion)
		require.Equal(t, State{RunID: "run-1"}, s, "a failed decoding changes nothing")
	}
}

func TestState_Damaged(t *testing.T) {
	t.Parallel()
	f := startFlow(t, sequence(hour, welcome), noJitter, "")
	f.pass(time.Hour)
	f.fail(errors.New("busy"))
	f.state.steps[0].setOutput(json.RawMessage(`{"as":"stored"}`))
	f.state.steps[1].apart = true
	whole := f.state.marshal(true)
	damaged := func(t *testing.T, data []byte) {
		t.Helper()
		s := State{RunID: "run-1"}
		require.ErrorIs(t, s.UnmarshalBinary(data), errDamagedState)
		require.Equal(t, State{RunID: "run-1"}, s, "a failed decoding changes nothing")
	}
	t.Run("cut off", func(t *testing.T) {
		t.Parallel()
		for n := range whole {
			damaged(t, whole[:n])
		}
	})
	t.Run("with more behind it", func(t *testing.T) {
		t.Parallel()
		damaged(t, append(bytes.Clone(whole), 0))
	})
	t.Run("version 0", func(t *testing.T) {
		t.Parallel()
		damaged(t, append([]byte{0}, whole[1:]...))
	})
	t.Run("a status that does not exist", func(t *testing.T) {
		t.Parallel()
		b := bytes.Clone(whole)
		b[1] = byte(len(runStatusCodes))
		damaged(t, b)
	})
	t.Run("numbers that never end", func(t *testing.T) {
		t.Parallel()
		damaged(t, append([]byte{stateVersion, 1, 1}, bytes.Repeat([]byte{0xff}, 20)...))
	})
}

// For a damaged length, decoding must not allocate more than a small multiple of the
// input. The test is not parallel, because it measures allocations.
func TestState_DamagedLengthsAllocateLittle(t *testing.T) {
	const size = 1 << 20
	head := []byte{stateVersion, 1, flagStarted, 0, 0, 0, 0, 0}
	steps := append(binary.AppendUvarint(bytes.Clone(head), size), make([]byte, size)...)
	attempts := append(append(bytes.Clone(head), 1, 0, 0, 0, 0, 0, 0), binary.AppendUvarint(nil, size)...)
	attempts = append(attempts, make([]byte, size)...)
	for name, data := range map[string][]byte{"steps": steps, "attempts": attempts} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var s State
		require.ErrorIs(t, s.UnmarshalBinary(data), errDamagedState, name)
		runtime.ReadMemStats(&after)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64*size), name)
	}
}

func FuzzStateUnmarshal(f *testing.F) {
	paid := sequence(WaitForEvent{EventName: "order.paid", Timeout: DurationOf(time.Hour)}, welcome, hour)
	run := startFlow(f, paid, noJitter, `{"plan":"pro"}`)
	add := func() { f.Add(stateBytes(f, run.state)) }
	f.Add(stateBytes(f, State{}))
	f.Add([]byte("\x01\x0300\x000\x00\x00\x00")) // failed, and never started
	add()
	run.pay()
	add()
	run.fail(errors.New("busy"))
	add()
	run.pass(time.Minute)
	run.do(Input{Kind: InputSucceeded, Output: json.RawMessage(`{"to":"ada@example.com"}`)})
	add()
	run.do(Input{Kind: InputCancelled, Code: CancelledByRequest, Reason: "enough"})
	add()
	for i := range run.state.steps {
		run.state.steps[i].apart = true
		f.Add(run.state.marshal(true))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var s State
		if s.UnmarshalBinary(data) != nil {
			return
		}
		encoded := stateBytes(t, s)
		require.Equal(t, encoded, s.marshal(true), "no output is stored apart and loaded")
		back := restored(t, s)
		require.Equal(t, s, back)
		require.Equal(t, encoded, stateBytes(t, back))

		// A state that can be decoded does not fit the graph, or works.
		run.graph.Action(s)
		run.graph.StepRuns(s)
		for kind := InputStarted; kind <= InputRetried; kind++ {
			next, _, err := run.graph.Advance(s, Input{Kind: kind, Now: flowStart, Event: run.event("order.paid", "{}"), Err: errors.New("busy")})
			require.Equal(t, encoded, stateBytes(t, s), "Advance has changed its input")
			if err == nil {
				restored(t, next)
			}
		}
	})
}
