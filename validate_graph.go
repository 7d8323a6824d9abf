package automation

import "slices"

// stepGraph is the shape of an automation that may be wrong: all of its steps and
// connections that lead from one step to another.
type stepGraph struct {
	configs  []StepConfig   // of each step, without pointers; nil for none
	types    []StepType     // "" for a step without a config
	index    map[string]int // the first step that has a key
	trigger  int            // the first trigger, or -1
	triggers int

	ends  []ends // of each connection
	links []link // by step: those of step i are links[first[i]:first[i+1]]
	first []int

	order   []int         // steps reached from the trigger, each after those that lead to it
	reached []bool        // whether a step is in order
	cycles  map[int][]int // one for each knot of cycles, by its first step
}

// ends are the indices of the steps that a connection joins, or -1.
type ends struct{ from, to int }

// link is a connection seen from the step that it leaves.
type link struct {
	typ ConnectionType
	to  int // -1 if it leads nowhere: to no step, to the trigger or to its own step
}

func newStepGraph(a Automation) *stepGraph {
	o := &stepGraph{
		configs: make([]StepConfig, len(a.Steps)),
		types:   make([]StepType, len(a.Steps)),
		index:   make(map[string]int, len(a.Steps)),
		trigger: -1,
	}
	for i, s := range a.Steps {
		o.addStep(i, s)
	}
	o.connect(a.Connections)
	o.explore()
	return o
}

func (o *stepGraph) addStep(i int, s Step) {
	if _, taken := o.index[s.Key]; !taken {
		o.index[s.Key] = i
	}
	o.configs[i] = givenConfig(s)
	if o.configs[i] != nil {
		o.types[i] = o.configs[i].StepType()
	}
	if o.types[i] == TypeTrigger {
		o.triggers++
		if o.trigger < 0 {
			o.trigger = i
		}
	}
}

// givenConfig returns a step's config, without the pointer if it is one: that
// slip is reported once, and not as a missing trigger too. A nil pointer is no
// config.
func givenConfig(s Step) StepConfig {
	if isNilConfig(s.Config) {
		return nil
	}
	return plainConfig(s.Config)
}

// connect finds the ends of the connections and sorts these by the step that
// they leave.
func (o *stepGraph) connect(connections []Connection) {
	o.ends = make([]ends, len(connections))
	o.first = make([]int, len(o.types)+1)
	for i, c := range connections {
		o.ends[i] = ends{o.find(c.From), o.find(c.To)}
		if from := o.ends[i].from; from >= 0 {
			o.first[from+1]++
		}
	}
	for i := range o.types {
		o.first[i+1] += o.first[i]
	}
	o.links = make([]link, o.first[len(o.types)])
	next := slices.Clone(o.first)
	for i, c := range connections {
		e := o.ends[i]
		if e.from < 0 {
			continue
		}
		o.links[next[e.from]] = link{c.Type.orDefault(), o.target(e)}
		next[e.from]++
	}
}

// find returns the step with this key, or -1.
func (o *stepGraph) find(key string) int {
	if i, ok := o.index[key]; ok {
		return i
	}
	return -1
}

// target returns the step that a connection leads to, or -1 if it should not
// lead there.
func (o *stepGraph) target(e ends) int {
	if e.to == e.from || e.to == o.trigger {
		return -1
	}
	return e.to
}

// orDefault reads an empty type as ConnectionDefault.
func (t ConnectionType) orDefault() ConnectionType {
	if t == "" {
		return ConnectionDefault
	}
	return t
}

// out returns the connections that leave step i.
func (o *stepGraph) out(i int) []link { return o.links[o.first[i]:o.first[i+1]] }

// branch returns the first connection of this type that leaves step i.
func (o *stepGraph) branch(i int, typ ConnectionType) (link, bool) {
	for _, l := range o.out(i) {
		if l.typ == typ {
			return l, true
		}
	}
	return link{}, false
}

func (o *stepGraph) hasBranch(i int, typ ConnectionType) bool {
	_, ok := o.branch(i, typ)
	return ok
}

// isRooted reports whether it is clear where runs start. If not, nothing can
// be said about which steps are reached.
func (o *stepGraph) isRooted() bool { return o.triggers == 1 }

// explore finds what is reached from the trigger, and all cycles.
func (o *stepGraph) explore() {
	n := len(o.types)
	s := search{stepGraph: o, number: make([]int, n), low: make([]int, n), open: make([]bool, n)}
	if o.isRooted() {
		s.visit(o.trigger)
		o.order = slices.Clone(s.left)
		slices.Reverse(o.order)
	}
	o.reached = make([]bool, n)
	for _, i := range o.order {
		o.reached[i] = true
	}
	for i := range o.types {
		if s.number[i] == 0 {
			s.visit(i)
		}
	}
}

// search is Tarjan's search for strongly connected components, depth first.
// Leaving order reversed, with the connections that close a cycle left out, is
// a topological order.
type search struct {
	*stepGraph
	entered int
	number  []int  // when a step was entered, from 1
	low     []int  // the lowest number that a step leads back to
	open    []bool // whether a step is in stack
	stack   []int  // steps whose component is not complete
	left    []int  // steps in the order in which they were left
}

func (s *search) visit(i int) {
	s.entered++
	s.number[i], s.low[i] = s.entered, s.entered
	s.stack, s.open[i] = append(s.stack, i), true
	for _, l := range s.out(i) {
		switch {
		case l.to < 0:
		case s.number[l.to] == 0:
			s.visit(l.to)
			s.low[i] = min(s.low[i], s.low[l.to])
		case s.open[l.to]:
			s.low[i] = min(s.low[i], s.number[l.to])
		}
	}
	s.left = append(s.left, i)
	if s.low[i] == s.number[i] {
		s.close(i)
	}
}

// close takes the component that was entered at i off the stack.
func (s *search) close(i int) {
	at := len(s.stack) - 1
	for s.stack[at] != i {
		at--
	}
	component := s.stack[at:]
	s.stack = s.stack[:at]
	for _, member := range component {
		s.open[member] = false
	}
	if len(component) < 2 {
		return
	}
	if s.cycles == nil {
		s.cycles = map[int][]int{}
	}
	start := slices.Min(component)
	s.cycles[start] = s.shortestCycle(start, component)
}

// shortestCycle returns a shortest cycle through start, which is a member of a
// strongly connected component: its steps, from start to start.
func (o *stepGraph) shortestCycle(start int, component []int) []int {
	cameFrom := make(map[int]int, len(component))
	for _, member := range component {
		cameFrom[member] = -1
	}
	for queue := []int{start}; cameFrom[start] < 0; queue = queue[1:] {
		for _, l := range o.out(queue[0]) {
			if from, member := cameFrom[l.to]; member && from < 0 {
				cameFrom[l.to] = queue[0]
				queue = append(queue, l.to)
			}
		}
	}
	cycle := []int{start}
	for i := cameFrom[start]; i != start; i = cameFrom[i] {
		cycle = append(cycle, i)
	}
	cycle = append(cycle, start)
	slices.Reverse(cycle)
	return cycle
}

// live reports, for every step, whether some path from the trigger leads to it
// without passing a contact_delete.
func (o *stepGraph) live() []bool {
	live := make([]bool, len(o.types))
	for _, i := range o.order {
		live[i] = live[i] || i == o.trigger
		if !live[i] || o.types[i] == TypeContactDelete {
			continue
		}
		for _, l := range o.out(i) {
			if l.to >= 0 {
				live[l.to] = true
			}
		}
	}
	return live
}

// waitNames returns the names of the events that the graph waits for, each once.
func (o *stepGraph) waitNames() []string {
	var names []string
	seen := map[string]bool{}
	for _, config := range o.configs {
		if wait, ok := config.(WaitForEvent); ok && !seen[wait.EventName] {
			seen[wait.EventName] = true
			names = append(names, wait.EventName)
		}
	}
	return names
}

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
