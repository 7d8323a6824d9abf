package layout_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-b636437c/automation/internal/layout"
)

// steps returns steps with these keys and one unnamed branch.
func steps(keys ...string) []layout.Step {
	var all []layout.Step
	for _, key := range keys {
		all = append(all, layout.Step{Key: key})
	}
	return all
}

// fork is a step with two labelled branches.
func fork(key string) layout.Step {
	return layout.Step{Key: key, Branches: []layout.Branch{{"yes", 40}, {"no", 30}}}
}

func center(b layout.Box) int { return b.X + b.Width/2 }

func TestOf_PutsStepsBelowEachOther(t *testing.T) {
	t.Parallel()
	d := layout.Of(layout.Graph{
		Steps:       steps("a", "b", "c"),
		Connections: []layout.Connection{{From: "a", To: "b"}, {From: "b", To: "c"}},
	})
	assert.Equal(t, center(d.Steps[0]), center(d.Steps[1]))
	assert.Equal(t, center(d.Steps[0]), center(d.Steps[2]))
	assert.Less(t, d.Steps[0].Y+d.Steps[0].Height, d.Steps[1].Y)
	assert.Len(t, d.Lines[0].Points, 2)
	assert.Equal(t, "M160 96V152", d.Lines[0].Path)
	assert.Equal(t, layout.Point{160, 124}, d.Lines[0].Handle)
}

func TestOf_CentresASplitAndAJoin(t *testing.T) {
	t.Parallel()
	d := layout.Of(layout.Graph{
		Steps: append([]layout.Step{fork("if")}, steps("left", "right", "end")...),
		Connections: []layout.Connection{
			{"if", "right", "no", 30}, {"if", "left", "yes", 40}, {From: "left", To: "end"}, {From: "right", To: "end"},
		},
	})
	assert.Less(t, d.Steps[1].X, d.Steps[2].X, "the order of branches decides, not that of connections")
	assert.Equal(t, center(d.Steps[0]), (center(d.Steps[1])+center(d.Steps[2]))/2)
	assert.Equal(t, center(d.Steps[0]), center(d.Steps[3]))
}

func TestOf_FansTwoConnectionsBetweenTheSameSteps(t *testing.T) {
	t.Parallel()
	d := layout.Of(layout.Graph{
		Steps:       append([]layout.Step{fork("if")}, steps("end")...),
		Connections: []layout.Connection{{"if", "end", "yes", 40}, {"if", "end", "no", 30}},
	})
	assert.Equal(t, layout.Fan, d.Lines[1].Handle.X-d.Lines[0].Handle.X)
	assert.Equal(t, d.Lines[0].Handle.Y, d.Lines[1].Handle.Y)
	assert.Equal(t, center(d.Steps[0]), center(d.Steps[1]))
}

func TestOf_KeepsALongLineStraight(t *testing.T) {
	t.Parallel()
	d := layout.Of(layout.Graph{
		Steps: append([]layout.Step{fork("if")}, steps("a", "b", "c", "end")...),
		Connections: []layout.Connection{
			{"if", "a", "yes", 40}, {"if", "end", "no", 30}, {From: "a", To: "b"}, {From: "b", To: "c"}, {From: "c", To: "end"},
		},
	})
	assert.Len(t, d.Lines[1].Points, 6, "down, right, down, left, down")
	assert.Greater(t, d.Lines[1].Handle.X, d.Steps[1].X+d.Steps[1].Width)
}

func TestOf_GivesOpenBranchesStubs(t *testing.T) {
	t.Parallel()
	d := layout.Of(layout.Graph{
		Steps:       []layout.Step{fork("if"), {Key: "left", Branches: []layout.Branch{{}}}},
		Connections: []layout.Connection{{"if", "left", "yes", 40}, {"if", "unknown", "no", 30}},
	})
	require.Len(t, d.Stubs, 2, "a connection to an unknown step leaves its branch open")
	assert.Equal(t, [2]int{0, 1}, [2]int{d.Stubs[0].Step, d.Stubs[0].Branch})
	assert.Equal(t, [2]int{1, 0}, [2]int{d.Stubs[1].Step, d.Stubs[1].Branch})
	assert.Greater(t, d.Stubs[0].Handle.X, d.Steps[1].X+d.Steps[1].Width/2)
	assert.Empty(t, d.Lines[1])
}

func TestOf_PutsUnreachedStepsInRowsOfTheirOwn(t *testing.T) {
	t.Parallel()
	d := layout.Of(layout.Graph{
		Steps: steps("a", "lost", "b", "loner", "found"),
		Connections: []layout.Connection{
			{From: "a", To: "b"}, {From: "lost", To: "found"}, {From: "lost", To: "b"},
		},
	})
	lost, found, loner := d.Steps[1], d.Steps[4], d.Steps[3]
	for _, i := range []int{0, 2} {
		assert.Less(t, d.Steps[i].Y, lost.Y)
	}
	assert.Less(t, lost.Y, found.Y)
	assert.Less(t, found.Y, loner.Y)
	assert.True(t, d.Lines[2].Up)
}

func TestOf_LimitsTheWidthOfLooseSteps(t *testing.T) {
	t.Parallel()
	var keys []string
	for i := range 41 {
		keys = append(keys, fmt.Sprint(i))
	}
	d := layout.Of(layout.Graph{Steps: steps(keys...)})
	assert.Less(t, d.Width, 5*(layout.StepWidth+50))
}

func TestOf_AcceptsWhatADraftCanBe(t *testing.T) {
	t.Parallel()
	for name, g := range map[string]layout.Graph{
		"nothing":       {},
		"only a line":   {Connections: []layout.Connection{{From: "a", To: "b"}}},
		"a loop":        {Steps: steps("a", "b"), Connections: []layout.Connection{{From: "a", To: "b"}, {From: "b", To: "a"}}},
		"itself":        {Steps: steps("a"), Connections: []layout.Connection{{From: "a", To: "a"}}},
		"repeated keys": {Steps: steps("a", "a", ""), Connections: []layout.Connection{{From: "a", To: "a"}, {From: "", To: "a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, g)
		})
	}
}

// A hostile graph has lines up to a limit, and costs little.
func TestOf_BoundsTheRowsThatLinesPass(t *testing.T) {
	t.Parallel()
	g := layout.Graph{}
	for i := range 2000 {
		g.Steps = append(g.Steps, layout.Step{Key: fmt.Sprint(i)})
		g.Connections = append(g.Connections,
			layout.Connection{From: fmt.Sprint(i), To: fmt.Sprint(i + 1)},
			layout.Connection{From: fmt.Sprint(i), To: "1999"})
	}
	d := layout.Of(g)
	drawn := 0
	for _, l := range d.Lines {
		if l.Path != "" {
			drawn++
		}
	}
	assert.Greater(t, drawn, 2000)
	assert.Less(t, drawn, 2100)
}

func TestOf_DrawsAnyGraph(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { check(t, mess(t)) })
}

func TestOf_DrawsAnyAutomation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { check(t, flow(t)) })
}

// mess draws any steps with any connections.
func mess(t *rapid.T) layout.Graph {
	keys := rapid.SampledFrom([]string{"", "a", "b", "c", "d", "e", "f", "g", "h", "i"})
	branches := rapid.SampledFrom([]string{"", "yes", "no", "other"})
	labels := rapid.SampledFrom([]int{0, 0, 40, 150})
	branch := rapid.Custom(func(t *rapid.T) layout.Branch {
		return layout.Branch{branches.Draw(t, "branch"), labels.Draw(t, "label")}
	})
	return layout.Graph{
		Steps: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) layout.Step {
			return layout.Step{
				Key:      keys.Draw(t, "key"),
				Height:   rapid.SampledFrom([]int{0, 33, 96}).Draw(t, "height"),
				Width:    rapid.SampledFrom([]int{0, 101}).Draw(t, "width"),
				Branches: rapid.SliceOfN(branch, 0, 3).Draw(t, "branches"),
			}
		}), 0, 12).Draw(t, "steps"),
		Connections: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) layout.Connection {
			return layout.Connection{keys.Draw(t, "from"), keys.Draw(t, "to"), branches.Draw(t, "branch"), labels.Draw(t, "label")}
		}), 0, 20).Draw(t, "connections"),
	}
}

// flow draws a graph like those of automations: it has no loops, and the trigger reaches
// all its steps.
func flow(t *rapid.T) layout.Graph {
	g := layout.Graph{}
	type outlet struct {
		from string
		layout.Branch
	}
	var open []outlet
	for i := range rapid.IntRange(1, 40).Draw(t, "steps") {
		key := fmt.Sprint(i)
		if i > 0 {
			joins := min(len(open), rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(t, "joins"))
			for range joins {
				j := rapid.IntRange(0, len(open)-1).Draw(t, "outlet")
				g.Connections = append(g.Connections, layout.Connection{open[j].from, key, open[j].Name, open[j].Label})
				open = slices.Delete(open, j, j+1)
			}
			if joins == 0 {
				break
			}
		}
		s := layout.Step{Key: key, Branches: rapid.SampledFrom([][]layout.Branch{
			{{}}, {{}}, {{"yes", 40}, {"no", 30}}, {{"received", 70}, {"timed out", 80}, {}}, nil,
		}).Draw(t, "branches")}
		if i == 0 && s.Branches == nil {
			s.Branches = []layout.Branch{{}}
		}
		for _, b := range s.Branches {
			open = append(open, outlet{key, b})
		}
		g.Steps = append(g.Steps, s)
	}
	return g
}

// failer is a test or a check of rapid.
type failer interface {
	require.TestingT
	Helper()
}

// check asserts what holds for the drawing of every graph.
func check(t failer, g layout.Graph) {
	t.Helper()
	d := layout.Of(g)
	require.Equal(t, d, layout.Of(g), "the same graph has the same drawing")
	require.Len(t, d.Steps, len(g.Steps))
	require.Len(t, d.Lines, len(g.Connections))
	for i, a := range d.Steps {
		require.True(t, inside(d, layout.Point{a.X, a.Y}) && inside(d, layout.Point{a.X + a.Width, a.Y + a.Height}), "step %d", i)
		for j, b := range d.Steps[:i] {
			require.False(t, overlap(a, b, 20), "steps %d and %d", j, i)
		}
	}
	checkLines(t, g, d)
	checkMarks(t, d)
	checkOrder(t, g, d)
}

func checkLines(t failer, g layout.Graph, d layout.Drawing) {
	t.Helper()
	index := map[string]int{}
	for i, s := range slices.Backward(g.Steps) {
		index[s.Key] = i
	}
	for i, l := range d.Lines {
		from, isFrom := index[g.Connections[i].From]
		to, isTo := index[g.Connections[i].To]
		require.Equal(t, isFrom && isTo, l.Path != "", "connection %d", i)
		if l.Path != "" {
			checkLine(t, d, l, from, to)
		}
	}
	for _, s := range d.Stubs {
		checkLine(t, d, s.Line, s.Step, -1)
		require.Equal(t, s.Handle, s.Points[len(s.Points)-1])
	}
}

// checkLine asserts that a line goes from one step to another, is inside the drawing, and
// passes no step.
func checkLine(t failer, d layout.Drawing, l layout.Line, from, to int) {
	t.Helper()
	require.True(t, touches(d.Steps[from], l.Points[0]))
	if to >= 0 {
		require.True(t, touches(d.Steps[to], l.Points[len(l.Points)-1]))
	}
	for i, p := range l.Points {
		require.True(t, inside(d, p), "%v", p)
		if i == 0 {
			continue
		}
		q := l.Points[i-1]
		require.True(t, p.X == q.X || p.Y == q.Y, "%v and %v", q, p)
		part := layout.Box{min(p.X, q.X), min(p.Y, q.Y), max(p.X-q.X, q.X-p.X), max(p.Y-q.Y, q.Y-p.Y)}
		for s, b := range d.Steps {
			require.False(t, overlap(b, part, 0), "the line from %d to %d passes step %d", from, to, s)
		}
	}
}

// checkMarks asserts that handles cover neither each other nor a step.
func checkMarks(t failer, d layout.Drawing) {
	t.Helper()
	var handles []layout.Box
	add := func(l layout.Line) {
		if l.Path != "" && !(l.Up && len(l.Points) == 4 && l.Points[0].X == l.Points[3].X) {
			handles = append(handles, layout.Box{l.Handle.X - 10, l.Handle.Y - 10, 20, 20})
		}
	}
	for _, l := range d.Lines {
		add(l)
	}
	for _, s := range d.Stubs {
		add(s.Line)
	}
	for i, a := range handles {
		require.True(t, inside(d, layout.Point{a.X, a.Y}) && inside(d, layout.Point{a.X + 20, a.Y + 20}))
		for _, b := range handles[:i] {
			require.False(t, overlap(a, b, 0), "handles %v and %v", a, b)
		}
		for _, b := range d.Steps {
			require.False(t, overlap(a, b, 0), "handle %v and step %v", a, b)
		}
	}
}

// checkOrder asserts that the branches of a step are from left to right.
func checkOrder(t failer, g layout.Graph, d layout.Drawing) {
	t.Helper()
	for i, s := range g.Steps {
		if i != slices.IndexFunc(g.Steps, func(other layout.Step) bool { return other.Key == s.Key }) {
			continue
		}
		last := -1 << 30
		for b, branch := range s.Branches {
			for i, c := range g.Connections {
				isFirst := slices.IndexFunc(s.Branches, func(other layout.Branch) bool { return other.Name == branch.Name }) == b
				if l := d.Lines[i]; isFirst && l.Path != "" && !l.Up && c.From == s.Key && c.Branch == branch.Name && c.From != c.To {
					require.Greater(t, l.Handle.X, last, "branches of %q", s.Key)
					last = l.Handle.X
				}
			}
		}
	}
}

func inside(d layout.Drawing, p layout.Point) bool {
	return p.X >= 0 && p.Y >= 0 && p.X <= d.Width && p.Y <= d.Height
}

func touches(b layout.Box, p layout.Point) bool {
	return p.X >= b.X && p.X <= b.X+b.Width && p.Y >= b.Y && p.Y <= b.Y+b.Height
}

// overlap reports whether two boxes are nearer than a distance. Boxes that only touch do
// not overlap.
func overlap(a, b layout.Box, distance int) bool {
	return a.X < b.X+b.Width+distance && b.X < a.X+a.Width+distance && a.Y < b.Y+b.Height+distance && b.Y < a.Y+a.Height+distance
}

// large is an automation of n steps with branches that split and join.
func large(n int) layout.Graph {
	g := layout.Graph{}
	connect := func(from, to int, branch string, label int) {
		g.Connections = append(g.Connections, layout.Connection{fmt.Sprint(from), fmt.Sprint(to), branch, label})
	}
	for i := range n {
		if i%5 == 1 && i+4 < n {
			g.Steps = append(g.Steps, fork(fmt.Sprint(i)))
			connect(i, i+1, "yes", 40)
			connect(i, i+2, "no", 30)
			connect(i+1, i+3, "", 0)
			connect(i+2, i+4, "", 0)
		} else {
			g.Steps = append(g.Steps, layout.Step{Key: fmt.Sprint(i), Branches: []layout.Branch{{}}})
			if i%5 != 2 && i%5 != 3 && i+1 < n {
				connect(i, i+1, "", 0)
			}
		}
	}
	return g
}

func BenchmarkOf(b *testing.B) {
	for _, n := range []int{12, 150} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			g := large(n)
			b.ReportAllocs()
			for b.Loop() {
				layout.Of(g)
			}
		})
	}
}
