package layout

import (
	"slices"
	"strconv"
)

// room returns the height that the lines below a row need.
func (r *router) room(row int) int {
	g, height := &r.gaps[row], lineGap
	for _, i := range r.starts[row] {
		_, handle := r.marks(&r.edges[i])
		height = max(height, handle.Y+handleSize/2+padding-g.top)
	}
	if len(g.track) > 0 {
		height = max(height, g.zone+corner+padding-g.top)
	}
	return height
}

// marks returns where the label and the handle of an edge are: on the part of its line
// that it shares with no other.
func (r *router) marks(e *edge) (label, handle Point) {
	first, next := &r.nodes[e.nodes[0]], &r.nodes[e.nodes[1]]
	g := &r.gaps[first.row]
	bottom := r.tops[first.row] + first.height
	alone := len(first.out) == 1
	from := g.zone + corner // where the part begins
	switch {
	case alone && len(next.in) > 1:
		return r.stacked(first.x, bottom+padding, 0)
	case alone && e.isOpen():
		from = bottom + padding
	case alone && first.x == next.x && e.label == 0:
		return r.stacked(first.x, (bottom+g.top+g.height-handleSize)/2, 0)
	case alone && first.x == next.x:
		from = bottom + padding
	}
	return r.stacked(next.x, from, e.label)
}

// stacked returns the positions of a label and of the handle below it.
func (r *router) stacked(x, y, label int) (labelAt, handle Point) {
	if label == 0 {
		return Point{x, y + handleSize/2}, Point{x, y + handleSize/2}
	}
	return Point{x, y + labelSize/2}, Point{x, y + labelSize + padding/2 + handleSize/2}
}

// line returns the line of an edge.
func (r *router) line(e *edge) Line {
	line := Line{Up: e.up}
	line.Label, line.Handle = r.marks(e)
	first := &r.nodes[e.nodes[0]]
	points := []Point{{first.x, r.tops[first.row] + first.height}}
	for i, n := range e.nodes[1:] {
		above := e.nodes[i]
		if a, b := &r.nodes[above], &r.nodes[n]; a.x != b.x {
			y := r.gaps[a.row].track[[2]int{above, n}]
			points = append(points, Point{a.x, y}, Point{b.x, y})
		}
	}
	last := &r.nodes[e.nodes[len(e.nodes)-1]]
	end := Point{last.x, r.tops[last.row]}
	if e.isOpen() {
		end = line.Handle
	}
	line.Points = append(points, end)
	if e.up {
		slices.Reverse(line.Points)
	}
	line.Path = path(line.Points)
	return line
}

// loop returns the line of a connection from a step to itself, at the right side of the
// step.
func (b Box) loop(label int) Line {
	x, y, quarter := b.X+b.Width, b.Y+b.Height/2, b.Height/4
	points := []Point{{x, y + quarter}, {x + loopWidth, y + quarter}, {x + loopWidth, y - quarter}, {x, y - quarter}}
	return Line{
		Path: path(points), Points: points, Up: true,
		Label: Point{x - label/2, b.Y - labelSize/2}, Handle: Point{x + loopWidth, y},
	}
}

// path returns the data of an SVG path along points, with round corners.
func path(points []Point) string {
	b := appendPoint([]byte("M"), points[0])
	last := len(points) - 1
	for i := 1; i < last; i++ {
		before, c, after := points[i-1], points[i], points[i+1]
		radius := min(corner, length(before, c)/2, length(c, after)/2)
		b = appendLine(b, before, toward(c, before, radius))
		b = appendPoint(append(b, 'Q'), c)
		b = appendPoint(append(b, ' '), toward(c, after, radius))
	}
	return string(appendLine(b, points[last-1], points[last]))
}

func appendPoint(b []byte, p Point) []byte {
	b = append(strconv.AppendInt(b, int64(p.X), 10), ' ')
	return strconv.AppendInt(b, int64(p.Y), 10)
}

// appendLine appends a line that is horizontal or vertical.
func appendLine(b []byte, from, to Point) []byte {
	if from.Y == to.Y {
		return strconv.AppendInt(append(b, 'H'), int64(to.X), 10)
	}
	return strconv.AppendInt(append(b, 'V'), int64(to.Y), 10)
}

// length returns the length of a line that is horizontal or vertical.
func length(a, b Point) int { return max(a.X-b.X, b.X-a.X) + max(a.Y-b.Y, b.Y-a.Y) }

// toward returns the point at a distance from one point in the direction of another.
func toward(from, to Point, distance int) Point {
	switch {
	case to.X > from.X:
		from.X += distance
	case to.X < from.X:
		from.X -= distance
	case to.Y > from.Y:
		from.Y += distance
	case to.Y < from.Y:
		from.Y -= distance
	}
	return from
}
