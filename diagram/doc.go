// Package diagram draws automations and runs, as SVG, as Mermaid and for Graphviz:
//
//	svg := diagram.SVG(a, diagram.Options{})           // a picture
//	svg := diagram.SVG(a, diagram.Options{Run: &run})  // what happened in a run
//	text := diagram.Mermaid(a, diagram.Options{})      // for Markdown
//	text := diagram.DOT(a, diagram.Options{})          // for Graphviz
//
// The trigger shows the rules of entry and of exit, in a few words each.
//
// Any automation has a drawing, valid or not, so that an editor can draw a draft. Names and
// keys may contain anything: they are escaped, and cut where they are too long. The same
// automation has the same drawing on every machine.
//
// All functions are pure and safe for concurrent use.
package diagram
