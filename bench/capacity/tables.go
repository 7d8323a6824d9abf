package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/seed-b636437c/automation/bench/chart"
	"github.com/seed-b636437c/automation/bench/figures"
	"github.com/seed-b636437c/automation/bench/model"
)

// load is the load of the tables and curves.
var load = model.Load{Sleep: 3 * 24 * time.Hour, Peak: 5}

// kinds are the stores of the tables, in the order of their columns. A store that was not measured
// has none.
var kinds = []struct{ store, title, colour string }{
	{"postgres", "Postgres", "#1f6feb"},
	{"jetstream-3+postgres", "JetStream", "#1a7f37"},
	{"temporal", "Temporal", "#8250df"},
}

// kind is a store with its title.
type kind struct {
	model.Store
	title, colour string
}

// measuredStores returns the stores that were measured.
func measuredStores(f figures.Figures) (all []kind, err error) {
	for _, k := range kinds {
		if len(f.Curve(figures.Key{Work: "W7", Engine: "automation", Store: k.store, Unit: "disk-MB"})) == 0 {
			continue
		}
		s, err := model.Measured(f, k.store)
		if err != nil {
			return nil, err
		}
		all = append(all, kind{s, k.title, k.colour})
	}
	return all, nil
}

// quantity is what the tables and curves show of a cost.
type quantity struct {
	title, unit string
	of          func(model.Cost) float64
	line        func(model.Store) model.Line
}

var quantities = []quantity{
	{"cores", "", func(c model.Cost) float64 { return c.Cores }, nil},
	{"disk", "B", func(c model.Cost) float64 { return c.Disk }, func(s model.Store) model.Line { return s.Disk }},
	{"catalog", "B", func(c model.Cost) float64 { return c.Catalog }, func(s model.Store) model.Line { return s.Catalog }},
	{"memory", "B", func(c model.Cost) float64 { return c.Memory }, func(s model.Store) model.Line { return s.Memory }},
}

// sizes are the numbers of runs of the tables.
func sizes() (all []float64) {
	for power := range 7 {
		all = append(all, math.Pow(10, float64(power+3)))
	}
	return all
}

// shown returns the quantities that a store has.
func (k kind) shown() (all []quantity) {
	for _, q := range quantities {
		if q.line == nil || q.line(k.Store) != (model.Line{}) {
			all = append(all, q)
		}
	}
	return all
}

// tables returns what runs cost, and then the constants, in Markdown.
func tables(f figures.Figures, stores []kind) string {
	var b strings.Builder
	b.WriteString("| runs in progress | wake a second |")
	rule := "| ---: | ---: |"
	for _, k := range stores {
		for _, q := range k.shown() {
			fmt.Fprintf(&b, " %s: %s |", k.title, q.title)
			rule += " ---: |"
		}
	}
	b.WriteString("\n" + rule + "\n")
	for _, n := range sizes() {
		fmt.Fprintf(&b, "| %s | %s |", amount(n), strings.TrimSpace(amount(n/load.Sleep.Seconds())))
		for _, k := range stores {
			c := k.Cost(load, n)
			for _, q := range k.shown() {
				text := strings.TrimSpace(amount(q.of(c)) + q.unit)
				if c.Extrapolated {
					text = "*" + text + "*"
				}
				fmt.Fprintf(&b, " %s |", text)
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\nThe constants, with the largest difference between the fitted line and a measured size:\n\n")
	b.WriteString("| store | begin, core-ms a run | wake, core-ms a run | measured up to | bytes a run |\n| --- | ---: | ---: | ---: | --- |\n")
	for _, k := range stores {
		var bytes []string
		for _, q := range k.shown() {
			if q.line != nil {
				l := q.line(k.Store)
				bytes = append(bytes, fmt.Sprintf("%s %.0f (±%.0f%%)", q.title, l.PerRun, 100*l.Error))
			}
		}
		fmt.Fprintf(&b, "| %s | %.2f | %.2f | %s | %s |\n", k.title, 1000*k.Begin, 1000*k.Wake, amount(k.Largest), strings.Join(bytes, ", "))
	}
	fmt.Fprintf(&b, "\nMeasured on %s, %s cores, %.10s.\n", f.Head["cpu"], f.Head["cores"], f.Head["date"])
	return b.String()
}

// amount writes a number with two significant digits, such as 1.2 M.
func amount(v float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if v >= 0.9995*unit.size {
			return digits(v/unit.size) + " " + unit.name
		}
	}
	return digits(v) + " "
}

func digits(v float64) string {
	switch {
	case v >= 9.95 || v == math.Trunc(v):
		return fmt.Sprintf("%.0f", v)
	case v >= 0.0995:
		return fmt.Sprintf("%.1f", v)
	case v >= 0.00995:
		return fmt.Sprintf("%.2f", v)
	default:
		return "< 0.01"
	}
}

// curves returns a panel for each quantity: the measured sizes, and what the model computes.
func curves(f figures.Figures, stores []kind) chart.Drawing {
	d := chart.Drawing{Source: fmt.Sprintf("dashed: the model. %s, %s cores, %.10s", f.Head["cpu"], f.Head["cores"], f.Head["date"])}
	for _, k := range stores {
		d.Legend = append(d.Legend, chart.Series{Name: k.title, Colour: k.colour})
	}
	for _, q := range quantities {
		p := chart.Panel{Title: strings.ToUpper(q.title[:1]) + q.title[1:], X: "runs in progress", Y: q.unit, LogX: true, LogY: true}
		for _, k := range stores {
			if q.line != nil && q.line(k.Store) == (model.Line{}) {
				continue
			}
			s := chart.Series{Colour: k.colour, Computed: true}
			for _, n := range sizes() {
				s.Points = append(s.Points, chart.Point{X: n, Y: q.of(k.Cost(load, n))})
			}
			p.Series = append(p.Series, s)
			if points := k.measured(f, q); len(points) > 0 {
				p.Series = append(p.Series, chart.Series{Colour: k.colour, Points: points})
			}
		}
		d.Panels = append(d.Panels, p)
	}
	return d
}

// units are the units of the figures that the quantities come from.
var units = map[string]string{"disk": "disk-MB", "catalog": "catalog-MB", "memory": "server-heap-MB"}

// measured returns the measured sizes of a quantity.
func (k kind) measured(f figures.Figures, q quantity) (points []chart.Point) {
	for _, p := range f.Curve(figures.Key{Work: "W7", Engine: "automation", Store: k.Name, Unit: units[q.title]}) {
		points = append(points, chart.Point{X: p.X, Y: p.Y * 1e6})
	}
	return points
}
