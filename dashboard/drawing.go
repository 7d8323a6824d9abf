package dashboard

import (
	"cmp"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/diagram"
	"github.com/seed-b636437c/automation/internal/layout"
)

// drawing is what the editor draws, in pixels.
type drawing struct {
	Width       int         `json:"width"`
	Height      int         `json:"height"`
	Steps       []drawnStep `json:"steps"`
	Connections []drawnLine `json:"connections"`
	Open        []drawnLine `json:"open"` // branches without a connection
}

type drawnStep struct {
	Key      string        `json:"key"`
	Type     string        `json:"type"`
	Summary  string        `json:"summary"`
	Icon     string        `json:"icon"` // data of a path
	Branches []drawnBranch `json:"branches"`
	Problems int           `json:"problems"`
	X        int           `json:"x"`
	Y        int           `json:"y"`
	Width    int           `json:"width"`
	Height   int           `json:"height"`
}

// drawnBranch is a branch out of a step, with its word in the drawings. The editor has no
// words of its own.
type drawnBranch struct {
	Type string `json:"type"`
	Word string `json:"word"` // empty for the default branch
}

// drawnLine is a connection or an open branch. X and Y are the centre of its handle.
type drawnLine struct {
	From  string `json:"from"`
	To    string `json:"to,omitempty"`
	Type  string `json:"type"`
	Label string `json:"label"`
	Path  string `json:"path"`
	X     int    `json:"x"`
	Y     int    `json:"y"`
}

// labelWidth is about how many pixels a letter of a label is wide, with the handle that
// stands beside the label.
func labelWidth(label string) int {
	if label == "" {
		return 0
	}
	return 7*len(label) + 44
}

// drawMax is how many steps are drawn at most. Limits.Steps may be more, but no person reads
// such a drawing.
const drawMax = 1000

// draw draws a draft. It draws nothing of one with more than drawMax steps.
func draw(d draft, about checked) drawing {
	if len(d.Steps) > drawMax || len(d.Connections) > 4*drawMax {
		d.Steps, d.Connections = nil, nil
	}
	graph := layout.Graph{Steps: make([]layout.Step, len(d.Steps)), Connections: make([]layout.Connection, len(d.Connections))}
	branches := make([][]drawnBranch, len(d.Steps))
	for i, s := range d.Steps {
		branches[i] = about.branchesOf(s)
		graph.Steps[i] = layout.Step{Key: s.key}
		for _, b := range branches[i] {
			graph.Steps[i].Branches = append(graph.Steps[i].Branches, layout.Branch{Name: b.Type, Label: labelWidth(b.Word)})
		}
	}
	for i, c := range d.Connections {
		graph.Connections[i] = layout.Connection{From: c.from, To: c.to, Branch: c.branch, Label: labelWidth(branchWord(c.branch))}
	}
	drawn := layout.Of(graph)
	out := drawing{Width: drawn.Width, Height: drawn.Height, Steps: []drawnStep{}, Connections: []drawnLine{}, Open: []drawnLine{}}
	for i, box := range drawn.Steps {
		s := d.Steps[i]
		out.Steps = append(out.Steps, drawnStep{
			s.key, s.typ, d.summaryOf(i), diagram.Icon(automation.StepType(s.typ)), branches[i], countOf(about.Problems, s.key), box.X, box.Y, box.Width, box.Height,
		})
	}
	for i, line := range drawn.Lines {
		if c := d.Connections[i]; line.Path != "" {
			out.Connections = append(out.Connections, drawnLine{c.from, c.to, c.branch, branchWord(c.branch), line.Path, line.Handle.X, line.Handle.Y})
		}
	}
	for _, stub := range drawn.Stubs {
		branch := branches[stub.Step][stub.Branch]
		out.Open = append(out.Open, drawnLine{d.Steps[stub.Step].key, "", branch.Type, branch.Word, stub.Path, stub.Handle.X, stub.Handle.Y})
	}
	return out
}

func branchWord(branch string) string {
	return diagram.BranchWord(automation.ConnectionType(branch))
}

func countOf(problems automation.Problems, key string) (n int) {
	for _, p := range problems {
		if p.Step == key && p.Severity == automation.SeverityError {
			n++
		}
	}
	return n
}

// branchesOf returns the branches of a step, from left to right. What the step's
// connections use is added by the layout.
func (c *checked) branchesOf(s draftStep) []drawnBranch {
	info, known := c.types[automation.StepType(s.typ)]
	if !known {
		return []drawnBranch{{Type: string(automation.ConnectionDefault)}}
	}
	switch c := s.config.(type) {
	case automation.Branch:
		return namedBranches(c.Outcomes())
	case automation.Split:
		return namedBranches(c.Outcomes())
	case automation.WaitForAny:
		return namedBranches(anyBranches(c))
	}
	branches := make([]drawnBranch, 0, len(info.Branches))
	for _, branch := range info.Branches {
		if branch != automation.ConnectionDefault || info.Type != automation.TypeWaitForEvent && info.Type != automation.TypeWaitForAny {
			branches = append(branches, drawnBranch{string(branch), diagram.BranchWord(branch)}) // a wait needs no third branch
		}
	}
	return branches
}

// anyBranches returns the branches of a wait for any of several events: one for each that has a
// name, one for all that have none, and the timeout.
func anyBranches(w automation.WaitForAny) []automation.ConnectionType {
	unnamed := slices.ContainsFunc(w.Events, func(l automation.Listener) bool { return l.Name == "" })
	return slices.DeleteFunc(w.Outcomes(), func(typ automation.ConnectionType) bool {
		return typ == automation.ConnectionDefault || typ == automation.ConnectionEventReceived && !unnamed && len(w.Events) > 0
	})
}

// namedBranches returns the branches of a step that names them. The default branch has a word
// too, because it is one of several.
func namedBranches(outcomes []automation.ConnectionType) []drawnBranch {
	branches := make([]drawnBranch, len(outcomes))
	for i, typ := range outcomes {
		branches[i] = drawnBranch{string(typ), cmp.Or(diagram.BranchWord(typ), string(typ))}
	}
	return branches
}
