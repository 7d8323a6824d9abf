package main

import (
	"fmt"

	"github.com/seed-b636437c/automation/bench/chart"
	"github.com/seed-b636437c/automation/bench/figures"
)

// stores are the curves of each panel, with their colours.
var stores = []chart.Series{{Name: "postgres", Colour: "#1f6feb"}, {Name: "sqlite", Colour: "#bc4c00"}}

// drawing returns the cost curves.
func drawing(f figures.Figures) chart.Drawing {
	waiting := func(title, y, unit string) chart.Panel {
		return chart.Panel{
			Title: title, X: "runs that wait", Y: y, LogX: true,
			Series: curves(f, figures.Key{Work: "W3", Engine: "automation", Unit: unit}),
		}
	}
	return chart.Drawing{
		Panels: []chart.Panel{
			waiting("Runs that begin to wait", "runs/s", "made/s"),
			waiting("Runs woken by an event, 2,000 at once", "runs/s", "woken/s"),
			waiting("Heap of the process", "MB", "heap-MB"),
			{
				Title: "Complete runs on several nodes", X: "nodes", Y: "runs/s",
				Series: curves(f, figures.Key{Work: "W1", Engine: "automation-nodes", Unit: "runs/s"}),
			},
		},
		Legend: stores,
		Source: fmt.Sprintf("%s, %s cores, %.10s", f.Head["cpu"], f.Head["cores"], f.Head["date"]),
	}
}

// curves returns a curve for each store.
func curves(f figures.Figures, k figures.Key) []chart.Series {
	var all []chart.Series
	for _, s := range stores {
		k.Store = s.Name
		for _, p := range f.Curve(k) {
			s.Points = append(s.Points, chart.Point(p))
		}
		all = append(all, s)
	}
	return all
}
