package dashboard

import (
	"cmp"
	"context"
	"html/template"
	"maps"
	"slices"

	"github.com/seed-b636437c/automation"
)

// contactPage is one contact, with one of the parts that its tabs lead to.
type contactPage struct {
	contactRow
	ID    string
	Host  string // the host's page about the contact
	Erase template.URL
	Send  template.URL
	Tabs  []tab

	Runs       *part[runList]
	Events     *part[eventLog]
	Properties *part[[]propertyRow]
}

// tab is a link to another part of a page.
type tab struct {
	Text    string
	Link    template.URL
	Current bool
}

// propertyRow is a property of a contact, or the definition of one that it lacks.
type propertyRow struct {
	Key      string
	Value    string
	Missing  bool
	Type     string // "" without a definition
	Fallback string
}

// contact shows one contact. It makes at most four calls of the store.
func (x *exchange) contact() error {
	c, err := x.findContact()
	if err != nil {
		return err
	}
	show := x.r.URL.Query().Get("show")
	body := contactPage{ID: c.ID, Host: x.contactURL(c), Erase: x.to.To("contacts", c.ID, "erase")}
	body.Send = x.to.With(x.to.To("events", "send"), "contact", cmp.Or(c.Email, c.ID))
	switch show {
	case "":
		body.Runs = new(part[runList])
		*body.Runs = read(x, func(ctx context.Context) (runList, error) {
			return x.runList(ctx, automation.RunQuery{ContactID: c.ID, PageQuery: x.pageQuery()})
		})
	case "events":
		q := automation.EventQuery{Contact: automation.ContactRef{ID: c.ID}, PageQuery: x.pageQuery()}
		body.Events = new(part[eventLog])
		*body.Events = read(x, func(ctx context.Context) (eventLog, error) {
			return x.eventLog(ctx, q, map[string]string{c.ID: cmp.Or(c.Email, c.ID)})
		})
	case "properties":
		body.Properties = new(part[[]propertyRow])
		*body.Properties = read(x, func(ctx context.Context) ([]propertyRow, error) { return x.properties(ctx, c) })
	default:
		return badInput("A contact has no such part", "Go back to the contact, and choose one of its tabs.")
	}
	body.contactRow = x.contactRow(c, x.namesOfSegments(c))
	for _, t := range []struct{ text, show string }{{"Runs", ""}, {"Events", "events"}, {"Properties", "properties"}} {
		body.Tabs = append(body.Tabs, tab{t.text, x.to.With(x.to.To("contacts", c.ID), "show", t.show), t.show == show})
	}
	return x.show("contact", page{Title: cmp.Or(c.Email, c.ID), Section: "Contacts", Body: body})
}

// findContact reads the contact that the path names.
func (x *exchange) findContact() (automation.Contact, error) {
	ctx, cancel := x.reading()
	defer cancel()
	c, err := x.runner.GetContact(ctx, automation.ContactRef{ID: x.r.PathValue("id")})
	return c, named(err, "contact")
}

// properties returns the properties of a contact and those that are defined, by name.
func (x *exchange) properties(ctx context.Context, c automation.Contact) ([]propertyRow, error) {
	found, err := x.runner.ListContactProperties(ctx, newest)
	if err != nil {
		return nil, err
	}
	values, _ := x.redacted(fieldOfContact, c.Properties).(map[string]any)
	rows := map[string]propertyRow{}
	for key, value := range values {
		rows[key] = propertyRow{Key: key, Value: valueText(value)}
	}
	for _, p := range found.Data {
		row, ok := rows[p.Key]
		row.Key, row.Missing, row.Type = p.Key, !ok, string(p.Type)
		if p.Fallback != nil {
			row.Fallback = valueText(p.Fallback)
		}
		rows[p.Key] = row
	}
	return slices.SortedFunc(maps.Values(rows), func(a, b propertyRow) int { return cmp.Compare(a.Key, b.Key) }), nil
}

// valueText returns a value of a property for people. Texts have no quotes.
func valueText(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	return indentedValue(value)
}
