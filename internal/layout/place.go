package layout

import "slices"

const (
	unit    = 64 // of the coordinates while nodes are placed, in a pixel: integers are the same on all machines
	stepGap = 40 // between two steps
	bendGap = 16 // between a step and a bend
	margin  = 32 // around the drawing
)

// chain is a row of nodes below each other that are joined by single lines. It is
// vertical.
type chain struct {
	nodes   []int
	x       int
	right   []neighbour
	blocked int // chains to its left that are not sorted yet
}

// neighbour is a chain to the right, and the least distance to it.
type neighbour struct{ chain, distance int }

// place computes the x of all nodes.
func (p *plan) place() {
	c := placing{plan: p, of: make([]int, len(p.nodes))}
	c.link()
	c.constrain()
	c.settle(zeros(len(c.chains)))
	for range 12 {
		c.improve(1)
	}
	for range 24 {
		c.improve(4)
	}
	for range 6 {
		c.improve(1 << 20)
	}
	left := 0
	for i, ch := range c.chains {
		c.chains[i].x = (ch.x + unit/2) >> 6
		for _, n := range ch.nodes {
			p.nodes[n].x = c.chains[i].x
			left = min(left, c.chains[i].x-p.nodes[n].width/2)
		}
	}
	for i := range p.nodes {
		p.nodes[i].x += margin - left
	}
}

type placing struct {
	*plan
	of     []int // the chain of a node
	chains []chain
	order  []int // chains: each follows those to its left
}

func zeros(n int) []int { return make([]int, n) }

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
			left := &c.chains[c.of[l]]
			left.right = append(left.right, neighbour{c.of[r], c.distance(l, r)})
			c.chains[c.of[r]].blocked++
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

// improve moves each chain to the middle between what is above and what is below. weight
// is how much more the branches below a step count.
func (c *placing) improve(weight int) {
	target := make([]int, len(c.chains))
	for i, ch := range c.chains {
		first, last := &c.nodes[ch.nodes[0]], &c.nodes[ch.nodes[len(ch.nodes)-1]]
		above, hasAbove := c.middle(first.in)
		below, hasBelow := c.middle(last.out)
		w := 1
		if len(last.out) > 1 {
			w = weight
		}
		switch {
		case hasAbove && hasBelow:
			target[i] = (above + below*w) / (w + 1)
		case hasAbove:
			target[i] = above
		case hasBelow:
			target[i] = below
		default:
			target[i] = c.chains[c.of[0]].x
		}
	}
	c.settle(target)
}

// middle returns the middle between the outermost of some nodes.
func (c *placing) middle(nodes []int) (x int, ok bool) {
	if len(nodes) == 0 {
		return 0, false
	}
	low := c.chains[c.of[nodes[0]]].x
	high := low
	for _, n := range nodes[1:] {
		low, high = min(low, c.chains[c.of[n]].x), max(high, c.chains[c.of[n]].x)
	}
	return (low + high) >> 1, true
}
