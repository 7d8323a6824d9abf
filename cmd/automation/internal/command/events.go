package command

import (
	"context"
	"flag"
	"fmt"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/cmd/automation/internal/database"
)

func eventsCommand() command {
	var o eventsOptions
	return command{
		name: "events", arguments: "EVENT_ID",
		summary: "show an event with the runs that it started, or event definitions",
		about: `With an EVENT_ID it shows the event, and the runs that it started. With --definitions it lists
event definitions, which have the schemas of payloads, or shows the one with an ID or a name.

Email addresses are not shown, unless --addresses is given.`,
		examples: []example{
			{"did it start a run?", "events 01a0f755-f200-7187-bece-6d36cc4ae097"},
			{"which events have a schema?", "events --definitions"},
			{"the schema of one", "events --definitions user.created"},
		},
		define: o.define,
		run:    o.run,
	}
}

type eventsOptions struct {
	page
	definitions, addresses bool
}

func (o *eventsOptions) define(f *flag.FlagSet) {
	o.page.define(f)
	f.BoolVar(&o.definitions, "definitions", false, "list event definitions, or show one")
	f.BoolVar(&o.addresses, "addresses", false, "show email addresses")
}

func (o *eventsOptions) run(ctx context.Context, c *call) error {
	c.showing = o.addresses
	if o.definitions && len(c.args) == 0 {
		return c.use(ctx, database.Read, func(s *session) error { return o.listDefinitions(ctx, c, s) })
	}
	id, err := c.oneArgument("EVENT_ID")
	if err != nil {
		return err
	}
	return c.use(ctx, database.Read, func(s *session) error {
		if o.definitions {
			return c.showDefinition(ctx, s, id)
		}
		return c.showEvent(ctx, s, id)
	})
}

func (o *eventsOptions) listDefinitions(ctx context.Context, c *call, s *session) error {
	found, err := collect(o.page, func(q automation.PageQuery) (automation.Page[automation.EventDefinition], error) {
		return s.ListEventDefinitions(ctx, q)
	}, func(d automation.EventDefinition) string { return d.ID }, nil)
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(listingOf(found))
	}
	if len(found.Data) == 0 {
		c.printf("There are no event definitions. Events need none.\n")
		return nil
	}
	var t table
	t.add("NAME", "ID", c.titled("UPDATED"), "SCHEMA")
	for _, d := range found.Data {
		t.add(d.Name, d.ID, c.at(d.UpdatedAt), short(string(d.Schema), maxDetail))
	}
	c.printTable(t)
	c.printMore(found.HasMore, found.Data[len(found.Data)-1].ID)
	return nil
}

func (c *call) showDefinition(ctx context.Context, s *session, idOrName string) error {
	d, err := s.GetEventDefinition(ctx, idOrName)
	if err != nil {
		return err
	}
	if c.json {
		doc, err := object("event", d)
		if err != nil {
			return err
		}
		return c.printJSON(doc)
	}
	var t table
	t.add("name", d.Name)
	t.add("id", d.ID)
	t.add("created", c.at(d.CreatedAt))
	t.add("updated", c.at(d.UpdatedAt))
	t.add("schema", string(d.Schema))
	c.printTable(t)
	return nil
}

// eventItem is an accepted event with the runs that it started.
type eventItem struct {
	automation.Event
	Runs []automation.Run `json:"runs"`
}

func (c *call) showEvent(ctx context.Context, s *session, id string) error {
	e, err := s.GetEvent(ctx, id)
	if err != nil {
		return err
	}
	var runs automation.Page[automation.Run]
	if e.ContactID != "" { // events without a contact have started no run
		runs, err = c.findRuns(ctx, s, page{limit: maxPage}, runSelection{RunQuery: automation.RunQuery{EventID: e.ID, ContactID: e.ContactID}})
	}
	if err != nil {
		return err
	}
	if !c.showing && e.Email != "" {
		e.Email = "[email]"
	}
	e.ContactID, e.IdempotencyKey = c.private(e.ContactID), c.private(e.IdempotencyKey)
	e.Payload = c.privateJSON(e.Payload)
	if c.json {
		doc, err := object("accepted_event", eventItem{e, append([]automation.Run{}, runs.Data...)})
		if err != nil {
			return err
		}
		return c.printJSON(doc)
	}
	c.printEvent(e)
	if len(runs.Data) == 0 {
		c.printf("\nIt started no run so far.\n")
		return nil
	}
	c.printf("\nIt started %s:\n\n", plural(len(runs.Data), "run"))
	c.printRunTable(runs.Data)
	return nil
}

func (c *call) printEvent(e automation.Event) {
	var t table
	t.add("event", e.ID)
	t.add("name", e.Name)
	if e.ContactID != "" {
		t.add("contact", e.ContactID)
	} else {
		t.add("email", fmt.Sprintf("%s, which belongs to no contact yet", e.Email))
	}
	t.add("accepted", c.at(e.AcceptedAt))
	t.add("occurred", c.at(e.OccurredAt))
	if e.IdempotencyKey != "" {
		t.add("key", e.IdempotencyKey)
	}
	if len(e.Payload) > 0 {
		t.add("payload", string(e.Payload))
	}
	c.printTable(t)
}
