package main

import (
	"context"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql"

	"github.com/seed-b636437c/automation/observe/grafana"
)

// page is the dashboard with what its queries answered.
type page struct {
	dashboard grafana.Dashboard
	history   *grafana.History
	from, to  time.Time
	step      time.Duration
	note      string
}

// The sizes of a cell of the dashboard's grid, in pixels.
const (
	cellWidth, cellHeight = 64, 38
	gap                   = 6
	top                   = 74 // of the grid
)

const style = `body{margin:0;background:#f4f5f5;color:#24292e;font:12px Inter,"Helvetica Neue",Arial,sans-serif;position:relative}
h1{margin:0;padding:14px 18px 2px;font-size:20px;font-weight:500}p{margin:0;padding:0 18px;color:#57606a}
.panel{position:absolute;background:#fff;border:1px solid #dfe1e4;border-radius:2px;box-sizing:border-box}
.panel h2{margin:0;padding:7px 10px 0;font-size:13px;font-weight:500}.row{position:absolute;font-size:15px;font-weight:500;padding:12px 4px 0}
.stat{font-size:40px;font-weight:500;text-align:center;color:#299c46;padding-top:26px}
.legend{padding:0 10px;height:32px;overflow:hidden;line-height:16px}.legend i{display:inline-block;width:12px;height:3px;margin:0 4px 3px 0}.legend span{margin-right:10px;white-space:nowrap}
`

// html returns the page.
func (p page) html(ctx context.Context) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html><meta charset=utf-8><title>%s</title><style>%s</style><h1>%[1]s</h1><p>%[3]s</p>\n",
		html.EscapeString(p.dashboard.Title), style, html.EscapeString(p.note))
	for _, panel := range p.dashboard.Panels {
		if err := p.panel(ctx, &b, panel); err != nil {
			return "", fmt.Errorf("panel %s: %w", panel.Title, err)
		}
	}
	return b.String(), nil
}

func (p page) panel(ctx context.Context, b *strings.Builder, panel grafana.Panel) error {
	g := panel.GridPos
	width, height := g.W*cellWidth-gap, g.H*cellHeight-gap
	place := fmt.Sprintf("left:%dpx;top:%dpx;width:%dpx;height:%dpx", g.X*cellWidth+gap+8, g.Y*cellHeight+top, width, height)
	if panel.Type == "row" {
		fmt.Fprintf(b, "<div class=row style=%q>%s</div>\n", place, html.EscapeString(panel.Title))
		return nil
	}
	curves, err := p.curves(ctx, panel)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "<div class=panel style=%q><h2>%s</h2>", place, html.EscapeString(panel.Title))
	if panel.Type == "stat" {
		fmt.Fprintf(b, "<div class=stat>%s</div>", stat(curves, panel.FieldConfig.Defaults.Unit))
	} else {
		c := chart{
			curves: curves, unit: panel.FieldConfig.Defaults.Unit, stacked: panel.FieldConfig.Defaults.Custom.Stacking.Mode == "normal",
			width: float64(width), height: float64(height - 62), from: p.from, to: p.to, step: p.step,
		}
		c.draw(b)
	}
	b.WriteString("</div>\n")
	return nil
}

// stat returns the latest value of a panel with one number.
func stat(curves []curve, unit string) string {
	for _, c := range curves {
		if n := len(c.points); n > 0 {
			return number(c.points[n-1].F, unit)
		}
	}
	return "No data"
}

// curve is one series of a panel.
type curve struct {
	name   string
	points []promql.FPoint
}

// curves returns the series of a panel, without values that are not numbers.
func (p page) curves(ctx context.Context, panel grafana.Panel) ([]curve, error) {
	var all []curve
	for _, target := range panel.Targets {
		matrix, err := p.history.Query(ctx, target.Query(), p.from, p.to, p.step)
		if err != nil {
			return nil, err
		}
		for _, s := range matrix {
			points := slices.DeleteFunc(slices.Clone(s.Floats), func(f promql.FPoint) bool { return math.IsNaN(f.F) })
			all = append(all, curve{target.Legend(s.Metric), points})
		}
	}
	return all, nil
}

// number returns a value with its unit.
func number(v float64, unit string) string {
	switch {
	case unit == "s" && v != 0 && v < 1:
		return fmt.Sprintf("%.3g ms", v*1000)
	case unit == "s":
		return fmt.Sprintf("%.3g s", v)
	case unit == "ops":
		return fmt.Sprintf("%.3g/s", v)
	default:
		return fmt.Sprintf("%.4g", v)
	}
}
