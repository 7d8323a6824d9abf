package dashboard

import (
	"cmp"
	"context"

	"github.com/seed-b636437c/automation"
)

// maxNames is how many of the newest automations, segments and so on a page has the names of.
const maxNames = 100

// newest selects what a page has the names of.
var newest = automation.PageQuery{Limit: maxNames}

// newestAutomations reads the newest automations.
func (x *exchange) newestAutomations(ctx context.Context) (automation.Page[automation.Automation], error) {
	return x.runner.ListAutomations(ctx, automation.AutomationQuery{PageQuery: newest})
}

// automationNames returns the names of the newest automations by their ids. It reads them once
// for a page.
func (x *exchange) automationNames(ctx context.Context) (map[string]string, error) {
	if x.names == nil {
		found, err := x.newestAutomations(ctx)
		if err != nil {
			return nil, err
		}
		x.names = namesOfAutomations(found.Data)
	}
	return x.names, nil
}

// namesOfAutomations returns the names of automations by their ids.
func namesOfAutomations(automations []automation.Automation) map[string]string {
	names := map[string]string{}
	for _, a := range automations {
		names[a.ID] = a.Name
	}
	return names
}

// segments reads the newest segments.
func (x *exchange) segments(ctx context.Context) ([]automation.Segment, error) {
	found, err := x.runner.ListSegments(ctx, newest)
	return found.Data, err
}

// segmentNames returns the names of segments by their ids.
func segmentNames(segments []automation.Segment) map[string]string {
	names := map[string]string{}
	for _, s := range segments {
		names[s.ID] = s.Name
	}
	return names
}

// namesOfSegments returns the names of segments, if the contact is in any.
func (x *exchange) namesOfSegments(c automation.Contact) map[string]string {
	if len(c.Segments) == 0 {
		return nil
	}
	return segmentNames(read(x, x.segments).Data) // without names, the ids are shown
}

// contactNames returns how people call the contacts of runs: by their emails, or by their
// ids where the email is unknown.
func (x *exchange) contactNames(ctx context.Context, runs []automation.Run) map[string]string {
	ids := make([]string, len(runs))
	for i, run := range runs {
		ids[i] = run.ContactID
	}
	return x.contactNamesByID(ctx, ids)
}

// contactNamesByID returns the emails of contacts by their ids, and the id where there is no
// email. Without the contacts, the page shows ids.
func (x *exchange) contactNamesByID(ctx context.Context, ids []string) map[string]string {
	names := map[string]string{}
	for _, id := range ids {
		names[id] = id
	}
	contacts, err := x.runner.GetContacts(ctx, ids)
	if err != nil {
		x.opts.Logger.Error("dashboard: the contacts of a page cannot be read", "path", x.r.URL.Path, "error", err)
	}
	for id, c := range contacts {
		names[id] = cmp.Or(c.Email, id)
	}
	return names
}

// namesOf returns the names of the contacts of events, by their ids.
func (x *exchange) namesOf(ctx context.Context, events []automation.EventRecord) map[string]string {
	var ids []string
	for _, e := range events {
		if e.ContactID != "" {
			ids = append(ids, e.ContactID)
		}
	}
	return x.contactNamesByID(ctx, ids)
}
