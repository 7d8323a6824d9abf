package command

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/cmd/automation/internal/database"
	"github.com/seed-b636437c/automation/diagram"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

func automationsCommand() command {
	var o automationsOptions
	return command{
		name: "automations", arguments: "[ID]",
		summary: "list automations, or show one with its graph",
		about: `Without an ID it lists automations, newest first. With an ID it shows the automation, its graph,
and how many runs are at each step. --version shows the graph of an earlier version, on which
runs may still be.`,
		examples: []example{
			{"which automations are enabled?", "automations --status enabled"},
			{"where are the runs of one?", "automations welcome"},
			{"the graph that older runs follow", "automations welcome --version 3"},
			{"its document, for validate or for the HTTP API", "automations welcome --json"},
		},
		define: o.define,
		run:    o.run,
	}
}

type automationsOptions struct {
	page
	status  string
	version int
}

func (o *automationsOptions) define(f *flag.FlagSet) {
	o.page.define(f)
	f.StringVar(&o.status, "status", "", "only those with this `status`: enabled or disabled")
	f.IntVar(&o.version, "version", 0, "with an ID: show the graph of this version, a `number`")
}

func (o *automationsOptions) run(ctx context.Context, c *call) error {
	if len(c.args) > 0 {
		id, err := c.oneArgument("ID")
		if err != nil {
			return err
		}
		return c.use(ctx, database.Read, func(s *session) error { return c.showAutomation(ctx, s, id, o.version) })
	}
	if o.version != 0 {
		return usagef("--version needs the ID of an automation")
	}
	switch automation.Status(o.status) {
	case "", automation.StatusEnabled, automation.StatusDisabled:
	default:
		return usagef("--status %q: use enabled or disabled", o.status)
	}
	return c.use(ctx, database.Read, func(s *session) error { return o.list(ctx, c, s) })
}

// automationItem is an automation without its graph, in JSON.
type automationItem struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Status    automation.Status `json:"status"`
	Version   int               `json:"version"`
	Revision  int               `json:"revision"`
	CreatedAt time.Time         `json:"created_at"`
	UpdatedAt time.Time         `json:"updated_at"`
	StoppedAt time.Time         `json:"stopped_at,omitzero"`
}

func (o *automationsOptions) list(ctx context.Context, c *call, s *session) error {
	found, err := collect(o.page, func(q automation.PageQuery) (automation.Page[automation.Automation], error) {
		return s.ListAutomations(ctx, automation.AutomationQuery{Status: automation.Status(o.status), PageQuery: q})
	}, func(a automation.Automation) string { return a.ID }, nil)
	if err != nil {
		return err
	}
	if c.json {
		items := automation.Page[automationItem]{HasMore: found.HasMore}
		for _, a := range found.Data {
			items.Data = append(items.Data, automationItem{a.ID, a.Name, a.Status, a.Version, a.Revision, a.CreatedAt, a.UpdatedAt, a.StoppedAt})
		}
		return c.printJSON(listingOf(items))
	}
	if len(found.Data) == 0 {
		c.printf("There are no such automations.\n")
		return nil
	}
	var t table
	t.add("ID", "NAME", "STATUS", "VERSION", c.titled("UPDATED"))
	for _, a := range found.Data {
		t.add(a.ID, a.Name, c.status(a), fmt.Sprint(a.Version), c.at(a.UpdatedAt))
	}
	c.printTable(t)
	c.printMore(found.HasMore, found.Data[len(found.Data)-1].ID)
	return nil
}

// status returns the status of an automation in words.
func (c *call) status(a automation.Automation) string {
	if a.StoppedAt.IsZero() {
		return string(a.Status)
	}
	return "stopped since " + c.at(a.StoppedAt)
}

func (c *call) showAutomation(ctx context.Context, s *session, id string, version int) error {
	a, err := s.GetAutomation(ctx, id)
	if err != nil {
		return err
	}
	version = cmp.Or(version, a.Version)
	if version != a.Version {
		old, err := s.GetAutomationVersion(ctx, id, version)
		if err != nil {
			return err
		}
		a.Steps, a.Connections, a.Retry, a.Entry, a.Exit = old.Steps, old.Connections, old.Retry, old.Entry, old.Exit
	}
	counts, err := s.CountRuns(ctx, id)
	if err != nil {
		return err
	}
	if c.json {
		a.Version = version
		return c.printAutomationJSON(a, counts)
	}
	c.printAutomation(a, version)
	c.printCounts(counts)
	return nil
}

// printAutomationJSON prints the automation as the HTTP API does, with its counts.
func (c *call) printAutomationJSON(a automation.Automation, counts []automation.RunCount) error {
	doc, err := object("automation", a)
	if err != nil {
		return err
	}
	text, err := jsondoc.Encode(append([]automation.RunCount{}, counts...))
	if err != nil {
		return err
	}
	doc = append(doc[:len(doc)-1], `,"run_counts":`...)
	return c.printJSON(json.RawMessage(append(append(doc, text...), '}')))
}

func (c *call) printAutomation(a automation.Automation, version int) {
	var t table
	t.add("id", a.ID)
	t.add("name", a.Name)
	t.add("status", c.status(a))
	t.add("version", fmt.Sprint(version))
	if version != a.Version {
		t.add("", fmt.Sprintf("the current version is %d", a.Version))
	}
	t.add("created", c.at(a.CreatedAt))
	t.add("updated", c.at(a.UpdatedAt))
	for _, line := range diagram.DescribeEntry(a.Entry) {
		t.add("entry", line)
	}
	for _, line := range diagram.DescribeExit(a.Exit) {
		t.add("exit", line)
	}
	c.printTable(t)
	c.printf("\n")
	c.printTable(graph(a))
}

func (c *call) printCounts(counts []automation.RunCount) {
	if len(counts) == 0 {
		c.printf("\nIt has no runs.\n")
		return
	}
	c.printf("\n")
	var t table
	t.add("VERSION", "STEP", "STATUS", "RUNS")
	for _, n := range counts {
		t.add(fmt.Sprint(n.Version), n.Step, string(n.Status), fmt.Sprint(n.Count))
	}
	c.printTable(t)
}
