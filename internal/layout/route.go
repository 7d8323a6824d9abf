package layout

import (
	"cmp"
	"slices"
)

// Heights between two rows, in pixels.
const (
	lineGap    = 56 // with straight lines only
	toTrack    = 18 // from a row to the first horizontal line
	trackGap   = 16 // between two horizontal lines
	handleSize = 20
	labelSize  = 20
	padding    = 12 // around a handle and a label, and for an arrow
	corner     = 12 // radius
	loopWidth  = 24 // how far a line from a step to itself leads to the right
)

// bundle is lines between two rows that share a horizontal line: those from one step, or
// those to one.
type bundle struct {
	above, below []int // the x of its ends
	from, to     int   // the x of its horizontal line
	meets        []int // bundles whose horizontal lines it would cover on the same track
	under        []int // those of them that should be below it
	level        int   // how many bundles should be below each other below it
	state        uint8
	track        int // from 0, from above; -1 until it is known
}

func (b *bundle) isStraight() bool { return b.from == b.to }

// gap is the room below a row.
type gap struct {
	top    int // y
	height int
	track  map[[2]int]int // by the nodes above and below: the y of the horizontal line
	zone   int            // y of the last horizontal line
}

// router computes lines.
type router struct {
	*plan
	starts [][]int // by row: the edges that begin there
	tops   []int   // y, by row
	gaps   []gap   // by row
}

func (p *plan) route() Drawing {
	r := router{plan: p}
	r.measure()
	d := Drawing{
		Steps: make([]Box, len(p.graph.Steps)),
		Lines: make([]Line, len(p.graph.Connections)),
	}
	for i := range d.Steps {
		n := &p.nodes[i]
		d.Steps[i] = Box{X: n.x - n.width/2, Y: r.tops[n.row], Width: n.width, Height: n.height}
	}
	for i := range p.edges {
		e := &p.edges[i]
		if len(e.nodes) == 0 {
			continue
		}
		if line := r.line(e); e.isOpen() {
			d.Stubs = append(d.Stubs, Stub{Step: e.from, Branch: e.branch, Line: line})
		} else {
			d.Lines[e.connection] = line
		}
	}
	for i, c := range p.graph.Connections {
		if step, ok := p.index[c.From]; ok && c.From == c.To {
			d.Lines[i] = d.Steps[step].loop(c.Label)
		}
	}
	d.fit(p.graph)
	return d
}

// fit sets the size of the drawing.
func (d *Drawing) fit(g Graph) {
	right, bottom := 0, 0
	add := func(x, y int) { right, bottom = max(right, x), max(bottom, y) }
	line := func(l Line, label int) {
		for _, p := range l.Points {
			add(p.X, p.Y)
		}
		add(l.Label.X+(label+1)/2, l.Label.Y)
		add(l.Handle.X+handleSize/2, l.Handle.Y+handleSize/2)
	}
	for _, b := range d.Steps {
		add(b.X+b.Width, b.Y+b.Height)
	}
	for i, l := range d.Lines {
		line(l, g.Connections[i].Label)
	}
	for _, s := range d.Stubs {
		line(s.Line, g.Steps[s.Step].Branches[s.Branch].Label)
	}
	d.Width, d.Height = max(right, margin)+margin, max(bottom, margin)+margin
}

// measure computes the y of rows and of what is between them.
func (r *router) measure() {
	r.starts, r.tops, r.gaps = make([][]int, len(r.rows)), make([]int, len(r.rows)), make([]gap, len(r.rows))
	for i := range r.edges {
		if e := &r.edges[i]; len(e.nodes) > 0 {
			row := r.nodes[e.nodes[0]].row
			r.starts[row] = append(r.starts[row], i)
		}
	}
	y := margin
	for i, row := range r.rows {
		r.tops[i] = y
		height := 0
		for _, n := range row {
			height = max(height, r.nodes[n].height)
		}
		r.gaps[i] = gap{top: y + height, height: lineGap, track: map[[2]int]int{}}
		r.bundle(i)
		r.gaps[i].height = r.room(i)
		y = r.gaps[i].top + r.gaps[i].height
	}
}

// bundle finds the bundles below a row, and gives each a track on which no line covers
// another.
func (r *router) bundle(row int) {
	bundles, index := r.bundles(row)
	stack(bundles)
	g := &r.gaps[row]
	joins := false
	for key := range index {
		joins = joins || r.handleAbove(key)
	}
	y := g.top + toTrack
	if joins {
		y = g.top + padding + handleSize + padding
	}
	g.zone = y
	for key, i := range index {
		if b := &bundles[i]; !b.isStraight() {
			g.track[key] = y + b.track*trackGap
			g.zone = max(g.zone, g.track[key])
		}
	}
}

// handleAbove reports whether the line between two nodes has its handle above its
// horizontal line, because it joins others there.
func (r *router) handleAbove(key [2]int) bool {
	above, below := &r.nodes[key[0]], &r.nodes[key[1]]
	return len(above.out) == 1 && len(below.in) > 1 && above.step != noStep
}

// bundles returns the bundles below a row, and the index of the bundle of each line.
func (r *router) bundles(row int) ([]bundle, map[[2]int]int) {
	var bundles []bundle
	index := map[[2]int]int{}
	joined := map[int]int{} // by the node below
	for _, u := range r.rows[row] {
		out := r.nodes[u].out
		own := len(bundles)
		for _, v := range out {
			i, ok := own, len(bundles) > own
			if len(out) == 1 && len(r.nodes[v].in) > 1 {
				i, ok = joined[v]
			}
			if !ok {
				i = len(bundles)
				bundles = append(bundles, bundle{from: r.nodes[u].x, to: r.nodes[u].x})
				joined[v] = i
			}
			index[[2]int{u, v}] = i
			bundles[i].add(r.nodes[u].x, r.nodes[v].x)
		}
	}
	return bundles, index
}

func (b *bundle) add(above, below int) {
	b.above, b.below = append(b.above, above), append(b.below, below)
	b.from, b.to = min(b.from, above, below), max(b.to, above, below)
}

// stack gives each bundle its track. Of two bundles whose horizontal lines meet, the one
// above is the one with which fewer lines cross.
func stack(bundles []bundle) {
	var sorted []int
	for i := range bundles {
		if bundles[i].track = -1; !bundles[i].isStraight() {
			sorted = append(sorted, i)
		}
	}
	slices.SortStableFunc(sorted, func(a, b int) int { return cmp.Compare(bundles[a].from, bundles[b].from) })
	for i, a := range sorted {
		for _, b := range sorted[i+1:] {
			if bundles[b].from > bundles[a].to {
				break
			}
			meet(bundles, a, b)
		}
	}
	for _, i := range sorted {
		sink(bundles, i)
	}
	slices.SortStableFunc(sorted, func(a, b int) int { return cmp.Compare(bundles[b].level, bundles[a].level) })
	for _, i := range sorted {
		b := &bundles[i]
		b.track = 0
		for _, m := range b.meets {
			b.track = max(b.track, bundles[m].track+1)
		}
	}
}

// meet records that two bundles need different tracks.
func meet(bundles []bundle, a, b int) {
	upper, lower := a, b
	if cost(&bundles[b], &bundles[a]) < cost(&bundles[a], &bundles[b]) {
		upper, lower = b, a
	}
	bundles[upper].under = append(bundles[upper].under, lower)
	bundles[a].meets = append(bundles[a].meets, b)
	bundles[b].meets = append(bundles[b].meets, a)
}

// cost counts the lines that cross if one bundle is above another.
func cost(upper, lower *bundle) int {
	count := 0
	for _, x := range lower.above {
		if upper.from <= x && x <= upper.to {
			count++
		}
	}
	for _, x := range upper.below {
		if lower.from <= x && x <= lower.to {
			count++
		}
	}
	return count
}

// sink computes the level of a bundle. Where the wishes of bundles form a circle, one of
// them is ignored.
func sink(bundles []bundle, i int) int {
	b := &bundles[i]
	if b.state != unseen {
		return b.level
	}
	b.state = open
	for _, lower := range b.under {
		b.level = max(b.level, sink(bundles, lower)+1)
	}
	b.state = done
	return b.level
}
