package automation

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestOutline_OneShortestCycleForEachKnot(t *testing.T) {
	t.Parallel()
	// Two knots: one in which a lies on a cycle of 2 and of 3 steps, and e ↔ f.
	steps := []Step{start}
	for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
		steps = append(steps, step(key, isPro))
	}
	o := newStepGraph(Automation{Steps: steps, Connections: []Connection{
		{From: "start", To: "a"},
		{"a", "b", ConnectionConditionMet}, {"a", "c", ConnectionConditionNotMet},
		{"b", "c", ConnectionConditionMet}, {"c", "a", ConnectionConditionMet},
		{"c", "d", ConnectionConditionNotMet}, {"d", "e", ConnectionConditionMet},
		{"e", "f", ConnectionConditionMet}, {"f", "e", ConnectionConditionMet},
	}})
	assert.Equal(t, map[int][]int{1: {1, 3, 1}, 5: {5, 6, 5}}, o.cycles)
	assert.Equal(t, []bool{true, true, true, true, true, true, true}, o.reached)
}

func TestOutline_OrderFollowsConnections(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := newStepGraph(genAutomation(t))
		place := map[int]int{}
		for at, i := range o.order {
			place[i] = at
		}
		assert.Len(t, place, len(o.types), "every step is reached, once")
		for i := range o.types {
			for _, l := range o.out(i) {
				assert.Less(t, place[i], place[l.to])
			}
		}
	})
}

func TestOutline_FindsCyclesLikeAWalk(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := newStepGraph(genMess(t))
		knotted := map[int]bool{}
		for i := range o.types {
			knotted[i] = o.leadsTo(i, i)
		}
		for start, cycle := range o.cycles {
			assert.Equal(t, start, cycle[0])
			assert.Equal(t, start, cycle[len(cycle)-1])
			for i := range cycle[1:] {
				assert.Contains(t, linkTargets(o.out(cycle[i])), cycle[i+1])
			}
		}
		for i := range o.types {
			assert.Equal(t, knotted[i], o.isInKnot(i))
		}
	})
}

// isInKnot reports whether step i shares a knot with the start of a cycle.
func (o *stepGraph) isInKnot(i int) bool {
	for start := range o.cycles {
		if i == start || o.leadsTo(i, start) && o.leadsTo(start, i) {
			return true
		}
	}
	return false
}

// leadsTo walks from step from over one connection or more.
func (o *stepGraph) leadsTo(from, to int) bool {
	seen := map[int]bool{}
	for todo := linkTargets(o.out(from)); len(todo) > 0; todo = todo[1:] {
		if todo[0] == to {
			return true
		}
		if !seen[todo[0]] {
			seen[todo[0]] = true
			todo = append(todo, linkTargets(o.out(todo[0]))...)
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
