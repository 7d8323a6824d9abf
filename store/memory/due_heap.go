package memory

// dueHeap is a priority queue of desks, the one that is due first at its root.
//
// Its nodes have eight children: most changes make a sleeping desk due at once
// and so move it all the way up, and on that way each level costs a write to the
// desk that is moved down, wherever in memory it is.
type dueHeap []slot

// slot repeats the desk's due time, so that comparing does not touch the desk.
type slot struct {
	due     micros
	contact *contactState
}

const children = 8

// set puts d where a desk that is due at the given time belongs, or takes it
// out for 0.
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

// settle puts s into the hole, or up or down from there.
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

// first returns the child of i that is due first, or -1 if i has none.
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
