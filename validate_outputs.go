package automation

import "github.com/seed-b636437c/automation/internal/jsondoc"

// validateOutput checks that a run has left the step whose output p reads when it reaches
// this step.
func (c *stepValidator) validateOutput(path string, p path) {
	from := c.graph.find(p.name)
	if c.graph.types[from] == TypeTrigger {
		c.errorf(CodeInvalidReference, path, "%s reads the output of the trigger, which has none: "+
			"write trigger.<field> for the payload of its event", jsondoc.Quote(p.text))
		return
	}
	switch c.precedence(from) {
	case neverBefore:
		c.errorf(CodeOutputNotBefore, path, "%s reads the output of step %s, which lies on no path to this one: "+
			"put that step before it, or read it later", jsondoc.Quote(p.text), jsondoc.Quote(p.name))
	case sometimesBefore:
		c.warnf(CodeOutputSometimesBefore, path, "%s reads the output of step %s, which does not lie on every path to this one: "+
			"it can be absent", jsondoc.Quote(p.text), jsondoc.Quote(p.name))
	}
}

// precedence returns the precedence of step from on the paths to the step, or on the paths
// that are meant if these are better.
func (c *stepValidator) precedence(from int) precedence {
	if c.orders == nil {
		c.orders = []*stepFlow{newStepFlow(c.graph), nil}
		c.orders[1] = c.orders[0]
		if c.meant != c.graph {
			c.orders[1] = newStepFlow(c.meant)
		}
	}
	if c.isObscured() {
		return alwaysBefore
	}
	return min(c.orders[0].at(c.i, from), c.orders[1].at(c.i, from))
}

// precedence is the part of the paths to a step on which another step lies.
type precedence int

const (
	alwaysBefore    precedence = iota // on every path
	sometimesBefore                   // on some paths only
	neverBefore                       // on no path
)

// stepFlow has, for each step, the steps that a run has left when it reaches the step. A set
// of steps has a bit for each step, and is words long.
type stepFlow struct {
	words     int
	sometimes []uint64 // by step: the steps on a path to it
	always    []uint64 // by step: the steps on every path to it
}

// newStepFlow follows all paths from the trigger at once, as newWaitFlow does.
func newStepFlow(g *stepGraph) *stepFlow {
	n := len(g.types)
	f := &stepFlow{words: (n + 63) / 64}
	f.sometimes, f.always = make([]uint64, n*f.words), make([]uint64, n*f.words)
	seen := make([]bool, n)
	for _, from := range g.order {
		for _, l := range g.out(from) {
			if l.to >= 0 {
				f.follow(from, l.to, seen[l.to])
				seen[l.to] = true
			}
		}
	}
	return f
}

// follow adds the step from, and the sets of from, to the step to. If another path reached
// it before, which seen reports, the set always keeps only the steps of both paths.
func (f *stepFlow) follow(from, to int, seen bool) {
	for w := range f.words {
		at, target := from*f.words+w, to*f.words+w
		f.sometimes[target] |= f.sometimes[at] | wordOf(from, w)
		always := f.always[at] | wordOf(from, w)
		if seen {
			always &= f.always[target]
		}
		f.always[target] = always
	}
}

// at returns the precedence of the step from on the paths to the step.
func (f *stepFlow) at(step, from int) precedence {
	word, mask := step*f.words+from/64, uint64(1)<<(from%64)
	switch {
	case f.sometimes[word]&mask == 0:
		return neverBefore
	case f.always[word]&mask == 0:
		return sometimesBefore
	default:
		return alwaysBefore
	}
}
