package automation

import "slices"

// stepGraph is the graph of an automation that may be invalid. It has all steps, and
// the connections that start at a step.
type stepGraph struct {
	configs  []StepConfig   // of each step, without pointers; nil for none
	types    []StepType     // "" for a step without a config
	index    map[string]int // by key: the first step with this key
	trigger  int            // the first trigger, or -1
	triggers int

	ends  []ends // of each connection
	links []link // by step: those of step i are links[first[i]:first[i+1]]
	first []int
	led   []bool // by step: whether a connection leads to it

	order   []int         // the steps reached from the trigger, in topological order
	reached []bool        // by step: whether it is in order
	cycles  map[int][]int // a cycle in each component of several steps, by its first step
}

// ends are the indices of the steps that a connection joins, or -1.
type ends struct{ from, to int }

// link is a connection seen from the step that it leaves.
type link struct {
	typ ConnectionType
	to  int // -1 for a missing step, for the trigger, and for the step itself
}

func newStepGraph(a Automation) *stepGraph {
	g := &stepGraph{
		configs: make([]StepConfig, len(a.Steps)),
		types:   make([]StepType, len(a.Steps)),
		index:   make(map[string]int, len(a.Steps)),
		trigger: -1,
	}
	for i, s := range a.Steps {
		g.addStep(i, s)
	}
	g.connect(a.Connections)
	g.explore()
	return g
}

func (g *stepGraph) addStep(i int, s Step) {
	if _, taken := g.index[s.Key]; !taken {
		g.index[s.Key] = i
	}
	g.configs[i] = givenConfig(s)
	if g.configs[i] != nil {
		g.types[i] = g.configs[i].StepType()
	}
	if g.types[i] == TypeTrigger {
		g.triggers++
		if g.trigger < 0 {
			g.trigger = i
		}
	}
}

// givenConfig returns a step's config. For a pointer it returns the config that the
// pointer leads to: validateConfig reports the pointer, and no other check has to. It
// returns nil for a nil pointer.
func givenConfig(s Step) StepConfig {
	if isNilConfig(s.Config) {
		return nil
	}
	return plainConfig(s.Config)
}

// connect finds the ends of the connections.
func (g *stepGraph) connect(connections []Connection) {
	g.ends = make([]ends, len(connections))
	for i, c := range connections {
		g.ends[i] = ends{g.find(c.From), g.find(c.To)}
	}
	g.link(connections)
}

// withEnds returns g with other ends of its connections.
func (g *stepGraph) withEnds(connections []Connection, ends []ends) *stepGraph {
	other := *g
	other.ends, other.cycles = ends, nil
	other.link(connections)
	other.explore()
	return &other
}

// link sorts the connections by the step that they leave.
func (g *stepGraph) link(connections []Connection) {
	g.first, g.led = make([]int, len(g.types)+1), make([]bool, len(g.types))
	for _, e := range g.ends {
		if e.from >= 0 {
			g.first[e.from+1]++
		}
	}
	for i := range g.types {
		g.first[i+1] += g.first[i]
	}
	g.links = make([]link, g.first[len(g.types)])
	next := slices.Clone(g.first)
	for i, c := range connections {
		e := g.ends[i]
		if to := g.target(e); to >= 0 {
			g.led[to] = true
		}
		if e.from >= 0 {
			g.links[next[e.from]] = link{c.Type.orDefault(), g.target(e)}
			next[e.from]++
		}
	}
}

// find returns the step with this key, or -1.
func (g *stepGraph) find(key string) int {
	if i, ok := g.index[key]; ok {
		return i
	}
	return -1
}

// target returns the step that a connection leads to, or -1 if no connection may lead
// there.
func (g *stepGraph) target(e ends) int {
	if e.to == e.from || e.to == g.trigger {
		return -1
	}
	return e.to
}

// orDefault returns ConnectionDefault for an empty type, and t for all others.
func (t ConnectionType) orDefault() ConnectionType {
	if t == "" {
		return ConnectionDefault
	}
	return t
}

// out returns the connections that leave step i.
func (g *stepGraph) out(i int) []link { return g.links[g.first[i]:g.first[i+1]] }

// branch returns the first connection of this type that leaves step i.
func (g *stepGraph) branch(i int, typ ConnectionType) (link, bool) {
	for _, l := range g.out(i) {
		if l.typ == typ {
			return l, true
		}
	}
	return link{}, false
}

func (g *stepGraph) hasBranch(i int, typ ConnectionType) bool {
	_, ok := g.branch(i, typ)
	return ok
}

// isRooted reports whether exactly one step starts runs. Otherwise the steps that a
// run reaches are unknown.
func (g *stepGraph) isRooted() bool { return g.triggers == 1 }

// explore finds the steps reached from the trigger, and a cycle in each strongly
// connected component of several steps.
func (g *stepGraph) explore() {
	n := len(g.types)
	s := search{stepGraph: g, number: make([]int, n), low: make([]int, n), onStack: make([]bool, n)}
	if g.isRooted() {
		s.visit(g.trigger)
		g.order = slices.Clone(s.postorder)
		slices.Reverse(g.order)
	}
	g.reached = make([]bool, n)
	for _, i := range g.order {
		g.reached[i] = true
	}
	for i := range g.types {
		if s.number[i] == 0 {
			s.visit(i)
		}
	}
}

// search is Tarjan's depth-first search for strongly connected components. Its
// reversed postorder is a topological order of the steps, apart from the connections
// that close a cycle.
type search struct {
	*stepGraph
	entered   int
	number    []int  // by step: the order of entry, from 1; 0 for a step not entered
	low       []int  // by step: the lowest number in the stack that it leads back to
	onStack   []bool // by step: whether it is in stack
	stack     []int  // the steps whose component is not complete
	postorder []int
}

func (s *search) visit(i int) {
	s.entered++
	s.number[i], s.low[i] = s.entered, s.entered
	s.stack, s.onStack[i] = append(s.stack, i), true
	for _, l := range s.out(i) {
		switch {
		case l.to < 0:
		case s.number[l.to] == 0:
			s.visit(l.to)
			s.low[i] = min(s.low[i], s.low[l.to])
		case s.onStack[l.to]:
			s.low[i] = min(s.low[i], s.number[l.to])
		}
	}
	s.postorder = append(s.postorder, i)
	if s.low[i] == s.number[i] {
		s.close(i)
	}
}

// close removes from the stack the component that was entered at i, and finds a cycle
// in it.
func (s *search) close(i int) {
	at := len(s.stack) - 1
	for s.stack[at] != i {
		at--
	}
	component := s.stack[at:]
	s.stack = s.stack[:at]
	for _, member := range component {
		s.onStack[member] = false
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

// shortestCycle returns the steps of a shortest cycle through start, which is a
// member of a strongly connected component. The first and the last step are start.
func (g *stepGraph) shortestCycle(start int, component []int) []int {
	cameFrom := make(map[int]int, len(component))
	for _, member := range component {
		cameFrom[member] = -1
	}
	for queue := []int{start}; cameFrom[start] < 0; queue = queue[1:] {
		for _, l := range g.out(queue[0]) {
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

// live reports for every step whether a path from the trigger leads to it that has no
// contact_delete before it.
func (g *stepGraph) live() []bool {
	live := make([]bool, len(g.types))
	for _, i := range g.order {
		live[i] = live[i] || i == g.trigger
		if !live[i] || g.types[i] == TypeContactDelete {
			continue
		}
		for _, l := range g.out(i) {
			if l.to >= 0 {
				live[l.to] = true
			}
		}
	}
	return live
}

// waitNames returns the names of the events that the graph waits for, each once.
func (g *stepGraph) waitNames() []string {
	var names []string
	seen := map[string]bool{}
	for _, config := range g.configs {
		for _, name := range receivable(config) {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

// receivable returns the names of the events that can end the wait with this config.
func receivable(config StepConfig) []string {
	switch wait := config.(type) {
	case WaitForEvent:
		return []string{wait.EventName}
	case WaitForAny:
		names := make([]string, len(wait.Events))
		for i, l := range wait.Events {
			names[i] = l.EventName
		}
		return names
	default:
		return nil
	}
}

// keys returns the keys of the steps, each once.
func (g *stepGraph) keys(steps []Step) []string {
	keys := make([]string, 0, len(steps))
	for i, s := range steps {
		if s.Key != "" && g.index[s.Key] == i {
			keys = append(keys, s.Key)
		}
	}
	return keys
}

// waitFlow has, for each step, the events that a run has waited for and received when
// it reaches the step. A set of events has a bit for each event, and is words long.
type waitFlow struct {
	bit       map[string]int // by event name
	words     int            // of a set of events
	waited    []uint64       // by step: the events that a path to it waits for
	sometimes []uint64       // by step: the events received on a path to it
	always    []uint64       // by step: the events received on every path to it
}

// newWaitFlow follows all paths from the trigger at once. This is possible because
// g.order has each step after the steps that lead to it.
func newWaitFlow(g *stepGraph, names []string) *waitFlow {
	f := &waitFlow{bit: make(map[string]int, len(names)), words: (len(names) + 63) / 64}
	for i, name := range names {
		f.bit[name] = i
	}
	f.waited = make([]uint64, len(g.types)*f.words)
	f.sometimes = make([]uint64, len(g.types)*f.words)
	f.always = make([]uint64, len(g.types)*f.words)
	seen := make([]bool, len(g.types))
	for _, from := range g.order {
		for _, l := range g.out(from) {
			if l.to >= 0 {
				f.follow(g, from, l, seen[l.to])
				seen[l.to] = true
			}
		}
	}
	return f
}

// follow adds the sets of the step from, and its own event if it is a wait, to the
// target of the connection l. If another path reached the target before, which seen
// reports, the target's set always keeps only the events of both paths.
func (f *waitFlow) follow(g *stepGraph, from int, l link, seen bool) {
	own := f.receptions(g, from, l.typ)
	for w := range f.words {
		at, to := from*f.words+w, l.to*f.words+w
		f.waited[to] |= f.waited[at] | wordOfAll(own.waited, w)
		f.sometimes[to] |= f.sometimes[at] | wordOfAll(own.possible, w)
		always := f.always[at] | wordOf(own.received, w)
		if seen {
			always &= f.always[to]
		}
		f.always[to] = always
	}
}

// receptions are the events of one wait, as bits.
type receptions struct {
	waited   []int // those that it waits for
	possible []int // those of which the run may have received one
	received int   // the one that the run has received, or -1
}

// receptions returns the events of the step from for a run that takes a connection of this
// type. There are none if the step is no wait.
func (f *waitFlow) receptions(g *stepGraph, from int, typ ConnectionType) receptions {
	own := receptions{waited: f.bits(receivable(g.configs[from])), received: -1}
	switch wait := g.configs[from].(type) {
	case WaitForEvent:
		if g.canMeanReceived(from, wait, typ) {
			own.possible = own.waited
		}
		if g.meansReceived(from, wait, typ) {
			own.received = own.waited[0]
		}
	case WaitForAny:
		events, certain := g.receptions(from, wait, typ)
		own.possible = f.bits(events)
		if certain && len(own.possible) == 1 {
			own.received = own.possible[0]
		}
	}
	return own
}

// bits returns the bits of these events, each once.
func (f *waitFlow) bits(events []string) []int {
	var bits []int
	for _, name := range events {
		bits = append(bits, f.bit[name])
	}
	slices.Sort(bits)
	return slices.Compact(bits)
}

// wordOfAll returns word w of the set that has these bits.
func wordOfAll(bits []int, w int) (word uint64) {
	for _, bit := range bits {
		word |= wordOf(bit, w)
	}
	return word
}

// wordOf returns word w of the set that has only this bit. The set is empty if bit is
// -1.
func wordOf(bit, w int) uint64 {
	if bit < 0 || bit/64 != w {
		return 0
	}
	return 1 << (bit % 64)
}

// meansReceived reports whether a run takes a connection of this type out of the wait
// only after it received the event.
func (g *stepGraph) meansReceived(step int, wait WaitForEvent, typ ConnectionType) bool {
	switch typ {
	case ConnectionTimeout:
		return false
	case ConnectionDefault:
		return wait.Timeout.IsZero() || g.hasBranch(step, ConnectionTimeout)
	default:
		return true
	}
}

// canMeanReceived reports whether a run can take a connection of this type out of the
// wait after it received the event.
func (g *stepGraph) canMeanReceived(step int, wait WaitForEvent, typ ConnectionType) bool {
	return g.meansReceived(step, wait, typ) ||
		typ == ConnectionDefault && !g.hasBranch(step, ConnectionEventReceived)
}

// reception is the part of the paths to a step on which an event is received.
type reception int

const (
	receivedAlways    reception = iota // on every path
	receivedSometimes                  // on some paths only
	receivedNever                      // on no path, but a path waits for it
	notWaitedFor                       // no path waits for it
)

// at returns the reception of the event on the paths to the step.
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
