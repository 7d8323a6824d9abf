package diagram

import (
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation"
)

// dotShapes are the shapes of steps, by class. All others are boxes.
var dotShapes = map[string]string{"condition": "hexagon", "custom": "component"}

// dotStates are the attributes of steps, by status.
var dotStates = map[string]string{
	"completed": `color="#1f9d5b", fillcolor="#e2f4ea", fontcolor="#12703f"`,
	"failed":    `color="#d4443b", fillcolor="#fde8e7", fontcolor="#b6231b", penwidth=2`,
	"waiting":   `color="#c98a1b", fillcolor="#fff0d6", fontcolor="#7a4b00", penwidth=2`,
	"running":   `color="#4c74ea", fillcolor="#e6ecfc", fontcolor="#2450d3", penwidth=2`,
	"other":     `color="#56606d", fillcolor="#edf0f4", fontcolor="#56606d"`,
	"unreached": `color="#a3adba", fillcolor="#f6f8fa", fontcolor="#56606d", style="filled,rounded,dashed"`,
}

// DOT returns an automation, or a run over it, in the language of Graphviz. It uses
// Options.Run and Options.Notes.
func DOT(a automation.Automation, o Options) string {
	f := newFlow(a, o)
	var b strings.Builder
	fmt.Fprintf(&b, `digraph %s {
  charset="UTF-8";
  rankdir=TB;
  node [shape=box, style="filled,rounded", fontname="Helvetica,Arial,sans-serif", fontsize=11, margin="0.18,0.1", color="#a3adba", fillcolor="#ffffff"];
  edge [fontname="Helvetica,Arial,sans-serif", fontsize=10, color="#8791a0", fontcolor="#56606d"];
`, dotText(f.name))
	for i := range f.steps {
		fmt.Fprintf(&b, "  s%d [%s];\n", i, strings.Join(dotStep(&f.steps[i]), ", "))
	}
	for _, l := range f.links {
		if l.from >= 0 && l.to >= 0 {
			fmt.Fprintf(&b, "  s%d -> s%d%s;\n", l.from, l.to, dotLink(l, f.run != nil))
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// dotStep returns the attributes of a step.
func dotStep(s *step) []string {
	attributes := []string{"label=" + dotText(strings.Join(s.textLines(), "\n"))}
	if shape, ok := dotShapes[s.kind.class]; ok {
		attributes = append(attributes, "shape="+shape)
	}
	if s.record != nil {
		attributes = append(attributes, "class="+s.state(), dotStates[s.state()])
	}
	return attributes
}

// dotLink returns the attributes of a connection in brackets, or "" for none.
func dotLink(l link, isRun bool) string {
	var attributes []string
	if l.word != "" {
		attributes = append(attributes, "label="+dotText(" "+l.word+" "))
	}
	switch {
	case l.taken:
		attributes = append(attributes, `class=taken, color="#1f9d5b", fontcolor="#12703f", penwidth=2.5`)
	case isRun:
		attributes = append(attributes, "style=dashed")
	}
	if attributes == nil {
		return ""
	}
	return " [" + strings.Join(attributes, ", ") + "]"
}

var dotEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "&", "&amp;")

// dotText returns a text in quotes. Graphviz reads entities such as &amp; in texts.
func dotText(text string) string { return `"` + dotEscapes.Replace(text) + `"` }
