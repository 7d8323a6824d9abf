package dashboard

import (
	"cmp"
	"context"
	"html/template"
	"net/http"
	"time"

	"github.com/seed-b636437c/automation"
)

// patience is how long the page of a pending event waits for a Runner by itself.
const patience = 2 * time.Minute

// eventPage is a received event and what became of it.
type eventPage struct {
	ID, Name          string
	Key               string // idempotency key
	Contact           contactLink
	Accepted, Handled moment
	Occurred          moment // if it differs from Accepted
	Payload           string
	Became            outcome
	Runs              part[runList] // that the event started
	// Stuck means that the event has been pending for so long that the page does not wait
	// for it any more.
	Stuck bool
	Again template.URL
}

// runItem is a run in a list on a page about something else.
type runItem struct {
	Link       template.URL
	Automation string
	Status     string
	Step       string
	Error      string
	At         moment
}

// event shows a received event. While it is pending, the page reloads itself: the header
// does what a meta element would do.
func (x *exchange) event() error {
	ctx, cancel := x.reading()
	defer cancel()
	e, err := x.runner.GetEvent(ctx, x.r.PathValue("id"))
	if err != nil {
		return named(err, "event")
	}
	body := x.eventPage(e, x.namesOf(ctx, []automation.EventRecord{e}))
	if e.Status == automation.EventStatusPending {
		body.Stuck = x.opts.Clock.Now().Sub(e.AcceptedAt) > patience
		if !body.Stuck {
			x.w.Header().Set("Refresh", "2")
		}
	}
	if len(e.Started) > 0 {
		q := automation.RunQuery{EventID: e.ID, PageQuery: automation.PageQuery{Limit: pageSize}}
		body.Runs = read(x, func(ctx context.Context) (runList, error) { return x.runList(ctx, q) })
	}
	return x.show("event", page{Title: e.Name, Section: "Events", Body: body})
}

func (x *exchange) eventPage(e automation.EventRecord, names map[string]string) eventPage {
	row := x.eventRow(e, names)
	body := eventPage{
		ID: e.ID, Name: e.Name, Key: e.IdempotencyKey,
		Contact: row.Contact, Accepted: row.At, Handled: x.moment(e.HandledAt),
		Payload: x.redactedText(fieldOfEvent, e.Payload), Became: row.Became,
		Again: x.to.With(x.to.To("events", "send"), "event", e.ID),
	}
	if !e.OccurredAt.Equal(e.AcceptedAt) {
		body.Occurred = x.moment(e.OccurredAt)
	}
	return body
}

// runList reads a page of runs with the names of their automations: two calls of the Runner.
func (x *exchange) runList(ctx context.Context, q automation.RunQuery) (list runList, err error) {
	found, err := x.runner.ListRuns(ctx, q)
	n := len(found.Data)
	if err != nil || n == 0 {
		return list, named(err, "run")
	}
	names, err := x.automationNames(ctx)
	if err != nil {
		return list, err
	}
	for _, r := range found.Data {
		list.Rows = append(list.Rows, runItem{
			x.to.To("a", r.AutomationID, "runs", r.ID), cmp.Or(names[r.AutomationID], r.AutomationID), string(r.Status), r.Step, errorText(r.Error), x.moment(r.StartedAt),
		})
	}
	list.Newer, list.Older = x.around(found.Data[0].ID, found.Data[n-1].ID, q.PageQuery, found.HasMore)
	return list, nil
}

// errorText returns why a run ended, or "".
func errorText(e *automation.StepError) string {
	if e == nil {
		return ""
	}
	return e.Message
}

// automationNames returns the names of the newest automations, by their ids.
func (x *exchange) automationNames(ctx context.Context) (map[string]string, error) {
	found, err := x.runner.ListAutomations(ctx, automation.AutomationQuery{PageQuery: automation.PageQuery{Limit: maxNames}})
	names := map[string]string{}
	for _, a := range found.Data {
		names[a.ID] = a.Name
	}
	return names, err
}

// runByID leads to the page of a run, for pages that do not know its automation.
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
