package automation

// waitFlow says which events a run has waited for, and received, when it comes
// to a step. The events of a step are a set of bits, words long.
type waitFlow struct {
	bit       map[string]int
	words     int
	waited    []uint64 // events that some path to the step waits for
	sometimes []uint64 // events that some path to the step has received
	always    []uint64 // events that every path to the step has received
}

// newWaitFlow follows all paths from the trigger at once: o.order has each step
// after those that lead to it.
func newWaitFlow(o *stepGraph, names []string) *waitFlow {
	f := &waitFlow{bit: make(map[string]int, len(names)), words: (len(names) + 63) / 64}
	for i, name := range names {
		f.bit[name] = i
	}
	f.waited = make([]uint64, len(o.types)*f.words)
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
func (f *waitFlow) follow(o *stepGraph, from int, l link, seen bool) {
	waited, possible, received := -1, -1, -1
	if wait, ok := o.configs[from].(WaitForEvent); ok {
		waited = f.bit[wait.EventName]
		if o.canMeanReceived(from, wait, l.typ) {
			possible = waited
		}
		if o.meansReceived(from, wait, l.typ) {
			received = waited
		}
	}
	for w := range f.words {
		at, to := from*f.words+w, l.to*f.words+w
		f.waited[to] |= f.waited[at] | wordOf(waited, w)
		f.sometimes[to] |= f.sometimes[at] | wordOf(possible, w)
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
func (o *stepGraph) meansReceived(step int, wait WaitForEvent, typ ConnectionType) bool {
	switch typ {
	case ConnectionTimeout:
		return false
	case ConnectionDefault:
		return wait.Timeout.IsZero() || o.hasBranch(step, ConnectionTimeout)
	default:
		return true
	}
}

// canMeanReceived reports whether a connection of this type can leave the wait
// when the event was received.
func (o *stepGraph) canMeanReceived(step int, wait WaitForEvent, typ ConnectionType) bool {
	return o.meansReceived(step, wait, typ) ||
		typ == ConnectionDefault && !o.hasBranch(step, ConnectionEventReceived)
}

// reception says on which paths to a step an event has been received.
type reception int

const (
	receivedAlways    reception = iota
	receivedSometimes           // on some paths only
	receivedNever               // it was waited for, and never came
	notWaitedFor                // on no path
)

// at says on which paths to the step the event has been received.
func (f *waitFlow) at(step int, event string) reception {
	bit := f.bit[event]
	word, mask := step*f.words+bit/64, uint64(1)<<(bit%64)
	switch {
	case f.waited[word]&mask == 0:
		return notWaitedFor
	case f.always[word]&mask != 0:
		return receivedAlways
	case f.sometimes[word]&mask != 0:
		return receivedSometimes
	default:
		return receivedNever
	}
}
