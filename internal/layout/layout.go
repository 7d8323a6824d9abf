// Package layout computes where the steps of an automation and the connections between
// them are drawn. It is pure: the same graph has the same drawing on every machine.
//
// Steps are in rows, from the trigger down. A step is in the row below the last of the
// steps that lead to it. A step's branches are from left to right, in their order. A
// connection has a column of its own wherever it passes a row, and wherever it joins a
// branch of one step with a branch of another. So it passes no step, and a label on it
// meets no other label.
//
// Any graph has a drawing, valid or not: keys may be unknown or repeated, and there may be
// loops.
package layout

// The sizes of a step without sizes of its own, in pixels.
const (
	StepWidth  = 256
	StepHeight = 64
)

// Fan is the least distance between two connections from one step, in pixels.
const Fan = 96

// Graph is what is drawn. The first step is the trigger.
type Graph struct {
	Steps       []Step
	Connections []Connection
}

// Step is a step. If several steps have one key, connections with this key belong to the
// first of them.
type Step struct {
	Key string
	// Width and Height are in pixels. Zero means StepWidth and StepHeight.
	Width, Height int
	// Branches are the outcomes of the step, from left to right. A branch without a
	// connection is open, and has a stub. Connections of other branches are to the right
	// of these, in the order of Graph.Connections.
	Branches []Branch
}

// Branch is an outcome of a step.
type Branch struct {
	Name string
	// Label is the width of its label in pixels. Zero means that it has no label.
	Label int
}

// Connection is an edge. Branch is the name of the branch of From that it belongs to.
type Connection struct {
	From, To, Branch string
	// Label is the width of its label in pixels. Zero means that it has no label.
	Label int
}

// Drawing has the positions of everything in a graph, in pixels from the upper left
// corner. All lines and boxes are within its width and height.
type Drawing struct {
	Width, Height int
	// Steps are in the order of Graph.Steps.
	Steps []Box
	// Lines are in the order of Graph.Connections.
	Lines []Line
	// Stubs are in the order of their steps and branches.
	Stubs []Stub
}

// Box is where a step is.
type Box struct{ X, Y, Width, Height int }

// Point is a position.
type Point struct{ X, Y int }

// Line is where a connection is.
type Line struct {
	// Path is the line as data of an SVG path. It is empty, as all of Line is, for a
	// connection that has no line: its From or To is unknown, or it is longer than what
	// remains of the 20,000 rows that all connections together may pass.
	Path string
	// Points are the ends and the corners of the line. Its parts are horizontal and
	// vertical.
	Points []Point
	// Label is the centre of its label.
	Label Point
	// Handle is the centre of a handle on the line, which is 20 pixels wide and high.
	Handle Point
	// Up is true for a line that leads up: it closes a loop, or comes from a step that the
	// trigger does not reach.
	Up bool
}

// Stub is the line of an open branch. It ends at its handle.
type Stub struct {
	Step   int // index in Graph.Steps
	Branch int // index in Step.Branches
	Line
}

// Of returns the drawing of a graph.
func Of(g Graph) Drawing {
	p := newPlan(g)
	p.rank()
	p.fill()
	p.order()
	p.place()
	return p.route()
}
