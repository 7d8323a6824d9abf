// Package chart draws small diagrams as SVG.
package chart

import (
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The drawing, in pixels: panels side by side.
const (
	width, height           = 460, 300
	left, right, top, below = 66, 20, 46, 54
	columns                 = 2
)

// Drawing is a drawing of panels, which share a legend.
type Drawing struct {
	Panels []Panel
	Legend []Series // whose points do not matter
	Source string   // of the figures, at the right
}

// Panel is one diagram.
type Panel struct {
	Title, X, Y string
	LogX, LogY  bool // for logarithmic axes; LogY needs values above zero
	Series      []Series
}

// Series is a curve.
type Series struct {
	Name, Colour string
	Points       []Point
	// Computed is for points that were not measured: a dashed line without dots.
	Computed bool
}

// Point is a point of a curve.
type Point struct{ X, Y float64 }

// Draw writes the drawing as SVG.
func (d Drawing) Draw(w io.Writer) error {
	var b strings.Builder
	rows := (len(d.Panels) + columns - 1) / columns
	total := rows*height + 40
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="12" fill="#24292f">`+"\n",
		columns*width, total, columns*width, total)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", columns*width, total)
	for i, p := range d.Panels {
		fmt.Fprintf(&b, `<g transform="translate(%d %d)">`+"\n", i%columns*width, i/columns*height)
		p.draw(&b)
		b.WriteString("</g>\n")
	}
	d.legend(&b, total)
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (d Drawing) legend(b *strings.Builder, total int) {
	x := left
	for _, s := range d.Legend {
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="14" height="4" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n", x, total-24, s.Colour, x+20, total-18, html.EscapeString(s.Name))
		x += 40 + max(60, 7*len(s.Name))
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end" fill="#57606a">%s</text>`+"\n", columns*width-right, total-18, html.EscapeString(d.Source))
}

func (p Panel) draw(b *strings.Builder) {
	fmt.Fprintf(b, `<text x="%d" y="26" font-size="14" font-weight="600">%s</text>`+"\n", left, html.EscapeString(p.Title))
	var all []Point
	for _, s := range p.Series {
		all = append(all, s.Points...)
	}
	if len(all) == 0 {
		fmt.Fprintf(b, `<text x="%d" y="%d" fill="#57606a">not measured</text>`+"\n", left, height/2)
		return
	}
	a := axesFor(p, all)
	a.draw(b)
	for _, s := range p.Series {
		a.curve(b, s)
	}
}

// axes map values to pixels.
type axes struct {
	Panel
	xs       []float64 // the labels of the x axis
	ys       []float64 // the labels of the y axis, from its least to its most
	from, to Point     // the scaled corners
}

// axesFor returns axes that show all points, from zero on a linear y axis.
func axesFor(p Panel, all []Point) axes {
	a := axes{Panel: p}
	least, largest := math.Inf(1), 0.0
	for _, q := range all {
		if !slices.Contains(a.xs, q.X) {
			a.xs = append(a.xs, q.X)
		}
		least, largest = min(least, q.Y), max(largest, q.Y)
	}
	if p.LogY {
		for power := math.Floor(math.Log10(least)); power < math.Log10(largest)+1; power++ {
			a.ys = append(a.ys, math.Pow(10, power))
		}
	} else {
		step := niceStep(largest / 4)
		for i := range int(max(1, math.Ceil(largest/step))) + 1 {
			a.ys = append(a.ys, float64(i)*step)
		}
	}
	a.from = a.scale(Point{slices.Min(a.xs), slices.Min(a.ys)})
	a.to = a.scale(Point{slices.Max(a.xs), slices.Max(a.ys)})
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

func (a axes) at(p Point) (x, y float64) {
	p = a.scale(p)
	share := 0.5
	if a.to.X > a.from.X {
		share = (p.X - a.from.X) / (a.to.X - a.from.X)
	}
	return left + share*(width-left-right), height - below - (p.Y-a.from.Y)/(a.to.Y-a.from.Y)*(height-top-below)
}

func (a axes) scale(p Point) Point {
	if a.LogX {
		p.X = math.Log10(p.X)
	}
	if a.LogY {
		p.Y = math.Log10(p.Y)
	}
	return p
}

func (a axes) draw(b *strings.Builder) {
	for _, v := range a.ys {
		_, y := a.at(Point{a.xs[0], v})
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#d0d7de"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			left, width-right, y, y, left-8, y+4, short(v))
	}
	for _, v := range a.xs {
		x, _ := a.at(Point{v, a.ys[0]})
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x, height-below+18, short(v))
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle" fill="#57606a">%s</text>`+"\n", (left+width-right)/2, height-below+38, html.EscapeString(a.X))
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end" fill="#57606a">%s</text>`+"\n", left-8, top-12, html.EscapeString(a.Y))
}

func (a axes) curve(b *strings.Builder, s Series) {
	var path strings.Builder
	for _, p := range s.Points {
		x, y := a.at(p)
		fmt.Fprintf(&path, "%.1f,%.1f ", x, y)
		if !s.Computed {
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", x, y, s.Colour)
		}
	}
	dashes := ""
	if s.Computed {
		dashes = ` stroke-dasharray="5 4"`
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"%s/>`+"\n", strings.TrimSpace(path.String()), s.Colour, dashes)
}

// short writes 1000000 as 1M.
func short(v float64) string {
	switch {
	case v >= 1e9:
		return strconv.FormatFloat(v/1e9, 'g', 3, 64) + "G"
	case v >= 1e6:
		return strconv.FormatFloat(v/1e6, 'g', 3, 64) + "M"
	case v >= 1e3:
		return strconv.FormatFloat(v/1e3, 'g', 3, 64) + "k"
	default:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
}
