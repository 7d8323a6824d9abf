package dashboard

import (
	"context"
	"html/template"

	"github.com/seed-b636437c/automation"
)

// definitionList is a page of event definitions.
type definitionList struct {
	Rows   []definitionRow
	Newest template.URL // the first page, if this is another
	Older  template.URL
}

// definitionRow is an event definition in the list.
type definitionRow struct {
	Name   string
	Link   template.URL
	Send   template.URL
	Fields []payloadField
	Any    bool // every payload is accepted
}

// definitions reads a page of definitions, after the one that the query names.
func (x *exchange) definitions(ctx context.Context) (list definitionList, err error) {
	after := x.r.URL.Query().Get("definitions")
	found, err := x.runner.ListEventDefinitions(ctx, automation.PageQuery{Limit: pageSize, After: after})
	if err != nil {
		return list, named(err, "event definition")
	}
	for _, d := range found.Data {
		list.Rows = append(list.Rows, definitionRow{
			Name: d.Name, Link: x.definitionLink(d), Send: x.to.With(x.to.To("events", "send"), "name", d.Name),
			Fields: payloadFields(d.Schema), Any: isNull(d.Schema),
		})
	}
	if after != "" {
		list.Newest = x.to.To("events")
	}
	if found.HasMore {
		list.Older = x.to.With(x.to.To("events"), "definitions", found.Data[len(found.Data)-1].ID)
	}
	return list, nil
}
