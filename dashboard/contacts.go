package dashboard

import (
	"cmp"
	"errors"
	"html/template"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
)

// contactRoutes are the pages about contacts.
var contactRoutes = []route{
	view("GET /contacts", (*exchange).contacts),
	view("GET /contacts/{id}", (*exchange).contact),
	edit("GET /contacts/{id}/erase", (*exchange).askErase),
	edit("POST /contacts/{id}/erase", (*exchange).erase).audited(eraseAction),
}

// contactsPage is the list of contacts.
type contactsPage struct {
	Email    string // how the emails begin
	Segment  string
	Segments []automation.Segment
	Rows     []contactRow
	pager
	// Elsewhere means that contacts live in a table of the host, which has no list.
	Elsewhere bool
}

// StraySegment reports whether the list is of a segment without a name.
func (p contactsPage) StraySegment() bool {
	return p.Segment != "" && !slices.ContainsFunc(p.Segments, func(s automation.Segment) bool { return s.ID == p.Segment })
}

// contactRow is a contact in the list.
type contactRow struct {
	Link         template.URL
	Email        string
	FullName     string
	Unsubscribed bool
	Segments     []string // names
	Created      moment
}

// contacts lists contacts by segment, and by how their emails begin.
func (x *exchange) contacts() error {
	query := x.r.URL.Query()
	body := contactsPage{Email: strings.TrimSpace(query.Get("email")), Segment: query.Get("segment")}
	q := automation.ContactQuery{Segment: body.Segment, EmailPrefix: body.Email, PageQuery: x.pageQuery()}
	ctx, cancel := x.reading()
	defer cancel()
	found, err := x.runner.ListContacts(ctx, q)
	if errors.Is(err, errors.ErrUnsupported) {
		return x.contactsElsewhere(body)
	}
	if err != nil {
		return named(err, "contact")
	}
	segments := read(x, x.segments)
	body.Segments = segments.Data
	for _, c := range found.Data {
		body.Rows = append(body.Rows, x.contactRow(c, segmentNames(body.Segments)))
	}
	body.pager = pagerOf(x, found, func(c automation.Contact) string { return c.ID })
	return x.show("contacts", page{Title: "Contacts", Section: "Contacts", Body: body})
}

// contactsElsewhere shows no list, but finds the contact with a complete email or id.
func (x *exchange) contactsElsewhere(body contactsPage) error {
	body.Elsewhere = true
	if body.Email != "" {
		ctx, cancel := x.reading()
		defer cancel()
		c, err := x.runner.GetContact(ctx, contactRef(body.Email))
		if err == nil {
			return x.seeOther(x.to.To("contacts", c.ID))
		}
		if !errors.Is(err, automation.ErrNotFound) {
			return err
		}
	}
	return x.show("contacts", page{Title: "Contacts", Section: "Contacts", Body: body})
}

func (x *exchange) contactRow(c automation.Contact, segments map[string]string) contactRow {
	row := contactRow{
		Link: x.to.To("contacts", c.ID), Email: cmp.Or(c.Email, c.ID), FullName: fullName(c), Unsubscribed: c.Unsubscribed, Created: x.moment(c.CreatedAt),
	}
	for _, id := range c.Segments {
		row.Segments = append(row.Segments, cmp.Or(segments[id], id))
	}
	return row
}

// fullName returns the names of a contact, or "".
func fullName(c automation.Contact) string { return strings.TrimSpace(c.FirstName + " " + c.LastName) }
