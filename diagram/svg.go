package diagram

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/layout"
)

// Sizes in a step, in pixels.
const (
	inset      = 12
	tileSize   = 38
	textLeft   = inset + tileSize + inset
	textWidth  = layout.StepWidth - textLeft - inset
	noteHeight = 18
	labelWidth = 150 // the most that a label of a connection has for its text
)

// SVG returns a picture of an automation, or of a run over it. It is light or dark as the
// reader prefers, and as the attribute data-theme of the page or of the picture demands.
func SVG(a automation.Automation, o Options) string {
	f := newFlow(a, o)
	p := picture{flow: f, opts: o, drawing: layout.Of(f.graph())}
	p.write()
	return p.String()
}

// graph returns what the flow looks like to package layout.
func (f *flow) graph() layout.Graph {
	var g layout.Graph
	for _, s := range f.steps {
		made := layout.Step{Key: s.id, Height: layout.StepHeight}
		if len(s.notes) > 0 {
			made.Height += len(s.notes)*noteHeight + inset
		}
		for _, typ := range s.branches {
			made.Branches = append(made.Branches, layout.Branch{Name: string(typ)})
		}
		g.Steps = append(g.Steps, made)
	}
	for _, end := range f.ends {
		for b := range g.Steps[end.from].Branches {
			if branch := &g.Steps[end.from].Branches[b]; branch.Name == string(end.typ) {
				branch.Label = pill(end.word)
			}
		}
	}
	for _, l := range f.links {
		g.Connections = append(g.Connections, layout.Connection{
			From: l.edge.From, To: l.edge.To, Branch: string(l.typ), Label: pill(l.word),
		})
	}
	return g
}

// pill returns the width of a label with its border. It is 0 for no label.
func pill(word string) int {
	if word == "" {
		return 0
	}
	return labelFont.measure(labelFont.cut(word, labelWidth)) + 16
}

// picture writes an SVG.
type picture struct {
	strings.Builder
	flow    flow
	opts    Options
	drawing layout.Drawing
}

// printf writes text. What comes from the automation must go through escape first.
func (p *picture) printf(format string, args ...any) { fmt.Fprintf(p, format, args...) }

// escape returns text for an element or an attribute.
func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder never fails
	return b.String()
}

func (p *picture) write() {
	class, role := "automation-diagram", "img"
	if p.flow.run != nil {
		class += " of-run"
	}
	if p.opts.Link != nil {
		role = "group"
	}
	d := p.drawing
	p.printf(`<svg xmlns="http://www.w3.org/2000/svg" class="%s" role="%s" width="%d" height="%d" viewBox="0 0 %d %d">`,
		class, role, d.Width, d.Height, d.Width, d.Height)
	p.printf("\n<title>%s</title>\n<desc>%s</desc>\n", escape(p.flow.heading()), escape(p.flow.story()))
	if !p.opts.Embedded {
		p.printf("<style>%s</style>\n", Style)
		p.printf(`<rect class="ground" width="%d" height="%d" rx="12"/>`+"\n", d.Width, d.Height)
	}
	p.lines()
	for _, i := range p.readingOrder() {
		p.step(i)
	}
	p.WriteString("</svg>\n")
}

// readingOrder returns the steps row by row: the Tab key goes from link to link in the order
// in which they are written.
func (p *picture) readingOrder() []int {
	order := make([]int, len(p.flow.steps))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		one, other := p.drawing.Steps[a], p.drawing.Steps[b]
		return cmp.Or(cmp.Compare(one.Y, other.Y), cmp.Compare(one.X, other.X))
	})
	return order
}

// drawnLine is a link with its line.
type drawnLine struct {
	link
	layout.Line
}

// lines draws all connections. Those that stand out are above the others.
func (p *picture) lines() {
	var all []drawnLine
	for i, l := range p.flow.links {
		if line := p.drawing.Lines[i]; line.Path != "" {
			all = append(all, drawnLine{l, line})
		}
	}
	for i, l := range p.flow.ends {
		all = append(all, drawnLine{l, p.drawing.Stubs[i].Line})
	}
	slices.SortStableFunc(all, func(a, b drawnLine) int { return cmp.Compare(a.layer(), b.layer()) })
	p.WriteString(`<g class="connections" aria-hidden="true">` + "\n")
	for _, l := range all {
		p.line(l)
	}
	for _, l := range all {
		p.label(l)
	}
	p.WriteString("</g>\n")
}

func (l *drawnLine) layer() int {
	switch {
	case l.taken:
		return 2
	case l.Up:
		return 1
	}
	return 0
}

// class returns the classes of a part of the line.
func (l *drawnLine) class(part string) string {
	if l.Up {
		part += " up"
	}
	if l.taken {
		part += " taken"
	}
	return part
}

func (p *picture) line(l drawnLine) {
	p.printf(`<path class="%s" d="%s"/>`, l.class("line"), l.Path)
	end := l.Points[len(l.Points)-1]
	if l.to < 0 {
		p.printf(`<circle class="%s" cx="%d" cy="%d" r="4"/>`+"\n", l.class("end"), end.X, end.Y)
		return
	}
	p.printf(`<path class="%s" d="%s"/>`+"\n", l.class("tip"), tip(l.Points))
}

// tip returns the path of the tip of an arrow.
func tip(points []layout.Point) string {
	end, before := points[len(points)-1], points[len(points)-2]
	switch {
	case before.X > end.X:
		return fmt.Sprintf("M%d %dl7 -4.5v9z", end.X, end.Y)
	case before.Y > end.Y:
		return fmt.Sprintf("M%d %dl-4.5 7h9z", end.X, end.Y)
	default:
		return fmt.Sprintf("M%d %dl-4.5 -7h9z", end.X, end.Y)
	}
}

func (p *picture) label(l drawnLine) {
	if l.word == "" {
		return
	}
	width := pill(l.word)
	p.printf(`<g class="%s"><rect x="%d" y="%d" width="%d" height="20" rx="10"/>`,
		l.class("label"), l.Label.X-width/2, l.Label.Y-10, width)
	p.text("", l.Label.X, l.Label.Y+4, labelFont, labelWidth, l.word, "")
	p.WriteString("</g>\n")
}

// text draws a text that may be cut. head is cut, tail is not.
func (p *picture) text(class string, x, y int, f font, width int, head, tail string) {
	if class != "" {
		class = ` class="` + class + `"`
	}
	shown := f.cut(head, width-f.measure(tail))
	if tail != "" { // neither part changes the direction of the other
		shown = "\u2068" + shown + "\u2069" + tail
	}
	p.printf(`<text%s x="%d" y="%d" direction="ltr" unicode-bidi="isolate">%s</text>`, class, x, y, escape(shown))
}

func (p *picture) step(i int) {
	s, box := &p.flow.steps[i], p.drawing.Steps[i]
	address := ""
	if p.opts.Link != nil {
		address = p.opts.Link(s.id)
	}
	attributes := fmt.Sprintf(`class="%s" data-step="%s"`, p.class(s), escape(s.id))
	if p.isSelected(s) {
		attributes += ` aria-current="true"`
	}
	element := "g"
	if address != "" {
		element = "a"
		attributes += fmt.Sprintf(` href="%s"`, escape(address))
	}
	p.printf("<%s %s><title>%s</title>\n", element, attributes, escape(s.label()))
	p.printf(`<rect class="box" x="%d" y="%d" width="%d" height="%d" rx="12"/>`, box.X, box.Y, box.Width, box.Height)
	p.tile(s, box)
	p.text("key", box.X+textLeft, box.Y+28, titleFont, textWidth, s.key, "")
	p.WriteString("\n")
	p.text("summary", box.X+textLeft, box.Y+46, summaryFont, textWidth, s.summary.head, s.summary.tail)
	p.WriteString("\n")
	p.notes(s, box)
	p.status(s, box)
	p.printf("</%s>\n", element)
}

func (p *picture) isSelected(s *step) bool { return p.opts.Selected != "" && s.id == p.opts.Selected }

// class returns the classes of a step.
func (p *picture) class(s *step) string {
	class := "step " + s.kind.class
	switch {
	case s.record == nil:
	case s.isReached():
		class += " reached " + s.statusClass()
	default:
		class += " unreached"
	}
	if p.isSelected(s) {
		class += " selected"
	}
	return class
}

// statusClass returns the status of a step as a class. A status from a newer release has
// none.
func (s *step) statusClass() string {
	if status := string(s.record.Status); signs[status] != "" {
		return status
	}
	return "other"
}

func (p *picture) tile(s *step, box layout.Box) {
	x, y := box.X+inset, box.Y+(layout.StepHeight-tileSize)/2
	p.printf(`<rect class="tile" x="%d" y="%d" width="%d" height="%d" rx="9"/>`, x, y, tileSize, tileSize)
	p.printf(`<path class="icon" transform="translate(%d %d)" d="%s"/>`+"\n", x+(tileSize-20)/2, y+(tileSize-20)/2, icons[s.kind.class])
}

func (p *picture) notes(s *step, box layout.Box) {
	if len(s.notes) == 0 {
		return
	}
	y := box.Y + layout.StepHeight
	p.printf(`<path class="rule" d="M%d %dH%d"/>`, box.X+inset, y, box.X+box.Width-inset)
	for i, note := range s.notes {
		p.text("note", box.X+inset, y+noteHeight*(i+1), summaryFont, box.Width-2*inset, note, "")
	}
	p.WriteString("\n")
}

// status draws the sign and the word of a step's status on its upper border.
func (p *picture) status(s *step, box layout.Box) {
	if !s.isReached() {
		return
	}
	word := s.statusWord()
	width := labelFont.measure(word) + 28
	x, y := box.X+box.Width-inset-width, box.Y-10
	p.printf(`<g class="status"><rect x="%d" y="%d" width="%d" height="20" rx="10"/>`, x, y, width)
	p.printf(`<path transform="translate(%d %d)" d="%s"/>`, x+7, y+5, signs[string(s.record.Status)])
	p.text("", x+20, y+14, labelFont, width, word, "")
	p.WriteString("</g>\n")
}
