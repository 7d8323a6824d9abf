package dashboard

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/uuid"
)

// searchRoutes find a page by an id, an email or a name.
var searchRoutes = []route{
	view("GET /search", (*exchange).search),
	view("GET /runs/{run}", (*exchange).runByID),
}

// searchPage is what fits a search.
type searchPage struct {
	Query string
	Hits  []hit
	More  bool // more contacts fit
	// Failures are why kinds of things were not searched.
	Failures []string
}

// hit is a page that fits a search.
type hit struct {
	Kind string // contact, automation, run or event
	Text string
	Note string
	Link template.URL
}

// hitLimit is how many contacts a search lists.
const hitLimit = 20

// search leads to the page that fits, or lists the pages if several do. It makes at most
// four calls of the store.
func (x *exchange) search() error {
	body := searchPage{Query: strings.TrimSpace(x.r.URL.Query().Get("q"))}
	if body.Query != "" {
		x.find(&body)
	}
	if len(body.Hits) == 1 && len(body.Failures) == 0 {
		return x.seeOther(body.Hits[0].Link)
	}
	return x.show("search", page{Title: "Search", Body: body})
}

// find adds what fits a search. Ids that the library makes are UUIDs, which no email begins
// with; the first thing with the id ends the search.
func (x *exchange) find(body *searchPage) {
	kinds := []func(context.Context, *searchPage) error{x.searchContacts, x.searchContactID, x.searchAutomations}
	_, isUUID := uuid.Parse(body.Query)
	if isUUID {
		kinds = []func(context.Context, *searchPage) error{x.searchRun, x.searchEvent, x.searchContactID, x.searchAutomation}
	}
	for _, kind := range kinds {
		failed := read(x, func(ctx context.Context) (struct{}, error) { return struct{}{}, kind(ctx, body) })
		if failed.Failure != "" {
			body.Failures = append(body.Failures, failed.Failure)
		}
		if isUUID && len(body.Hits) > 0 {
			return
		}
	}
}

// searchContacts finds contacts by how their emails begin. If the host's contact directory
// cannot list contacts, it finds the contact with the whole email.
func (x *exchange) searchContacts(ctx context.Context, body *searchPage) error {
	q := automation.ContactQuery{EmailPrefix: body.Query, PageQuery: automation.PageQuery{Limit: hitLimit}}
	found, err := x.runner.ListContacts(ctx, q)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return x.searchContact(ctx, body, automation.ContactRef{Email: body.Query})
	case errors.Is(err, automation.ErrInvalid): // no email begins like this
		return nil
	case err != nil:
		return err
	}
	for _, c := range found.Data {
		body.Hits = append(body.Hits, x.contactHit(c))
	}
	body.More = found.HasMore
	return nil
}

// searchContactID finds the contact with an id.
func (x *exchange) searchContactID(ctx context.Context, body *searchPage) error {
	return x.searchContact(ctx, body, automation.ContactRef{ID: body.Query})
}

func (x *exchange) searchContact(ctx context.Context, body *searchPage, ref automation.ContactRef) error {
	c, err := x.runner.GetContact(ctx, ref)
	if err == nil {
		body.Hits = append(body.Hits, x.contactHit(c))
	}
	return unlessNotFound(err)
}

func (x *exchange) contactHit(c automation.Contact) hit {
	link := x.contactLink(c.ID, c.Email)
	return hit{"contact", link.Text, fullName(c), link.Link}
}

// searchAutomations finds automations by id or by a part of their names, among the newest.
func (x *exchange) searchAutomations(ctx context.Context, body *searchPage) error {
	found, err := x.newestAutomations(ctx)
	for _, a := range found.Data {
		if a.ID == body.Query || strings.Contains(strings.ToLower(a.Name), strings.ToLower(body.Query)) {
			body.Hits = append(body.Hits, x.automationHit(a))
		}
	}
	return err
}

func (x *exchange) searchAutomation(ctx context.Context, body *searchPage) error {
	a, err := x.runner.GetAutomation(ctx, body.Query)
	if err == nil {
		body.Hits = append(body.Hits, x.automationHit(a))
	}
	return unlessNotFound(err)
}

func (x *exchange) automationHit(a automation.Automation) hit {
	return hit{"automation", a.Name, a.ID, x.to.To("a", a.ID)}
}

func (x *exchange) searchRun(ctx context.Context, body *searchPage) error {
	run, err := x.runner.GetRun(ctx, body.Query)
	if err == nil {
		body.Hits = append(body.Hits, hit{"run", run.ID, run.EventName, x.to.To("a", run.AutomationID, "runs", run.ID)})
	}
	return unlessNotFound(err)
}

func (x *exchange) searchEvent(ctx context.Context, body *searchPage) error {
	e, err := x.runner.GetEvent(ctx, body.Query)
	if err == nil {
		body.Hits = append(body.Hits, hit{"event", e.ID, e.Name, x.to.To("events", "log", e.ID)})
	}
	return unlessNotFound(err)
}

// runByID leads to the page of a run, for links without the id of its automation.
func (x *exchange) runByID() error {
	ctx, cancel := x.reading()
	defer cancel()
	run, err := x.runner.GetRun(ctx, x.r.PathValue("run"))
	if err != nil {
		return named(err, "run")
	}
	redirect(x.w, string(x.to.To("a", run.AutomationID, "runs", run.ID)), http.StatusFound)
	return nil
}
