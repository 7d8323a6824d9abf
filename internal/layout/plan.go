package layout

import (
	"cmp"
	"slices"
)

// plan is a drawing in the making.
type plan struct {
	graph Graph
	index map[string]int // steps by key
	edges []edge
	outs  [][]int // by step: its edges, from left to right
	ranks []int   // by step: its row
	late  []bool  // by step: the trigger does not reach it
	nodes []node
	rows  [][]int // nodes, from left to right
}

// edge is a connection between two steps, or an open branch.
type edge struct {
	from, to   int // steps; to is noStep for an open branch
	connection int // index, or -1 for an open branch
	branch     int // position among the branches of from
	label      int
	up         bool // it is drawn from to, which is above, down to from
	alone      bool // it needs a column of its own, and so passes at least one row
	nodes      []int
}

const noStep = -1

// node is a step, a place where an edge passes a row, or the end of an open branch.
type node struct {
	step          int // or noStep
	width, height int
	row, position int
	x             int   // of its centre; in units while nodes are placed
	in, out       []int // nodes in the rows above and below, from left to right
}

// top and bottom return the steps between which an edge is drawn.
func (e *edge) top() int {
	if e.up {
		return e.to
	}
	return e.from
}

func (e *edge) bottom() int {
	if e.up {
		return e.from
	}
	return e.to
}

func (e *edge) isOpen() bool { return e.connection < 0 }

func newPlan(g Graph) *plan {
	p := &plan{graph: g, index: make(map[string]int, len(g.Steps)), outs: make([][]int, len(g.Steps))}
	for i, s := range g.Steps {
		if _, repeated := p.index[s.Key]; !repeated {
			p.index[s.Key] = i
		}
	}
	connected := p.connect()
	for i, s := range g.Steps {
		for b, branch := range s.Branches {
			if !connected[[2]int{i, b}] {
				p.add(edge{from: i, to: noStep, connection: -1, branch: b, label: branch.Label})
			}
		}
	}
	for _, outs := range p.outs {
		slices.SortStableFunc(outs, func(a, b int) int { return cmp.Compare(p.edges[a].branch, p.edges[b].branch) })
	}
	return p
}

// connect adds the connections that have a line, and returns which branches they belong
// to. A connection of a step with itself has no edge: its line passes no row.
func (p *plan) connect() map[[2]int]bool {
	connected := map[[2]int]bool{}
	for i, c := range p.graph.Connections {
		from, isFrom := p.index[c.From]
		to, isTo := p.index[c.To]
		if !isFrom || !isTo {
			continue
		}
		branches := p.graph.Steps[from].Branches
		b := slices.IndexFunc(branches, func(b Branch) bool { return b.Name == c.Branch })
		if b < 0 {
			b = len(branches)
		}
		connected[[2]int{from, b}] = true
		if from != to {
			p.add(edge{from: from, to: to, connection: i, branch: b, label: c.Label})
		}
	}
	return connected
}

func (p *plan) add(e edge) {
	p.outs[e.from] = append(p.outs[e.from], len(p.edges))
	p.edges = append(p.edges, e)
}

// size returns the width and the height of a step.
func (p *plan) size(step int) (width, height int) {
	s := p.graph.Steps[step]
	if width = s.Width; width <= 0 {
		width = StepWidth
	}
	if height = s.Height; height <= 0 {
		height = StepHeight
	}
	return width, height
}
