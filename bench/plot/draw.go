package main

import (
	"fmt"
	"html"
	"io"
	"math"
	"strconv"
	"strings"
)

// The drawing, in pixels: panels side by side, two rows of them.
const (
	width, height           = 460, 300
	left, right, top, below = 66, 20, 46, 54
	columns                 = 2
)

// stores are the curves of each panel, with their colours.
var stores = []struct{ name, colour string }{{"postgres", "#1f6feb"}, {"sqlite", "#bc4c00"}}

// panel is one diagram.
type panel struct {
	title, x, y string
	work, unit  string
	log         bool // of the x axis
}

var panels = []panel{
	{"Runs that begin to wait", "runs that wait", "runs/s", "W3", "made/s", true},
	{"Runs woken by an event, 2,000 at once", "runs that wait", "runs/s", "W3", "woken/s", true},
	{"Heap of the process", "runs that wait", "MB", "W3", "heap-MB", true},
	{"Complete runs on several nodes", "nodes", "runs/s", "W1", "runs/s", false},
}

// draw writes the panels as SVG.
func draw(w io.Writer, f figures) error {
	var b strings.Builder
	rows := (len(panels) + columns - 1) / columns
	total := rows*height + 40
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="12" fill="#24292f">`+"\n",
		columns*width, total, columns*width, total)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", columns*width, total)
	for i, p := range panels {
		fmt.Fprintf(&b, `<g transform="translate(%d %d)">`+"\n", i%columns*width, i/columns*height)
		p.draw(&b, f)
		b.WriteString("</g>\n")
	}
	legend(&b, f, total)
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func legend(b *strings.Builder, f figures, total int) {
	x := left
	for _, s := range stores {
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="14" height="4" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n", x, total-24, s.colour, x+20, total-18, s.name)
		x += 100
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end" fill="#57606a">%s</text>`+"\n", columns*width-right, total-18,
		html.EscapeString(fmt.Sprintf("%s, %s cores, %.10s", f.head["cpu"], f.head["cores"], f.head["date"])))
}

func (p panel) draw(b *strings.Builder, f figures) {
	fmt.Fprintf(b, `<text x="%d" y="26" font-size="14" font-weight="600">%s</text>`+"\n", left, html.EscapeString(p.title))
	var curves [][]point
	var all []point
	for _, s := range stores {
		curves = append(curves, f.curve(p.work, s.name, p.unit))
		all = append(all, curves[len(curves)-1]...)
	}
	if len(all) == 0 {
		fmt.Fprintf(b, `<text x="%d" y="%d" fill="#57606a">not measured</text>`+"\n", left, height/2)
		return
	}
	a := axesFor(p, all)
	a.draw(b)
	for i, s := range stores {
		a.curve(b, curves[i], s.colour)
	}
}

// axes map values to pixels.
type axes struct {
	panel
	xs   []float64 // the labels of the x axis
	step float64   // between labels of the y axis
	max  float64   // of the y axis
}

// axesFor returns axes that show all points, from zero on the y axis.
func axesFor(p panel, all []point) axes {
	a := axes{panel: p}
	seen := map[float64]bool{}
	largest := 0.0
	for _, q := range all {
		if !seen[q.x] {
			seen[q.x] = true
			a.xs = append(a.xs, q.x)
		}
		largest = max(largest, q.y)
	}
	a.step = niceStep(largest / 4)
	a.max = a.step * max(1, math.Ceil(largest/a.step))
	return a
}

// niceStep returns the next of 1, 2, 5, 10, 20, … that is not less than f.
func niceStep(f float64) float64 {
	if f <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(f)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= f {
			return m * power
		}
	}
	return 10 * power
}

func (a axes) at(p point) (x, y float64) {
	least, most := a.xs[0], a.xs[0]
	for _, v := range a.xs {
		least, most = min(least, v), max(most, v)
	}
	share := 0.5
	if most > least {
		share = (a.scale(p.x) - a.scale(least)) / (a.scale(most) - a.scale(least))
	}
	return left + share*(width-left-right), height - below - p.y/a.max*(height-top-below)
}

func (a axes) scale(x float64) float64 {
	if a.log {
		return math.Log10(x)
	}
	return x
}

func (a axes) draw(b *strings.Builder) {
	for v := 0.0; v <= a.max*1.0001; v += a.step {
		_, y := a.at(point{a.xs[0], v})
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#d0d7de"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			left, width-right, y, y, left-8, y+4, short(v))
	}
	for _, v := range a.xs {
		x, _ := a.at(point{v, 0})
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x, height-below+18, short(v))
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle" fill="#57606a">%s</text>`+"\n", (left+width-right)/2, height-below+38, html.EscapeString(a.x))
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end" fill="#57606a">%s</text>`+"\n", left-8, top-12, html.EscapeString(a.y))
}

func (a axes) curve(b *strings.Builder, points []point, colour string) {
	var path strings.Builder
	for _, p := range points {
		x, y := a.at(p)
		fmt.Fprintf(&path, "%.1f,%.1f ", x, y)
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", x, y, colour)
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.TrimSpace(path.String()), colour)
}

// short writes 1000000 as 1M.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return strconv.FormatFloat(v/1e6, 'g', 3, 64) + "M"
	case v >= 1e3:
		return strconv.FormatFloat(v/1e3, 'g', 3, 64) + "k"
	default:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
}
