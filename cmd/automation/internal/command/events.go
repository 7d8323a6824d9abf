package command

import (
	"cmp"
	"context"
	"flag"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/cmd/automation/internal/database"
)

func eventsCommand() command {
	var o eventsOptions
	return command{
		name: "events", arguments: "[EVENT_ID]",
		summary: "list what arrived and what became of it, or event definitions",
		about: `Without an EVENT_ID it lists the events that the application sent, newest first, and what became
of each: which runs it started, resumed and ended, or why none. With an EVENT_ID it shows the
event, its payload, the runs that it started, and why it started no others. With --definitions
it lists event definitions, which have the schemas of payloads, or shows the one with an ID or a
name.

The reasons are no_match (no automation starts on it, and no run of the contact waited for it),
refused (by the rules of entry of an automation), automation_disabled, filter_not_met and
before_wait (of a run that waited for it), and contact_deleted. Events that an old release of the
library handled have none.

Email addresses are not shown, unless --addresses is given.`,
		examples: []example{
			{"did the event arrive, and what did it do?", "events --contact ada@example.com --event order.paid"},
			{"what waits to be handled?", "events --status pending"},
			{"which events started nothing, because no automation knows them?", "events --reason no_match --since 1d"},
			{"which events were refused by an automation?", "events --reason refused --since 1d"},
			{"one event with its payload, and why it started no run", "events 01a0f755-f200-7187-bece-6d36cc4ae097"},
			{"which events have a schema?", "events --definitions"},
			{"the schema of one", "events --definitions user.created"},
		},
		define: o.define,
		run:    o.run,
	}
}

type eventsOptions struct {
	page
	contact, event, since, until, status, reason string
	definitions, addresses                       bool
}

func (o *eventsOptions) define(f *flag.FlagSet) {
	o.page.define(f)
	f.StringVar(&o.contact, "contact", "", "events of the contact with this `ID` or email, or for the email if it has no contact")
	f.StringVar(&o.event, "event", "", "events with this `name`; with --contact or --since")
	f.StringVar(&o.since, "since", "", "events that arrived at this `time` or later, or at most so long ago: 2026-03-02, 36h, 7d")
	f.StringVar(&o.until, "until", "", "events that arrived before this `time`, or longer ago")
	f.StringVar(&o.status, "status", "", "events with this `status`: pending or handled; reads past all others")
	f.StringVar(&o.reason, "reason", "", "events that started and resumed nothing, for this `reason`; reads past all others")
	f.BoolVar(&o.definitions, "definitions", false, "list event definitions, or show one")
	f.BoolVar(&o.addresses, "addresses", false, "show email addresses")
}

// reasons are the reasons why an event starts and resumes nothing, in words.
var reasons = map[automation.EventReason]string{
	automation.ReasonContactDeleted: "the contact was deleted before",
	automation.ReasonFilterNotMet:   "the filter of a wait did not match it",
	automation.ReasonBeforeWait:     "it came before the wait began",
	automation.ReasonRefused:        "an automation's rules of entry refused it",
	automation.ReasonDisabled:       "the automations that it starts were disabled",
	automation.ReasonNoMatch:        "no automation starts on it, and no run of the contact waited for it",
}

func reasonNames() []string {
	var names []string
	for reason := range reasons {
		names = append(names, string(reason))
	}
	slices.Sort(names)
	return names
}

func (o *eventsOptions) run(ctx context.Context, c *call) error {
	c.showing = o.addresses
	if err := o.check(c); err != nil {
		return err
	}
	if len(c.args) == 0 {
		list := o.list
		if o.definitions {
			list = o.listDefinitions
		}
		return c.use(ctx, database.Read, func(s *session) error { return list(ctx, c, s) })
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

func (o *eventsOptions) check(c *call) error {
	switch automation.EventStatus(o.status) {
	case "", automation.EventStatusPending, automation.EventStatusHandled:
	default:
		return usagef("--status %q: use pending or handled", o.status)
	}
	if o.reason != "" && reasons[automation.EventReason(o.reason)] == "" {
		return usagef("--reason %q is none of %s", o.reason, strings.Join(reasonNames(), ", "))
	}
	if o.event != "" && o.contact == "" && o.since == "" && !o.definitions && len(c.args) == 0 {
		return usagef("--event needs --contact, or --since: events with a name are found for a contact, or from a time on")
	}
	return nil
}

// keep returns a function that reports whether a listed event is wanted, or nil if all
// are.
func (o *eventsOptions) keep() func(automation.EventRecord) bool {
	if o.status == "" && o.reason == "" {
		return nil
	}
	return func(e automation.EventRecord) bool {
		return (o.status == "" || string(e.Status) == o.status) && (o.reason == "" || string(e.Reason) == o.reason)
	}
}

func (o *eventsOptions) list(ctx context.Context, c *call, s *session) error {
	q := automation.EventQuery{Name: o.event}
	if o.contact != "" {
		q.Contact = reference(o.contact)
	}
	var err error
	if q.AcceptedFrom, err = c.moment("since", o.since); err != nil {
		return err
	}
	if q.AcceptedUntil, err = c.moment("until", o.until); err != nil {
		return err
	}
	l := c.eventList()
	found, err := collect(o.page, func(p automation.PageQuery) (automation.Page[automation.EventRecord], error) {
		q.PageQuery = p
		return s.ListEvents(ctx, q)
	}, l.id, o.keep())
	if err != nil {
		return err
	}
	for i := range found.Data {
		c.hide(&found.Data[i])
	}
	return l.print(c, found)
}

// hide removes email addresses from an event, unless --addresses is given.
func (c *call) hide(e *automation.EventRecord) {
	if !c.showing && e.Email != "" {
		e.Email = "[email]"
	}
	e.ContactID, e.IdempotencyKey = c.private(e.ContactID), c.private(e.IdempotencyKey)
	e.Payload = c.privateJSON(e.Payload)
}

func (c *call) eventList() listTable[automation.EventRecord] {
	return listTable[automation.EventRecord]{
		none: "There are no such events.",
		head: []string{"EVENT", "NAME", "CONTACT", c.titled("ACCEPTED"), "STATUS", "OUTCOME"},
		row: func(e automation.EventRecord) []string {
			return []string{e.ID, e.Name, cmp.Or(e.ContactID, e.Email), c.at(e.AcceptedAt), string(e.Status), outcome(e)}
		},
		id: func(e automation.EventRecord) string { return e.ID },
	}
}

// outcome returns what became of a handled event, in words.
func outcome(e automation.EventRecord) string {
	var parts []string
	if n := len(e.Started); n > 0 {
		parts = append(parts, "started "+plural(n, "run"))
	}
	if n := len(e.Resumed); n > 0 {
		parts = append(parts, "resumed "+plural(n, "run"))
	}
	if n := len(e.Ended); n > 0 {
		parts = append(parts, "ended "+plural(n, "run"))
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, ", ")
	case e.Status == automation.EventStatusPending:
		return ""
	case e.Reason != "":
		return "nothing: " + cmp.Or(reasons[e.Reason], string(e.Reason))
	default:
		return "nothing"
	}
}

func (o *eventsOptions) listDefinitions(ctx context.Context, c *call, s *session) error {
	l := listTable[automation.EventDefinition]{
		none: "There are no event definitions. Events need none.",
		head: []string{"NAME", "ID", c.titled("UPDATED"), "SCHEMA"},
		row: func(d automation.EventDefinition) []string {
			return []string{d.Name, d.ID, c.at(d.UpdatedAt), short(string(d.Schema), maxDetail)}
		},
		id: func(d automation.EventDefinition) string { return d.ID },
	}
	found, err := collect(o.page, func(q automation.PageQuery) (automation.Page[automation.EventDefinition], error) {
		return s.ListEventDefinitions(ctx, q)
	}, l.id, nil)
	if err != nil {
		return err
	}
	return l.print(c, found)
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

// eventItem is an event with the runs that it started, and why it started no others, in JSON.
type eventItem struct {
	automation.EventRecord
	Runs      []automation.Run      `json:"runs"`
	Decisions []automation.Decision `json:"decisions,omitempty"`
}

func (c *call) showEvent(ctx context.Context, s *session, id string) error {
	e, err := s.GetEvent(ctx, id)
	if err != nil {
		return err
	}
	var runs automation.Page[automation.Run]
	if e.ContactID != "" { // events without a contact have started no run
		q := automation.RunQuery{EventID: e.ID, ContactID: e.ContactID}
		if runs, err = c.findRuns(ctx, s, page{limit: maxPage}, q); err != nil {
			return err
		}
	}
	decisions, err := s.ListDecisions(ctx, id)
	if err != nil {
		return err
	}
	c.hide(&e)
	if c.json {
		for i := range decisions {
			decisions[i].Evidence = c.privateJSON(decisions[i].Evidence)
		}
		doc, err := object("received_event", eventItem{e, append([]automation.Run{}, runs.Data...), decisions})
		if err != nil {
			return err
		}
		return c.printJSON(doc)
	}
	c.printEvent(e)
	if len(runs.Data) > 0 {
		c.printf("\n")
		c.printRunTable(ctx, s, runs.Data)
	}
	c.printDecisions(decisions)
	return nil
}

func (c *call) printEvent(e automation.EventRecord) {
	var t table
	t.add("event", e.ID)
	t.add("name", e.Name)
	if e.ContactID != "" {
		t.add("contact", e.ContactID)
	} else {
		t.add("email", e.Email+", which belongs to no contact")
	}
	t.add("accepted", c.at(e.AcceptedAt))
	if !e.OccurredAt.Equal(e.AcceptedAt) {
		t.add("occurred", c.at(e.OccurredAt))
	}
	t.add("status", string(e.Status))
	if !e.HandledAt.IsZero() {
		t.add("handled", c.at(e.HandledAt))
		t.add("outcome", outcome(e))
	}
	for _, id := range e.Resumed {
		t.add("resumed", id)
	}
	for _, id := range e.Ended {
		t.add("ended", id)
	}
	if e.IdempotencyKey != "" {
		t.add("key", e.IdempotencyKey)
	}
	if len(e.Payload) > 0 {
		t.add("payload", string(e.Payload))
	}
	c.printTable(t)
}
