package command

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/cmd/automation/internal/database"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

func contactsCommand() command {
	var o contactsOptions
	return command{
		name: "contacts", arguments: "[ID|EMAIL]",
		summary: "list contacts or segments, or show one contact with its runs",
		about: `Without an argument it lists contacts, newest first. With an ID or an EMAIL it shows the contact,
with its properties, its segments and its newest runs. The output has email addresses.

If your application keeps contacts in a table of its own, there are none here.`,
		examples: []example{
			{"is she unsubscribed, and what did she get?", "contacts ada@example.com"},
			{"who is in a segment?", "contacts --segment customers"},
			{"which segments are there?", "contacts --segments"},
		},
		define: o.define,
		run:    o.run,
	}
}

type contactsOptions struct {
	page
	segment  string
	segments bool
}

func (o *contactsOptions) define(f *flag.FlagSet) {
	o.page.define(f)
	f.StringVar(&o.segment, "segment", "", "contacts in the segment with this `ID`")
	f.BoolVar(&o.segments, "segments", false, "list segments")
}

func (o *contactsOptions) run(ctx context.Context, c *call) error {
	c.showing = true
	if len(c.args) == 0 {
		list := o.list
		if o.segments {
			list = o.listSegments
		}
		return c.use(ctx, database.Read, func(s *session) error { return list(ctx, c, s) })
	}
	name, err := c.oneArgument("ID or EMAIL")
	if err != nil {
		return err
	}
	return c.use(ctx, database.Read, func(s *session) error { return c.showContact(ctx, s, name) })
}

func (o *contactsOptions) list(ctx context.Context, c *call, s *session) error {
	l := listTable[automation.Contact]{
		none: "There are no such contacts.",
		head: []string{"ID", "EMAIL", "NAME", "SUBSCRIBED", c.titled("CREATED")},
		row: func(contact automation.Contact) []string {
			return []string{contact.ID, contact.Email, fullName(contact), subscribed(contact), c.at(contact.CreatedAt)}
		},
		id: func(contact automation.Contact) string { return contact.ID },
	}
	found, err := collect(o.page, func(q automation.PageQuery) (automation.Page[automation.Contact], error) {
		return s.ListContacts(ctx, automation.ContactQuery{Segment: o.segment, PageQuery: q})
	}, l.id, nil)
	if err != nil {
		return err
	}
	return l.print(c, found)
}

func fullName(contact automation.Contact) string {
	return strings.TrimSpace(contact.FirstName + " " + contact.LastName)
}

func subscribed(contact automation.Contact) string {
	if contact.Unsubscribed {
		return "no"
	}
	return "yes"
}

func (o *contactsOptions) listSegments(ctx context.Context, c *call, s *session) error {
	l := listTable[automation.Segment]{
		none: "There are no segments with a name.",
		head: []string{"ID", "NAME", c.titled("CREATED")},
		row: func(segment automation.Segment) []string {
			return []string{segment.ID, segment.Name, c.at(segment.CreatedAt)}
		},
		id: func(segment automation.Segment) string { return segment.ID },
	}
	found, err := collect(o.page, func(q automation.PageQuery) (automation.Page[automation.Segment], error) {
		return s.ListSegments(ctx, q)
	}, l.id, nil)
	if err != nil {
		return err
	}
	return l.print(c, found)
}

// contactRuns is how many runs are shown with a contact.
const contactRuns = 10

// contactItem is a contact with its newest runs, in JSON.
type contactItem struct {
	automation.Contact
	Runs []automation.Run `json:"runs"`
}

func (c *call) showContact(ctx context.Context, s *session, name string) error {
	contact, err := s.findContact(ctx, name)
	if err != nil {
		return err
	}
	runs, err := c.findRuns(ctx, s, page{limit: contactRuns}, automation.RunQuery{ContactID: contact.ID})
	if err != nil {
		return err
	}
	if c.json {
		doc, err := object("contact", contactItem{contact, append([]automation.Run{}, runs.Data...)})
		if err != nil {
			return err
		}
		return c.printJSON(doc)
	}
	c.printContact(contact)
	if len(runs.Data) == 0 {
		c.printf("\nThere are no runs of this contact.\n")
		return nil
	}
	c.printf("\n")
	c.printRunTable(ctx, s, runs.Data)
	if runs.HasMore {
		c.printf("There are more: automation runs --contact %s\n", clean(contact.ID))
	}
	return nil
}

func (c *call) printContact(contact automation.Contact) {
	var t table
	t.add("contact", contact.ID)
	t.add("email", contact.Email)
	t.add("name", fullName(contact))
	t.add("subscribed", subscribed(contact))
	t.add("created", c.at(contact.CreatedAt))
	t.add("segments", strings.Join(contact.Segments, ", "))
	for _, key := range slices.Sorted(maps.Keys(contact.Properties)) {
		value, err := jsondoc.Encode(contact.Properties[key])
		if err != nil {
			value = fmt.Append(nil, contact.Properties[key])
		}
		t.add("property "+key, string(value))
	}
	c.printTable(t)
}
