package layout

import "slices"

// maxBends is how many rows all edges together may pass, so that a hostile graph costs
// neither much memory nor much time.
const maxBends = 20_000

// rank gives each step its row: the length of the longest path that leads to it.
func (p *plan) rank() {
	w := walker{plan: p, state: make([]uint8, len(p.graph.Steps))}
	p.ranks = make([]int, len(p.graph.Steps))
	p.late = make([]bool, len(p.graph.Steps))
	if len(p.graph.Steps) == 0 {
		return
	}
	w.visit(0)
	reached := w.takeOrder()
	for i := range p.late {
		p.late[i] = w.state[i] == unseen
	}
	for _, root := range p.lateRoots() {
		if w.state[root] == unseen {
			w.visit(root)
		}
	}
	rest := w.takeOrder()
	p.separate()
	p.descend(reached)
	p.rankRest(rest)
	p.closeRows()
}

// walker finds the edges that close loops, and an order in which each step follows the
// steps that lead to it.
type walker struct {
	*plan
	state []uint8
	done  []int
}

const (
	unseen uint8 = iota
	open
	done
)

func (w *walker) visit(step int) {
	w.state[step] = open
	for _, i := range w.outs[step] {
		e := &w.edges[i]
		switch {
		case e.isOpen():
		case w.state[e.to] == unseen:
			w.visit(e.to)
		case w.state[e.to] == open, w.late[step] && !w.late[e.to]:
			e.up = true
		}
	}
	w.state[step] = done
	w.done = append(w.done, step)
}

func (w *walker) takeOrder() []int {
	order := w.done
	w.done = nil
	slices.Reverse(order)
	return order
}

// lateRoots returns the steps that the trigger does not reach: first those that no step
// leads to.
func (p *plan) lateRoots() []int {
	led := make([]bool, len(p.late))
	for i := range p.edges {
		if e := &p.edges[i]; !e.isOpen() {
			led[e.to] = true
		}
	}
	var roots, others []int
	for i, late := range p.late {
		switch {
		case !late:
		case led[i]:
			others = append(others, i)
		default:
			roots = append(roots, i)
		}
	}
	return append(roots, others...)
}

// separate finds the edges that need a column of their own: those from a step with
// several to a step with several, and those that would have their label where they meet
// others.
func (p *plan) separate() {
	out, in := make([]int, len(p.late)), make([]int, len(p.late))
	for i := range p.edges {
		e := &p.edges[i]
		out[e.top()]++
		if !e.isOpen() {
			in[e.bottom()]++
		}
	}
	for i := range p.edges {
		e := &p.edges[i]
		e.alone = e.up || !e.isOpen() && in[e.bottom()] > 1 && (out[e.top()] > 1 || e.label > 0)
	}
}

// descend moves each step below the steps that lead to it.
func (p *plan) descend(order []int) {
	down := make([][]int, len(p.ranks))
	for i := range p.edges {
		if e := &p.edges[i]; !e.isOpen() {
			down[e.top()] = append(down[e.top()], i)
		}
	}
	for _, step := range order {
		for _, i := range down[step] {
			e := &p.edges[i]
			least := p.ranks[step] + 1
			if e.alone {
				least++
			}
			p.ranks[e.bottom()] = max(p.ranks[e.bottom()], least)
		}
	}
}

// rankRest puts the steps that the trigger does not reach below all others. Those without
// connections are in rows of limited width.
func (p *plan) rankRest(order []int) {
	first, widest := p.extent()
	for step, late := range p.late {
		if late {
			p.ranks[step] = max(p.ranks[step], first)
		}
	}
	p.descend(order)
	connected := make([]bool, len(p.late))
	for i := range p.edges {
		if e := &p.edges[i]; !e.isOpen() {
			connected[e.from], connected[e.to] = true, true
		}
	}
	for step, late := range p.late {
		if late && connected[step] {
			first = max(first, p.ranks[step]+2)
		}
	}
	count := 0
	for step, late := range p.late {
		if late && !connected[step] {
			p.ranks[step] = first + count/max(4, widest)*2 // every other row is for stubs
			count++
		}
	}
}

// extent returns the first row below the steps that the trigger reaches and below their
// stubs, and how many of these steps are in one row.
func (p *plan) extent() (rows, widest int) {
	count := map[int]int{}
	for step, late := range p.late {
		if !late {
			count[p.ranks[step]]++
			widest = max(widest, count[p.ranks[step]])
			rows = max(rows, p.ranks[step]+2)
		}
	}
	return rows, widest
}

// closeRows renumbers the rows without those that are empty.
func (p *plan) closeRows() {
	used := map[int]bool{}
	for _, r := range p.ranks {
		used[r] = true
	}
	for i := range p.edges {
		if e := &p.edges[i]; e.alone || e.isOpen() {
			used[p.ranks[e.top()]+1] = true
		}
	}
	rows := make(map[int]int, len(used))
	for r := 0; len(rows) < len(used); r++ {
		if used[r] {
			rows[r] = len(rows)
		}
	}
	for step, r := range p.ranks {
		p.ranks[step] = rows[r]
	}
}
