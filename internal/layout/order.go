package layout

import (
	"cmp"
	"slices"
)

// The widths of nodes that are no steps. They include the distance to their neighbours.
const (
	bendWidth   = 40
	labelMargin = 32
)

// fill makes the nodes of all steps and edges. The nodes below a step are in the order of
// its branches.
func (p *plan) fill() {
	for step := range p.graph.Steps {
		width, height := p.size(step)
		p.nodes = append(p.nodes, node{step: step, width: width, height: height, row: p.ranks[step]})
	}
	bends := maxBends
	for _, outs := range p.outs {
		for _, i := range outs {
			if e := &p.edges[i]; !e.up {
				bends -= p.thread(e, bends)
			}
		}
	}
	for i := range p.edges {
		if e := &p.edges[i]; e.up { // right of the others
			bends -= p.thread(e, bends)
		}
	}
}

// thread makes the nodes of an edge, at most as many as there are bends left. It returns
// how many rows the edge passes.
func (p *plan) thread(e *edge, bends int) int {
	row, last := p.ranks[e.top()]+1, p.ranks[e.top()]+1
	if !e.isOpen() {
		last = p.ranks[e.bottom()] - 1
	}
	if last-row+1 > bends && !e.isOpen() {
		return 0
	}
	e.nodes = append(e.nodes, e.top())
	for r := row; r <= last; r++ {
		width := bendWidth
		if r == row {
			width = max(Fan, e.label+labelMargin)
		}
		p.nodes = append(p.nodes, node{step: noStep, width: width, row: r})
		e.nodes = append(e.nodes, len(p.nodes)-1)
	}
	if !e.isOpen() {
		e.nodes = append(e.nodes, e.bottom())
	}
	for i, n := range e.nodes[1:] {
		above := e.nodes[i]
		p.nodes[above].out = append(p.nodes[above].out, n)
		p.nodes[n].in = append(p.nodes[n].in, above)
	}
	return last - row + 1
}

// order arranges the nodes of each row. It begins with the order in which a walk along the
// branches meets them, and then removes crossings. Nodes below one step always stay in the
// order of its branches: if a step leads to several nodes, only it leads to them.
func (p *plan) order() {
	p.walk()
	best, fewest := p.copyRows(), p.crossings()
	for pass := 0; pass < 8 && fewest > 0; pass++ {
		p.align()
		p.swap()
		if c := p.crossings(); c < fewest {
			best, fewest = p.copyRows(), c
		}
	}
	for r, row := range best {
		p.arrange(r, row)
	}
}

func (p *plan) walk() {
	rows := 0
	for i := range p.nodes {
		rows = max(rows, p.nodes[i].row+1)
	}
	p.rows = make([][]int, rows)
	seen := make([]bool, len(p.nodes))
	var visit func(n int)
	visit = func(n int) {
		if seen[n] {
			return
		}
		seen[n] = true
		nd := &p.nodes[n]
		nd.position = len(p.rows[nd.row])
		p.rows[nd.row] = append(p.rows[nd.row], n)
		for _, below := range nd.out {
			visit(below)
		}
	}
	for n := range p.nodes {
		if len(p.nodes[n].in) == 0 {
			visit(n)
		}
	}
}

func (p *plan) copyRows() [][]int {
	rows := make([][]int, len(p.rows))
	for i, row := range p.rows {
		rows[i] = slices.Clone(row)
	}
	return rows
}

func (p *plan) arrange(r int, row []int) {
	p.rows[r] = row
	for position, n := range row {
		p.nodes[n].position = position
	}
}

// align sorts each row by the mean position of the nodes above. The sort is stable, so
// that nodes below one step keep their order.
func (p *plan) align() {
	for r, row := range p.rows {
		mean := make(map[int]float64, len(row))
		for _, n := range row {
			mean[n] = p.mean(n)
		}
		slices.SortStableFunc(row, func(a, b int) int { return cmp.Compare(mean[a], mean[b]) })
		p.arrange(r, row)
	}
}

func (p *plan) mean(n int) float64 {
	in := p.nodes[n].in
	if len(in) == 0 {
		return float64(p.nodes[n].position)
	}
	sum := 0
	for _, above := range in {
		sum += p.nodes[above].position
	}
	return float64(sum) / float64(len(in))
}

// swap exchanges neighbours as long as that removes crossings.
func (p *plan) swap() {
	for improved, pass := true, 0; improved && pass < 8; pass++ {
		improved = false
		for _, row := range p.rows {
			for i := 1; i < len(row); i++ {
				if p.swapGains(row[i-1], row[i]) {
					row[i-1], row[i] = row[i], row[i-1]
					p.nodes[row[i-1]].position, p.nodes[row[i]].position = i-1, i
					improved = true
				}
			}
		}
	}
}

// swapGains reports whether fewer lines cross if a is to the right of b.
func (p *plan) swapGains(a, b int) bool {
	na, nb := &p.nodes[a], &p.nodes[b]
	if len(na.in) == 1 && len(nb.in) == 1 && na.in[0] == nb.in[0] {
		return false
	}
	return p.inversions(na.in, nb.in)+p.inversions(na.out, nb.out) > p.inversions(nb.in, na.in)+p.inversions(nb.out, na.out)
}

// inversions counts the pairs of which the left node is to the right of the other.
func (p *plan) inversions(left, right []int) int {
	count := 0
	for _, l := range left {
		for _, r := range right {
			if p.nodes[l].position > p.nodes[r].position {
				count++
			}
		}
	}
	return count
}

// crossings counts the pairs of lines that cross.
func (p *plan) crossings() int {
	count := 0
	for r := 1; r < len(p.rows); r++ {
		above := make([]int, len(p.rows[r-1])+1) // a Fenwick tree of how many lines begin at a position
		lines := 0
		for _, n := range p.rows[r] {
			for _, a := range p.nodes[n].in {
				count += lines
				for i := p.nodes[a].position + 1; i > 0; i -= i & -i {
					count -= above[i]
				}
			}
			for _, a := range p.nodes[n].in {
				lines++
				for i := p.nodes[a].position + 1; i < len(above); i += i & -i {
					above[i]++
				}
			}
		}
	}
	return count
}
