package dashboard

import (
	"context"
	"html/template"
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
	Decisions         part[[]decisionRow]
	// Stuck means that the event has been pending for so long that the page does not wait
	// for it any more.
	Stuck bool
	Again template.URL
}

// event shows a received event. It makes five calls of the store at most: for the event, its
// contact, the decisions, the runs that it started and the names of their automations. While it is pending, the page reloads itself: the header
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
	if e.Status == automation.EventStatusHandled {
		body.Decisions = read(x, func(ctx context.Context) ([]decisionRow, error) { return x.decisions(ctx, e.ID) })
	}
	if len(e.Started) > 0 {
		q := automation.RunQuery{EventID: e.ID, PageQuery: x.pageQuery()}
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
