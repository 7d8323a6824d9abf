package automation

// waitFlow says which events a run has waited for, and received, when it comes
// to a step. The events of a step are a set of bits, words long.
type waitFlow struct {
	bit       map[string]int
	words     int
	sometimes []uint64 // events that some path to the step waits for
	always    []uint64 // events that every path to the step has received
}

// newWaitFlow follows all paths from the trigger at once: o.order has each step
// after those that lead to it.
func newWaitFlow(o *outline, names []string) *waitFlow {
	f := &waitFlow{bit: make(map[string]int, len(names)), words: (len(names) + 63) / 64}
	for i, name := range names {
		f.bit[name] = i
	}
	f.sometimes = make([]uint64, len(o.types)*f.words)
	f.always = make([]uint64, len(o.types)*f.words)
	seen := make([]bool, len(o.types))
	for _, from := range o.order {
		for _, l := range o.out(from) {
			if l.to >= 0 {
				f.follow(o, from, l, seen[l.to])
				seen[l.to] = true
			}
		}
	}
	return f
}

// follow carries what is known at a step over one of its connections. If the
// target was seen already, another path leads there too.
func (f *waitFlow) follow(o *outline, from int, l link, seen bool) {
	waited, received := -1, -1
	if wait, ok := o.configs[from].(WaitForEvent); ok {
		waited = f.bit[wait.EventName]
		if o.meansReceived(from, wait, l.typ) {
			received = waited
		}
	}
	for w := range f.words {
		at, to := from*f.words+w, l.to*f.words+w
		f.sometimes[to] |= f.sometimes[at] | wordOf(waited, w)
		always := f.always[at] | wordOf(received, w)
		if seen {
			always &= f.always[to]
		}
		f.always[to] = always
	}
}

// wordOf returns word w of the set that holds bit, or nothing if bit is -1.
func wordOf(bit, w int) uint64 {
	if bit < 0 || bit/64 != w {
		return 0
	}
	return 1 << (bit % 64)
}

// meansReceived reports whether a connection of this type leaves the wait only
// when the event was received.
func (o *outline) meansReceived(step int, wait WaitForEvent, typ ConnectionType) bool {
	switch typ {
	case ConnectionTimeout:
		return false
	case ConnectionDefault:
		return wait.Timeout.IsZero() || o.hasBranch(step, ConnectionTimeout)
	default:
		return true
	}
}

// at reports whether some path to the step waits for the event, and whether
// every path has received it.
func (f *waitFlow) at(step int, event string) (sometimes, always bool) {
	bit := f.bit[event]
	word, mask := step*f.words+bit/64, uint64(1)<<(bit%64)
	return f.sometimes[word]&mask != 0, f.always[word]&mask != 0
}
