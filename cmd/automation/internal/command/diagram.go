package command

import (
	"context"
	"flag"
	"fmt"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/cmd/automation/internal/database"
	"github.com/seed-b636437c/automation/diagram"
)

func diagramCommand() command {
	var o diagramOptions
	return command{
		name: "diagram", arguments: "[FILE]",
		summary: "draw a flow file or a run, as SVG, Mermaid or for Graphviz",
		about: `Draws a flow file. Without a file, or for the file "-", it reads the standard input. It draws
invalid flows too, if they can be decoded.

With --run it draws a run over its version of the automation, from the database: which steps
the run reached, and which branches it took.`,
		examples: []example{
			{"a picture for a browser", "diagram flow.json > flow.svg"},
			{"a block for Markdown", "diagram --format mermaid flow.json"},
			{"with Graphviz", "diagram --format dot flow.json | dot -Tpdf > flow.pdf"},
			{"what happened in one run", "diagram --run 01a0f755-f200-7187-bece-6d37b35978d5 > run.svg"},
		},
		define: o.define,
		run:    o.run,
	}
}

type diagramOptions struct {
	format string
	runID  string
}

func (o *diagramOptions) define(f *flag.FlagSet) {
	f.StringVar(&o.format, "format", "svg", "`format` of the drawing: svg, mermaid or dot")
	f.StringVar(&o.runID, "run", "", "draw the run with this `id`")
}

// diagramFormats are the functions of the formats.
var diagramFormats = map[string]func(automation.Automation, diagram.Options) string{
	"svg": diagram.SVG, "mermaid": diagram.Mermaid, "dot": diagram.DOT,
}

func (o *diagramOptions) run(ctx context.Context, c *call) error {
	draw, ok := diagramFormats[o.format]
	switch {
	case !ok:
		return usagef("--format %q is none of svg, mermaid and dot", o.format)
	case o.runID != "":
		return o.drawRun(ctx, c, draw)
	}
	a, err := c.flow()
	if err != nil {
		return err
	}
	return o.print(c, draw(a, diagram.Options{}))
}

// flow reads the flow file of the arguments.
func (c *call) flow() (a automation.Automation, err error) {
	file := "-"
	if len(c.args) > 0 {
		if file, err = c.oneArgument("FILE"); err != nil {
			return a, err
		}
	}
	data, err := readFile(c.Stdin, file)
	if err == nil {
		err = a.UnmarshalJSON(data)
	}
	if err != nil {
		return a, fmt.Errorf("%s: %w", file, err)
	}
	return a, nil
}

// drawRun draws a run of the database.
func (o *diagramOptions) drawRun(ctx context.Context, c *call, draw func(automation.Automation, diagram.Options) string) error {
	if err := c.noArguments(); err != nil {
		return err
	}
	return c.use(ctx, database.Read, func(s *session) error {
		run, err := s.GetRun(ctx, o.runID)
		if err != nil {
			return err
		}
		v, err := s.GetAutomationVersion(ctx, run.AutomationID, run.Version)
		if err != nil {
			return err
		}
		a := automation.Automation{Name: run.AutomationID, Steps: v.Steps, Connections: v.Connections}
		return o.print(c, draw(a, diagram.Options{Run: &run}))
	})
}

// print prints a drawing.
func (o *diagramOptions) print(c *call, text string) error {
	if c.json {
		return c.printJSON(map[string]string{"object": "diagram", "format": o.format, "content": text})
	}
	c.printf("%s", text)
	return nil
}
