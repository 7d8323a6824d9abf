package automation

import (
	"fmt"
	"slices"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/nearest"
)

// maxGuesses bounds how many misspelt keys of one automation Validate looks up, because
// a key is compared with the keys of all steps.
const maxGuesses = 20

// consequences are the codes of problems that a mistake elsewhere can cause.
var consequences = map[Code]bool{
	CodeUnreachable:           true,
	CodeOneBranch:             true,
	CodeUnhandledTimeout:      true,
	CodeWaitNeverBefore:       true,
	CodeWaitSometimesBefore:   true,
	CodeOutputNotBefore:       true,
	CodeOutputSometimesBefore: true,
	CodeNoElse:                true,
	CodeBranchUnconnected:     true,
	CodeVariantUnconnected:    true,
}

// causesFirst moves consequences behind all other problems. Apart from that, the problems
// keep their order.
func causesFirst(problems Problems) Problems {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		switch isConsequence := consequences[a.Code]; {
		case isConsequence == consequences[b.Code]:
			return 0
		case isConsequence:
			return 1
		default:
			return -1
		}
	})
	return problems
}

// guess returns the graph as its author most likely means it: a connection with an
// unknown key joins the step with the nearest key. A problem that this graph does not
// have is only a consequence of the wrong key.
func (v *validator) guess() *stepGraph {
	meant, guesses := slices.Clone(v.graph.ends), 0
	for i, conn := range v.automation.Connections {
		if guesses >= maxGuesses {
			break
		}
		if meant[i].from < 0 {
			guesses++
			meant[i].from = v.nearStep(conn.From, func(step int) fit { return v.fitsFrom(step, meant[i].to, conn.Type.orDefault()) })
		}
		if meant[i].to < 0 {
			guesses++
			meant[i].to = v.nearStep(conn.To, func(step int) fit { return v.fitsTo(step, meant[i].from) })
		}
	}
	if guesses == 0 {
		return v.graph
	}
	return v.graph.withEnds(v.automation.Connections, meant)
}

// fit is how well a step fits as one end of a connection.
type fit int

const (
	unfit fit = iota
	taken     // there is such a connection already
	free
)

func (v *validator) fitsFrom(step, to int, typ ConnectionType) fit {
	branches, known := v.branches(step)
	switch {
	case step == to || known && !slices.Contains(branches, typ):
		return unfit
	case v.graph.hasBranch(step, typ):
		return taken
	default:
		return free
	}
}

func (v *validator) fitsTo(step, from int) fit {
	switch {
	case step == from || step == v.graph.trigger:
		return unfit
	case v.graph.led[step]:
		return taken
	default:
		return free
	}
}

// nearStep returns the step whose key is nearest to key, or -1. Of several keys that are
// equally near, it prefers one of a step that is free.
func (v *validator) nearStep(key string, fits func(step int) fit) int {
	var keys [free + 1][]string
	for i, s := range v.automation.Steps {
		keys[fits(i)] = append(keys[fits(i)], s.Key)
	}
	near := nearest.Match(key, append(keys[free], keys[taken]...))
	if near == "" {
		return -1
	}
	return v.graph.find(near)
}

// unknownStep returns the message for a key that no step has. meant is the step that the
// key most likely misspells, or -1.
func (v *validator) unknownStep(key string, meant int) string {
	hint := "name the key of a step"
	if meant >= 0 {
		hint = fmt.Sprintf("did you mean %s?", jsondoc.Quote(v.automation.Steps[meant].Key))
	}
	return fmt.Sprintf("there is no step %s: %s", jsondoc.Quote(key), hint)
}

// unreachable returns the steps that no path leads to, if nothing else explains that.
// For each of them it returns the number of steps behind it, which are reached with it.
//
// A mistake in a connection explains the steps to which the connection was to lead. A
// connection that leads nowhere can have been meant for every step to which nothing
// leads. Therefore it explains such a step only if there are not more of them.
func (v *validator) unreachable() map[int]int {
	if !v.graph.isRooted() {
		return nil
	}
	w := walk{v.meant, slices.Clone(v.meant.reached)}
	for _, e := range v.meant.ends {
		if e.from < 0 && e.to >= 0 {
			w.visit(e.to)
		}
	}
	roots := v.roots(w.seen)
	explained := len(roots) <= w.loose()
	unreachable := map[int]int{}
	for _, root := range roots {
		if n := w.visit(root); !explained {
			unreachable[root] = n - 1
		}
	}
	for i, s := range v.automation.Steps { // steps in a cycle, and behind it
		if !w.seen[i] && v.graph.index[s.Key] == i {
			unreachable[i] = 0
		}
	}
	return unreachable
}

// obscured reports, by step, whether a mistake in a connection hides what comes before the
// step: it lies behind a connection that begins at no step. A connection that leads
// nowhere can have been meant for every step.
func (v *validator) obscured() []bool {
	w := walk{v.meant, make([]bool, len(v.automation.Steps))}
	for _, e := range v.meant.ends {
		if w.target(e) < 0 {
			return slices.Repeat([]bool{true}, len(w.seen))
		}
		if e.from < 0 {
			w.visit(e.to)
		}
	}
	return w.seen
}

// roots returns the steps that are not seen and to which nothing leads. A step with the
// key of another has no connections, so it is none of them.
func (v *validator) roots(seen []bool) []int {
	var roots []int
	for i, s := range v.automation.Steps {
		if !seen[i] && !v.meant.led[i] && v.graph.index[s.Key] == i {
			roots = append(roots, i)
		}
	}
	return roots
}

// walk visits the steps of a graph, each once.
type walk struct {
	*stepGraph
	seen []bool
}

// visit visits step i and all steps behind it, and returns how many are new.
func (w *walk) visit(i int) (n int) {
	if w.seen[i] {
		return 0
	}
	w.seen[i], n = true, 1
	for _, l := range w.out(i) {
		if l.to >= 0 {
			n += w.visit(l.to)
		}
	}
	return n
}

// loose counts the connections that lead nowhere, and begin at a step that was visited or
// at no step.
func (w *walk) loose() (n int) {
	for _, e := range w.ends {
		if (e.from < 0 || w.seen[e.from]) && w.target(e) < 0 {
			n++
		}
	}
	return n
}
