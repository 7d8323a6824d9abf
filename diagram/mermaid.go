package diagram

import (
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation"
)

// mermaidShapes enclose the text of a step, by class.
var mermaidShapes = map[string][2]string{
	"trigger":   {"([", "])"},
	"condition": {"{{", "}}"},
	"wait":      {"(", ")"},
	"delay":     {"(", ")"},
	"custom":    {"[[", "]]"},
}

// mermaidClasses are the colours of statuses. They are legible on light and on dark pages.
const mermaidClasses = `  classDef completed fill:#e2f4ea,stroke:#1f9d5b,color:#12703f
  classDef failed fill:#fde8e7,stroke:#d4443b,color:#b6231b,stroke-width:3px
  classDef waiting fill:#fff0d6,stroke:#c98a1b,color:#7a4b00,stroke-width:3px
  classDef running fill:#e6ecfc,stroke:#4c74ea,color:#2450d3,stroke-width:3px
  classDef other fill:#edf0f4,stroke:#56606d,color:#56606d
  classDef unreached fill:#f6f8fa,stroke:#a3adba,color:#56606d,stroke-dasharray:5 4
`

// Mermaid returns an automation, or a run over it, as a flowchart of Mermaid, which GitHub
// and many other tools draw in Markdown. It uses Options.Run and Options.Notes.
func Mermaid(a automation.Automation, o Options) string {
	f := newFlow(a, o)
	var b strings.Builder
	b.WriteString("flowchart TB\n")
	for i := range f.steps {
		s := &f.steps[i]
		shape, ok := mermaidShapes[s.kind.class]
		if !ok {
			shape = [2]string{"[", "]"}
		}
		fmt.Fprintf(&b, "  s%d%s%s%s", i, shape[0], mermaidText(strings.Join(s.textLines(), "\n")), shape[1])
		if s.record != nil {
			b.WriteString(":::" + s.state())
		}
		b.WriteString("\n")
	}
	for _, l := range f.links {
		if l.from >= 0 && l.to >= 0 {
			fmt.Fprintf(&b, "  s%d %s s%d\n", l.from, mermaidArrow(l, f.run != nil), l.to)
		}
	}
	if f.run != nil {
		b.WriteString(mermaidClasses)
	}
	return b.String()
}

// lineWidth is the most that a line of a step has in Mermaid and Graphviz, in pixels.
const lineWidth = 320

// textLines returns the texts that are drawn in a step.
func (s *step) textLines() []string {
	lines := []string{s.key}
	if text := s.summary.String(); text != "" {
		lines = append(lines, text)
	}
	if s.isReached() {
		lines = append(lines, s.sign()+" "+s.statusWord())
	}
	lines = append(lines, s.notes...)
	for i := range lines {
		lines[i] = summaryFont.cut(lines[i], lineWidth)
	}
	return lines
}

// sign returns the sign of the step's status as a character.
func (s *step) sign() string {
	switch s.record.Status {
	case automation.StepCompleted:
		return "✓"
	case automation.StepFailed:
		return "✗"
	case automation.StepWaiting:
		return "◷"
	case automation.StepRunning:
		return "▶"
	default:
		return "–"
	}
}

// state returns the status of the step as a class.
func (s *step) state() string {
	if !s.isReached() {
		return "unreached"
	}
	switch class := s.statusClass(); class {
	case "skipped", "cancelled":
		return "other"
	default:
		return class
	}
}

func mermaidArrow(l link, isRun bool) string {
	arrow := "-->"
	switch {
	case l.taken:
		arrow = "==>"
	case isRun:
		arrow = "-.->"
	}
	if l.word != "" {
		arrow += "|" + mermaidText(l.word) + "|"
	}
	return arrow
}

// mermaidSpecial are the characters that mean something to Mermaid, or to the Markdown in
// its texts.
const mermaidSpecial = "\"#&<>`%\\;{}[]|*~$"

// mermaidText returns a text in quotes. Mermaid reads a code such as #35; as a character,
// and <br> as the end of a line.
func mermaidText(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '\n':
			b.WriteString("<br>")
		case strings.ContainsRune(mermaidSpecial, r):
			fmt.Fprintf(&b, "#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
