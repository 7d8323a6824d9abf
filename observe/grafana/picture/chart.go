package main

import (
	"fmt"
	"html"
	"math"
	"strings"
	"time"
)

// chart is the drawing of a panel's curves.
type chart struct {
	curves        []curve
	unit          string
	stacked       bool
	width, height float64
	from, to      time.Time
	step          time.Duration
}

// The margins of a chart, in pixels.
const marginLeft, marginRight, marginTop, marginBottom = 58, 12, 8, 20

var colours = []string{"#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#1f78c1", "#ba43a9", "#705da0", "#508642", "#cca300"}

func (c chart) draw(b *strings.Builder) {
	largest := c.largest()
	if largest == 0 {
		largest = 1
	}
	unit := tick(largest)
	scale := math.Ceil(largest/unit) * unit
	fmt.Fprintf(b, `<svg width="%.0f" height="%.0f">`, c.width, c.height)
	for v := 0.; v <= scale*1.001; v += unit {
		y := c.y(v, scale)
		fmt.Fprintf(b, `<path d="M%d %.1fH%.1f" stroke="#e8eaed"/><text x="%d" y="%.1f" text-anchor="end" fill="#57606a" font-size="11">%s</text>`,
			marginLeft, y, c.width-marginRight, marginLeft-6, y+4, number(v, c.unit))
	}
	c.times(b)
	base := map[int64]float64{} // by time: the sum of the curves below
	for i, one := range c.curves {
		c.curve(b, one, colours[i%len(colours)], base, scale)
	}
	b.WriteString("</svg><div class=legend>")
	for i, one := range c.curves {
		fmt.Fprintf(b, `<span><i style="background:%s"></i>%s</span>`, colours[i%len(colours)], html.EscapeString(one.name))
	}
	b.WriteString("</div>")
}

// largest returns the largest value that is drawn.
func (c chart) largest() float64 {
	sums, largest := map[int64]float64{}, 0.
	for _, one := range c.curves {
		for _, p := range one.points {
			if !c.stacked {
				sums[p.T] = 0
			}
			sums[p.T] += p.F
			largest = max(largest, sums[p.T])
		}
	}
	return largest
}

// tick returns the distance of the lines of a scale: 1, 2 or 5 times a power of ten.
func tick(largest float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(largest/4)))
	for _, factor := range []float64{1, 2, 5} {
		if largest/(factor*power) <= 4 {
			return factor * power
		}
	}
	return 10 * power
}

func (c chart) x(at int64) float64 {
	part := float64(at-c.from.UnixMilli()) / float64(c.to.Sub(c.from).Milliseconds())
	return marginLeft + part*(c.width-marginLeft-marginRight)
}

func (c chart) y(v, scale float64) float64 {
	return c.height - marginBottom - v/scale*(c.height-marginTop-marginBottom)
}

// times draws the labels below the chart.
func (c chart) times(b *strings.Builder) {
	for i := range 5 {
		at := c.from.Add(c.to.Sub(c.from) * time.Duration(i) / 5)
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" fill="#57606a" font-size="11">%s</text>`, c.x(at.UnixMilli()), c.height-4, at.UTC().Format("15:04:05"))
	}
}

// curve draws one series, in pieces where values are missing.
func (c chart) curve(b *strings.Builder, one curve, colour string, base map[int64]float64, scale float64) {
	var line, area strings.Builder
	var below []string
	last := int64(0)
	closeArea := func() {
		for i := len(below) - 1; i >= 0; i-- {
			area.WriteString(below[i])
		}
		below = nil
	}
	for _, p := range one.points {
		bottom := 0.
		if c.stacked {
			bottom = base[p.T]
			base[p.T] += p.F
		}
		command := "L"
		if last == 0 || p.T-last > 2*c.step.Milliseconds() {
			closeArea()
			command = "M"
		}
		last = p.T
		at := fmt.Sprintf("%s%.1f %.1f", command, c.x(p.T), c.y(bottom+p.F, scale))
		line.WriteString(at)
		area.WriteString(at)
		below = append(below, fmt.Sprintf("L%.1f %.1f", c.x(p.T), c.y(bottom, scale)))
	}
	closeArea()
	opacity := .07
	if c.stacked {
		opacity = .25
	}
	fmt.Fprintf(b, `<path d="%s" fill="%s" fill-opacity="%.2f"/><path d="%s" fill="none" stroke="%s" stroke-width="1.3"/>`,
		area.String(), colour, opacity, line.String(), colour)
}
