package dashboard

import (
	"regexp"
	"strconv"

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
	Key      string   `json:"key"`
	Type     string   `json:"type"`
	Summary  string   `json:"summary"`
	Icon     string   `json:"icon"` // data of a path
	Branches []string `json:"branches"`
	Problems int      `json:"problems"`
	X        int      `json:"x"`
	Y        int      `json:"y"`
	Width    int      `json:"width"`
	Height   int      `json:"height"`
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
	branches := make([][]string, len(d.Steps))
	for i, s := range d.Steps {
		branches[i] = about.branchesOf(s)
		graph.Steps[i] = layout.Step{Key: s.key}
		for _, b := range branches[i] {
			graph.Steps[i].Branches = append(graph.Steps[i].Branches, layout.Branch{Name: b, Label: labelWidth(branchLabel(b))})
		}
	}
	for i, c := range d.Connections {
		graph.Connections[i] = layout.Connection{From: c.from, To: c.to, Branch: c.branch, Label: labelWidth(branchLabel(c.branch))}
	}
	drawn := layout.Of(graph)
	out := drawing{Width: drawn.Width, Height: drawn.Height, Steps: []drawnStep{}, Connections: []drawnLine{}, Open: []drawnLine{}}
	for i, box := range drawn.Steps {
		s := d.Steps[i]
		out.Steps = append(out.Steps, drawnStep{
			s.key, s.typ, summary(s), diagram.Icon(automation.StepType(s.typ)), branches[i], countOf(about.Problems, s.key), box.X, box.Y, box.Width, box.Height,
		})
	}
	for i, line := range drawn.Lines {
		if c := d.Connections[i]; line.Path != "" {
			out.Connections = append(out.Connections, drawnLine{c.from, c.to, c.branch, branchLabel(c.branch), line.Path, line.Handle.X, line.Handle.Y})
		}
	}
	for _, stub := range drawn.Stubs {
		branch := branches[stub.Step][stub.Branch]
		out.Open = append(out.Open, drawnLine{d.Steps[stub.Step].key, "", branch, branchLabel(branch), stub.Path, stub.Handle.X, stub.Handle.Y})
	}
	return out
}

func countOf(problems automation.Problems, key string) (n int) {
	for _, p := range problems {
		if p.Step == key && p.Severity == automation.SeverityError {
			n++
		}
	}
	return n
}

// stepTypes returns all step types of the Runner.
func (x *exchange) stepTypes() map[automation.StepType]automation.StepTypeInfo {
	types := map[automation.StepType]automation.StepTypeInfo{}
	for _, t := range x.runner.StepTypes() {
		types[t.Type] = t
	}
	return types
}

// branchesOf returns the branches of a step, from left to right. What the step's
// connections use is added by the layout.
func (c *checked) branchesOf(s draftStep) []string {
	info, known := c.Types[automation.StepType(s.typ)]
	if !known {
		return []string{string(automation.ConnectionDefault)}
	}
	branches := make([]string, 0, len(info.Branches))
	for _, branch := range info.Branches {
		if branch != automation.ConnectionDefault || info.Type != automation.TypeWaitForEvent {
			branches = append(branches, string(branch)) // a wait needs no third branch
		}
	}
	return branches
}

// branchLabel returns the word for a branch.
func branchLabel(branch string) string {
	switch automation.ConnectionType(branch) {
	case automation.ConnectionDefault:
		return ""
	case automation.ConnectionConditionMet:
		return "met"
	case automation.ConnectionConditionNotMet:
		return "not met"
	case automation.ConnectionEventReceived:
		return "received"
	case automation.ConnectionTimeout:
		return "timed out"
	default:
		return branch
	}
}

// stepPath finds the index of the step in the path of a problem.
var stepPath = regexp.MustCompile(`^steps\[(\d+)\]`)

// locate gives each problem of the decoding the key of its step.
func (d *draft) locate(problems automation.Problems) automation.Problems {
	located := append(automation.Problems{}, problems...)
	for i, p := range located {
		match := stepPath.FindStringSubmatch(p.Path)
		if p.Step != "" || match == nil {
			continue
		}
		if n, err := strconv.Atoi(match[1]); err == nil && n < len(d.Steps) {
			located[i].Step = d.Steps[n].key
		}
	}
	return located
}

// summary describes a step in the words of the drawings. What cannot be decoded has the name
// of its type.
func summary(s draftStep) string {
	if s.config == nil {
		return s.typ
	}
	_, about := diagram.Describe(automation.Step{Key: s.key, Config: s.config})
	return about
}
