package automation

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestStepGraph_HasOneShortestCycleForEachComponent(t *testing.T) {
	t.Parallel()
	// There are two components: in a, b, c, the step a lies on a cycle of 2 steps and
	// on one of 3 steps, and the other component is e ↔ f.
	steps := []Step{start}
	for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
		steps = append(steps, step(key, isPro))
	}
	g := newStepGraph(Automation{Steps: steps, Connections: []Connection{
		{From: "start", To: "a"},
		{"a", "b", ConnectionConditionMet}, {"a", "c", ConnectionConditionNotMet},
		{"b", "c", ConnectionConditionMet}, {"c", "a", ConnectionConditionMet},
		{"c", "d", ConnectionConditionNotMet}, {"d", "e", ConnectionConditionMet},
		{"e", "f", ConnectionConditionMet}, {"f", "e", ConnectionConditionMet},
	}})
	assert.Equal(t, map[int][]int{1: {1, 3, 1}, 5: {5, 6, 5}}, g.cycles)
	assert.Equal(t, []bool{true, true, true, true, true, true, true}, g.reached)
}

func TestStepGraph_OrderFollowsConnections(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := newStepGraph(genAutomation(t))
		place := map[int]int{}
		for at, i := range g.order {
			place[i] = at
		}
		assert.Len(t, place, len(g.types), "every step is reached, once")
		for i := range g.types {
			for _, l := range g.out(i) {
				assert.Less(t, place[i], place[l.to])
			}
		}
	})
}

func TestStepGraph_FindsTheCyclesThatAWalkFinds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := newStepGraph(genMess(t))
		cyclic := map[int]bool{}
		for i := range g.types {
			cyclic[i] = g.leadsTo(i, i)
		}
		for start, cycle := range g.cycles {
			assert.Equal(t, start, cycle[0])
			assert.Equal(t, start, cycle[len(cycle)-1])
			for i := range cycle[1:] {
				assert.Contains(t, linkTargets(g.out(cycle[i])), cycle[i+1])
			}
		}
		for i := range g.types {
			assert.Equal(t, cyclic[i], g.isInComponentOfACycle(i))
		}
	})
}

// isInComponentOfACycle reports whether step i is in the same strongly connected
// component as the start of a cycle.
func (g *stepGraph) isInComponentOfACycle(i int) bool {
	for start := range g.cycles {
		if i == start || g.leadsTo(i, start) && g.leadsTo(start, i) {
			return true
		}
	}
	return false
}

// leadsTo reports whether one connection or more lead from step from to step to.
func (g *stepGraph) leadsTo(from, to int) bool {
	seen := map[int]bool{}
	for todo := linkTargets(g.out(from)); len(todo) > 0; todo = todo[1:] {
		if todo[0] == to {
			return true
		}
		if !seen[todo[0]] {
			seen[todo[0]] = true
			todo = append(todo, linkTargets(g.out(todo[0]))...)
		}
	}
	return false
}

func linkTargets(links []link) []int {
	var out []int
	for _, l := range links {
		if l.to >= 0 {
			out = append(out, l.to)
		}
	}
	return out
}

func TestValidate_WaitEvents(t *testing.T) {
	t.Parallel()
	var (
		forever = WaitForEvent{EventName: "order.paid"}
		reader  = email("t", map[string]Value{"amount": Var("wait_events.order.paid.amount")})
		never   = []string{`error wait_event_not_waited_for steps[2].config.template.variables.amount: "wait_events.order.paid.amount" reads event "order.paid", which no step before this one waits for`}
		partly  = []string{`warning wait_event_on_some_paths steps[2].config.template.variables.amount: "wait_events.order.paid.amount" reads event "order.paid", which is not received on every path`}
		lost    = []string{`warning wait_event_on_some_paths steps[2].config.template.variables.amount: "wait_events.order.paid.amount" reads event "order.paid", which is received on no path to the step: it is always absent`}
	)
	tests := []struct {
		name        string
		wait        WaitForEvent // "paid?"; steps[2] is "mail"
		reader      StepConfig
		connections []Connection
		want        []string
	}{
		{"received", forPaid, reader, []Connection{{From: "start", To: "paid?"}, {"paid?", "mail", ConnectionEventReceived}, {"paid?", "more", ConnectionTimeout}}, nil},
		{"default of a wait that never times out", forever, reader, chain("start", "paid?", "mail", "more"), nil},
		{"default beside timeout", forPaid, reader, []Connection{{From: "start", To: "paid?"}, {"paid?", "mail", ConnectionDefault}, {"paid?", "more", ConnectionTimeout}}, nil},
		{"default of a wait that times out", forPaid, reader, chain("start", "paid?", "mail", "more"), partly},
		{"default beside event_received", forPaid, reader, []Connection{{From: "start", To: "paid?"}, {"paid?", "mail", ConnectionDefault}, {"paid?", "more", ConnectionEventReceived}}, lost},
		{"timed out", forPaid, reader, []Connection{{From: "start", To: "paid?"}, {"paid?", "mail", ConnectionTimeout}, {"paid?", "more", ConnectionEventReceived}}, lost},
		{"on the way over another step too", forPaid, reader, append(chain("more", "mail"), Connection{From: "start", To: "paid?"}, Connection{"paid?", "mail", ConnectionTimeout}, Connection{"paid?", "more", ConnectionEventReceived}), partly},
		{"wait comes later", forPaid, reader, chain("start", "mail", "paid?", "more"), never},
		{"own filter reads what the wait is for", forever, WaitForEvent{EventName: "x", Timeout: oneDay, FilterRule: All(Field("wait_events.x.y").Exists())}, chain("start", "paid?", "mail", "more"), []string{`error wait_event_not_waited_for steps[2].config.filter_rule.rules[0].field: "wait_events.x.y" reads event "x"`}},
		{"longest name is meant", forever, WaitForEvent{EventName: "order.paid.late", Timeout: oneDay, FilterRule: Field("wait_events.order.paid.late.fee").Exists()}, chain("start", "paid?", "mail", "more"), []string{`error wait_event_not_waited_for steps[2].config.filter_rule.field: "wait_events.order.paid.late.fee" reads event "order.paid.late"`}},
		{"custom steps too", forPaid, pagerConfig{Team: "ops", Text: Var("wait_events.order.paid.amount")}, chain("start", "mail", "paid?", "more"), []string{"error wait_event_not_waited_for steps[2].config.text"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := Automation{
				Name:        "Test",
				Steps:       []Step{start, step("paid?", test.wait), step("mail", test.reader), step("more", aDelay)},
				Connections: test.connections,
			}
			var problems Problems
			for _, p := range Validate(a, ValidateOptions{Registry: pagerRegistry()}) {
				if p.Code != CodeWaitForever {
					problems = append(problems, p)
				}
			}
			assertProblems(t, test.want, problems)
		})
	}
}

func TestWaitFlow_ManyEvents(t *testing.T) {
	t.Parallel()
	const waits = 140 // a set of events has more than two words
	a := Automation{Name: "Test", Steps: []Step{start}}
	keys := []string{"start"}
	for i := range waits {
		a.Steps = append(a.Steps, step(fmt.Sprint("wait_", i), WaitForEvent{EventName: fmt.Sprint("event_", i)}))
		keys = append(keys, fmt.Sprint("wait_", i))
	}
	a.Connections = chain(keys...)
	g := newStepGraph(a)
	flow := newWaitFlow(g, g.waitNames())
	for at := range waits {
		for event := range waits {
			want := notWaitedFor
			if event < at {
				want = receivedAlways
			}
			assert.Equal(t, want, flow.at(1+at, fmt.Sprint("event_", event)))
		}
	}
}

func TestValidate_IgnoresReferencesOfAnUnreachableStep(t *testing.T) {
	t.Parallel()
	a := Automation{
		Name: "Test",
		Steps: []Step{
			start, step("paid?", forPaid), step("mail", email("t", map[string]Value{"a": Var("wait_events.order.paid.a")})),
		},
		Connections: chain("start", "paid?", "ghost"),
	}
	assertProblems(t, []string{"error unknown_step connections[1].to"}, Validate(a, ValidateOptions{}))
}

// The flow follows all paths at once. The reference walks along each path separately.
func TestWaitFlow_AgreesWithAllPaths(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := newStepGraph(genAutomation(t))
		names := g.waitNames()
		flow := newWaitFlow(g, names)
		for _, name := range names {
			w := pathWalk{graph: g, event: name, waited: map[int]bool{}, having: map[int]bool{}, lacking: map[int]bool{}}
			w.walk(g.trigger, false, false)
			for i := range g.types {
				assert.Equal(t, w.at(i), flow.at(i, name), "step %d, event %q", i, name)
			}
		}
	})
}

// pathWalk follows all paths one by one.
type pathWalk struct {
	graph   *stepGraph
	event   string
	waited  map[int]bool // steps that a path with a wait for the event reaches
	having  map[int]bool // steps that a path reaches after it received the event
	lacking map[int]bool // steps that a path reaches without the event
}

func (w *pathWalk) at(i int) reception {
	switch {
	case !w.waited[i]:
		return notWaitedFor
	case !w.lacking[i]:
		return receivedAlways
	case w.having[i]:
		return receivedSometimes
	default:
		return receivedNever
	}
}

func (w *pathWalk) walk(i int, waited, received bool) {
	w.waited[i] = w.waited[i] || waited
	w.having[i] = w.having[i] || received
	w.lacking[i] = w.lacking[i] || !received
	if wait, ok := w.graph.configs[i].(WaitForAny); ok {
		w.walkAny(i, wait, waited, received)
		return
	}
	wait, ok := w.graph.configs[i].(WaitForEvent)
	ok = ok && wait.EventName == w.event
	for _, l := range w.graph.out(i) {
		if !ok || !w.graph.meansReceived(i, wait, l.typ) {
			w.walk(l.to, waited || ok, received)
		}
		if ok && w.graph.canMeanReceived(i, wait, l.typ) {
			w.walk(l.to, true, true)
		}
	}
}

// walkAny walks on after each event of the wait, and after its timeout.
func (w *pathWalk) walkAny(i int, wait WaitForAny, waited, received bool) {
	waited = waited || slices.Contains(receivable(wait), w.event)
	follow := func(typ ConnectionType, ok, received bool) {
		for _, l := range w.graph.out(i) {
			if ok && l.typ == typ {
				w.walk(l.to, waited, received)
			}
		}
	}
	for _, l := range wait.Events {
		typ, ok := w.graph.leadsOn(i, l.Name)
		follow(typ, ok, received || l.EventName == w.event)
	}
	typ, ok := w.graph.timesOutTo(i, wait.Timeout)
	follow(typ, ok, received)
}
