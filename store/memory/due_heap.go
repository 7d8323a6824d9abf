package memory

// dueHeap is a priority queue of contact states. The state that is due first is at the
// root.
//
// Its nodes have eight children, to have few levels. Most changes make a sleeping
// contact due at once and so move its state all the way up. Each level then costs a
// write to the state that moves down, wherever in memory that is.
type dueHeap []slot

// slot repeats the due time of its state, so that a comparison does not touch the
// state.
type slot struct {
	due     micros
	contact *contactState
}

const children = 8

// set moves cs to where a state with this due time belongs. For 0 it removes cs.
func (h *dueHeap) set(cs *contactState, due micros) {
	cs.due = due
	if due == 0 {
		h.remove(cs)
		return
	}
	if cs.heapIndex == 0 {
		*h = append(*h, slot{})
		cs.heapIndex = int32(len(*h))
	}
	h.settle(slot{due, cs}, int(cs.heapIndex-1))
}

func (h *dueHeap) remove(cs *contactState) {
	if cs.heapIndex == 0 {
		return
	}
	hole, last := int(cs.heapIndex-1), len(*h)-1
	moved := (*h)[last]
	(*h)[last] = slot{}
	*h = (*h)[:last]
	if cs.heapIndex = 0; hole < last {
		h.settle(moved, hole)
	}
}

// settle puts s into the hole, or above or below it.
func (h dueHeap) settle(s slot, hole int) {
	for hole > 0 {
		parent := (hole - 1) / children
		if h[parent].due <= s.due {
			break
		}
		h.put(h[parent], hole)
		hole = parent
	}
	for {
		child := h.first(hole)
		if child < 0 || h[child].due >= s.due {
			break
		}
		h.put(h[child], hole)
		hole = child
	}
	h.put(s, hole)
}

// first returns the child of i that is due first, or -1 if i has no child.
func (h dueHeap) first(i int) int {
	from := i*children + 1
	if from >= len(h) {
		return -1
	}
	least := from
	for c := from + 1; c < min(from+children, len(h)); c++ {
		if h[c].due < h[least].due {
			least = c
		}
	}
	return least
}

func (h dueHeap) put(s slot, i int) {
	h[i] = s
	s.contact.heapIndex = int32(i + 1)
}

// each calls visit for the states that are due by a time, in no order, from the node i
// down.
func (h dueHeap) each(until micros, i int, visit func(cs *contactState)) {
	if i >= len(h) || h[i].due > until {
		return
	}
	visit(h[i].contact)
	for c := i*children + 1; c <= (i+1)*children; c++ {
		h.each(until, c, visit)
	}
}
