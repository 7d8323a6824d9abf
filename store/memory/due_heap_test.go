package memory

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// requireHeap fails unless every state is due no earlier than its parent, and has its
// index in the heap.
func requireHeap(t require.TestingT, h dueHeap) {
	for i, s := range h {
		require.EqualValues(t, i+1, s.contact.heapIndex)
		require.Equal(t, s.contact.due, s.due)
		if i > 0 {
			require.LessOrEqual(t, h[(i-1)/children].due, s.due)
		}
	}
}

func TestDueHeap_EarliestIsFirst(t *testing.T) {
	t.Parallel()
	var h dueHeap
	var want []micros
	for i := range 1000 {
		due := micros(i*7919%1009 + 1)
		want = append(want, due)
		h.set(&contactState{id: fmt.Sprint(i)}, due)
	}
	requireHeap(t, h)
	slices.Sort(want)
	var got []micros
	for len(h) > 0 {
		cs := h[0].contact
		got = append(got, cs.due)
		h.set(cs, 0)
		assert.Zero(t, cs.heapIndex)
	}
	assert.Equal(t, want, got)
}

func TestDueHeap_RemovingAnAbsentStateChangesNothing(t *testing.T) {
	t.Parallel()
	var h dueHeap
	in, out := &contactState{}, &contactState{}
	h.set(in, 5)
	h.set(out, 0)
	assert.Equal(t, dueHeap{{5, in}}, h)
}

func TestDueHeap_KeepsNoReferenceToARemovedState(t *testing.T) {
	t.Parallel()
	var h dueHeap
	a, b := &contactState{}, &contactState{}
	h.set(a, 1)
	h.set(b, 2)
	h.set(b, 0)
	assert.Equal(t, slot{}, h[:2][1], "the garbage collector cannot free a removed state")
}

func TestDueHeap_StaysInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var h dueHeap
		states := make([]contactState, rapid.IntRange(1, 200).Draw(t, "states"))
		due := map[*contactState]micros{}
		for _, op := range rapid.SliceOf(rapid.IntRange(0, 1<<20)).Draw(t, "changes") {
			cs, at := &states[op%len(states)], micros(op/len(states)%50)
			h.set(cs, at)
			if due[cs] = at; at == 0 {
				delete(due, cs)
			}
		}
		requireHeap(t, h)
		require.Len(t, h, len(due))
		for cs, at := range due {
			require.Equal(t, at, h[cs.heapIndex-1].due)
		}
	})
}
