package dashboard

import (
	"cmp"
	"context"
	"html/template"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
)

// eventRoutes are the pages about events.
var eventRoutes = []route{
	view("GET /events", (*exchange).events),
	view("GET /events/log/{id}", (*exchange).event),
	operate("GET /events/send", (*exchange).askSend),
	operate("POST /events/send", (*exchange).send).audited(sendAction),
	edit("GET /events/new", (*exchange).newDefinition),
	edit("POST /events", (*exchange).createDefinition).audited(createDefinitionAction),
	view("GET /events/{name}", (*exchange).definition),
	edit("POST /events/{name}", (*exchange).saveDefinition).audited(saveDefinitionAction),
	edit("GET /events/delete/{name}", (*exchange).askDeleteDefinition),
	edit("POST /events/delete/{name}", (*exchange).deleteDefinition).audited(deleteDefinitionAction),
}

// nameWindow is how far back a name alone selects events: no index serves it, so every
// event since then is read.
const nameWindow = 24 * time.Hour

// eventsPage is the log of received events, and the definitions.
type eventsPage struct {
	Filter      eventFilter
	Log         part[eventLog]
	Definitions part[definitionList]
}

// eventFilter is the form of what the log shows.
type eventFilter struct {
	Name, Contact, From, Until string
	// Narrowed means that the page itself set how far the log goes back.
	Narrowed bool
}

// IsEmpty reports whether the log shows all events.
func (f eventFilter) IsEmpty() bool { return f == eventFilter{} }

// eventLog is a page of received events.
type eventLog struct {
	Rows  []eventRow
	OfOne bool // contact, whom the page names
	pager
}

// eventRow is a received event.
type eventRow struct {
	ID      string
	Link    template.URL
	Name    string
	Contact contactLink
	At      moment
	Became  outcome
}

// events shows the log and the definitions. It makes at most four calls of the store.
func (x *exchange) events() error {
	q, filter, err := x.eventQuery()
	if err != nil {
		return err
	}
	body := eventsPage{Filter: filter}
	body.Log = read(x, func(ctx context.Context) (eventLog, error) { return x.eventLog(ctx, q, nil) })
	body.Definitions = read(x, x.definitions)
	return x.show("events", page{Title: "Events", Section: "Events", Body: body})
}

// eventQuery returns what the query of the page selects.
func (x *exchange) eventQuery() (q automation.EventQuery, f eventFilter, err error) {
	query := x.r.URL.Query()
	f = eventFilter{Name: query.Get("name"), Contact: strings.TrimSpace(query.Get("contact"))}
	q = automation.EventQuery{Name: f.Name, Contact: contactRef(f.Contact), PageQuery: x.pageQuery()}
	if q.AcceptedFrom, err = x.parseTime(query.Get("from")); err != nil {
		return q, f, err
	}
	if q.AcceptedUntil, err = x.parseTime(query.Get("until")); err != nil {
		return q, f, err
	}
	f.From, f.Until = x.timeField(q.AcceptedFrom), x.timeField(q.AcceptedUntil)
	if f.Name != "" && f.Contact == "" && f.From == "" {
		q.AcceptedFrom, f.Narrowed = x.windowEnd(q.AcceptedUntil).Add(-nameWindow), true
	}
	return q, f, nil
}

// windowEnd returns until, or the time of the page if there is none.
func (x *exchange) windowEnd(until time.Time) time.Time {
	if until.IsZero() {
		return x.opts.Clock.Now()
	}
	return until
}

// eventLog reads a page of the log. It reads the names of contacts, unless it gets them.
func (x *exchange) eventLog(ctx context.Context, q automation.EventQuery, names map[string]string) (log eventLog, err error) {
	found, err := x.runner.ListEvents(ctx, q)
	if err != nil || len(found.Data) == 0 {
		return log, named(err, "event")
	}
	if log.OfOne = names != nil; !log.OfOne {
		names = x.namesOf(ctx, found.Data)
	}
	for _, e := range found.Data {
		log.Rows = append(log.Rows, x.eventRow(e, names))
	}
	log.pager = pagerOf(x, found, func(e automation.EventRecord) string { return e.ID })
	return log, nil
}

func (x *exchange) eventRow(e automation.EventRecord, names map[string]string) eventRow {
	return eventRow{
		ID: e.ID, Link: x.to.To("events", "log", e.ID), Name: e.Name, At: x.moment(e.AcceptedAt), Became: x.outcomeOf(e),
		Contact: x.contactLink(e.ContactID, cmp.Or(names[e.ContactID], e.Email)),
	}
}
