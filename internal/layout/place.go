package layout

import (
	"math"
	"slices"
)

const (
	unit    = 64 // of the coordinates while nodes are placed, in a pixel: integers are the same on all machines
	stepGap = 40 // between two steps
	bendGap = 16 // between a step and a bend
	margin  = 32 // around the drawing

	maxCarried = 2000 // chains: carry takes quadratic time at worst
)

// chain is a row of nodes below each other that are joined by single lines. It is
// vertical.
type chain struct {
	nodes   []int
	x       int
	left    []neighbour
	right   []neighbour
	blocked int // chains to its left that are not sorted yet
}

// neighbour is a chain beside a chain, and the least distance to it.
type neighbour struct{ chain, distance int }

// place computes the x of all nodes.
func (p *plan) place() {
	c := placing{plan: p, of: make([]int, len(p.nodes))}
	c.link()
	c.constrain()
	c.settle(make([]int, len(c.chains)))
	for range 8 {
		c.improve(1)
	}
	for range 12 {
		c.improve(4)
	}
	for range 6 {
		c.centre()
	}
	c.carry()
	c.straighten()
	left := math.MaxInt
	for _, ch := range c.chains {
		for _, n := range ch.nodes {
			p.nodes[n].x = (ch.x + unit/2) >> 6
			left = min(left, p.nodes[n].left())
		}
	}
	for i := range p.nodes {
		p.nodes[i].x += margin - left
	}
}

// left returns the least x of what is drawn of a node.
func (n *node) left() int {
	if n.step == noStep {
		return n.x - (n.width-labelMargin)/2
	}
	return n.x - n.width/2
}

type placing struct {
	*plan
	of     []int // the chain of a node
	chains []chain
	order  []int // chains: each follows those to its left
}

// link joins nodes to chains. Two chains never cross: where two lines cross, one of the
// chains ends.
func (c *placing) link() {
	for _, row := range c.rows {
		far := -1
		for _, n := range row {
			c.of[n] = -1
		}
		for _, n := range row {
			c.join(n, &far)
		}
		for _, n := range row {
			if c.of[n] < 0 {
				c.of[n] = len(c.chains)
				c.chains = append(c.chains, chain{nodes: []int{n}})
			}
		}
	}
}

// join appends a node to the chain of the node above, unless it would cross the chain that
// joined last. far is the position above of that chain.
func (c *placing) join(n int, far *int) {
	in := c.nodes[n].in
	if len(in) != 1 || len(c.nodes[in[0]].out) != 1 {
		return
	}
	above := in[0]
	if c.nodes[above].position < *far {
		return
	}
	*far = c.nodes[above].position
	c.of[n] = c.of[above]
	c.chains[c.of[n]].nodes = append(c.chains[c.of[n]].nodes, n)
}

// constrain finds the distances between chains, and their order.
func (c *placing) constrain() {
	for _, row := range c.rows {
		for i := 1; i < len(row); i++ {
			l, r := row[i-1], row[i]
			left, right := c.of[l], c.of[r]
			distance := c.distance(l, r)
			c.chains[left].right = append(c.chains[left].right, neighbour{right, distance})
			c.chains[right].left = append(c.chains[right].left, neighbour{left, distance})
			c.chains[right].blocked++
		}
	}
	var free []int
	for i := range c.chains {
		if c.chains[i].blocked == 0 {
			free = append(free, i)
		}
	}
	for len(free) > 0 {
		i := free[len(free)-1]
		free = free[:len(free)-1]
		c.order = append(c.order, i)
		for _, n := range c.chains[i].right {
			if c.chains[n.chain].blocked--; c.chains[n.chain].blocked == 0 {
				free = append(free, n.chain)
			}
		}
	}
}

// distance returns the least distance between the centres of two neighbours.
func (c *placing) distance(l, r int) int {
	gap := 0
	switch a, b := &c.nodes[l], &c.nodes[r]; {
	case a.step != noStep && b.step != noStep:
		gap = stepGap
	case a.step != noStep || b.step != noStep:
		gap = bendGap
	}
	return ((c.nodes[l].width+1)/2 + gap + (c.nodes[r].width+1)/2) * unit
}

// settle moves chains as near to where they should be as their neighbours allow. It takes
// the mean of two solutions that keep all distances: one that moves chains to the right
// only, and one that moves them to the left only.
func (c *placing) settle(target []int) {
	right, left := slices.Clone(target), target
	for _, i := range c.order {
		for _, n := range c.chains[i].right {
			right[n.chain] = max(right[n.chain], right[i]+n.distance)
		}
	}
	for _, i := range slices.Backward(c.order) {
		for _, n := range c.chains[i].right {
			left[i] = min(left[i], left[n.chain]-n.distance)
		}
	}
	for i := range c.chains {
		c.chains[i].x = (right[i] + left[i]) >> 1
	}
}

// improve moves all chains to where they should be, as far as settle can. weight is how
// much more the branches below a step count than what is above it.
func (c *placing) improve(weight int) {
	target := make([]int, len(c.chains))
	for i := range c.chains {
		target[i] = c.target(i, weight)
	}
	c.settle(target)
}

// target returns where a chain should be: between what is above and what is below.
func (c *placing) target(i, weight int) int {
	above, below := c.ends(i)
	if len(below) < 2 {
		weight = 1
	}
	switch {
	case len(above) > 0 && len(below) > 0:
		return (c.middle(above) + c.middle(below)*weight) / (weight + 1)
	case len(above) > 0:
		return c.middle(above)
	case len(below) > 0:
		return c.middle(below)
	default: // a loose step
		return c.chains[c.of[0]].x
	}
}

// ends returns the nodes above and below a chain.
func (c *placing) ends(i int) (above, below []int) {
	nodes := c.chains[i].nodes
	return c.nodes[nodes[0]].in, c.nodes[nodes[len(nodes)-1]].out
}

// middle returns the median of the x of some nodes.
func (c *placing) middle(nodes []int) int {
	x := make([]int, 0, 8)
	for _, n := range nodes {
		x = append(x, c.chains[c.of[n]].x)
	}
	slices.Sort(x)
	return (x[(len(x)-1)/2] + x[len(x)/2]) >> 1
}

// centre moves one chain after the other to where it should be, as far as there is room: a
// step with branches above their middle, and a step in which branches join below theirs.
func (c *placing) centre() {
	for i := range slices.Backward(c.chains) { // from below
		above, below := c.ends(i)
		x := c.target(i, 1)
		switch {
		case len(below) > 1:
			x = c.middle(below)
		case len(above) > 1:
			x = c.middle(above)
		}
		c.move(i, x)
	}
}

// carry moves each chain in which branches join below the middle of these, together with
// all that only it leads to.
func (c *placing) carry() {
	if len(c.chains) > maxCarried {
		return
	}
	in, lines := make([]bool, len(c.chains)), make([]int, len(c.chains))
	for i := range c.chains {
		if above, _ := c.ends(i); len(above) > 1 {
			c.shift(c.led(i, lines), c.middle(above)-c.chains[i].x, in)
		}
	}
}

// led returns a chain and the chains that only it leads to. It leaves lines as it is: all
// zero.
func (c *placing) led(i int, lines []int) []int {
	group, touched := []int{i}, []int{}
	for at := 0; at < len(group); at++ {
		_, below := c.ends(group[at])
		for _, n := range below {
			next := c.of[n]
			touched = append(touched, next)
			if lines[next]++; lines[next] == len(c.nodes[n].in) {
				group = append(group, next)
			}
		}
	}
	for _, next := range touched {
		lines[next] = 0
	}
	return group
}

// shift moves a group of chains by a distance, or as far as its neighbours allow. It leaves
// in as it is: all false.
func (c *placing) shift(group []int, by int, in []bool) {
	for _, i := range group {
		in[i] = true
	}
	for _, i := range group {
		by = c.slack(i, by, in)
	}
	for _, i := range group {
		c.chains[i].x += by
		in[i] = false
	}
}

// slack returns how much of a distance a chain can move with the others of its group.
func (c *placing) slack(i, by int, in []bool) int {
	x := c.chains[i].x
	for _, n := range c.chains[i].right {
		if by > 0 && !in[n.chain] {
			by = min(by, c.chains[n.chain].x-n.distance-x)
		}
	}
	for _, n := range c.chains[i].left {
		if by < 0 && !in[n.chain] {
			by = max(by, c.chains[n.chain].x+n.distance-x)
		}
	}
	return by
}

// straighten removes small steps from lines.
func (c *placing) straighten() {
	const small = 24 * unit
	for i := range c.chains {
		above, below := c.ends(i)
		for _, n := range slices.Concat(above, below) {
			x := c.chains[c.of[n]].x
			if far := x - c.chains[i].x; far != 0 && -small <= far && far <= small {
				c.move(i, x)
				break
			}
		}
	}
}

// move moves a chain to x, or as near to it as its neighbours allow.
func (c *placing) move(i, x int) {
	for _, n := range c.chains[i].right {
		x = min(x, c.chains[n.chain].x-n.distance)
	}
	for _, n := range c.chains[i].left {
		x = max(x, c.chains[n.chain].x+n.distance)
	}
	c.chains[i].x = x
}
