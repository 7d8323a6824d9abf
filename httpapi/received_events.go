package httpapi

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/seed-b636437c/automation"
)

// receivedEventRoutes have paths of their own, because the name of a definition follows
// /events/. Only decisions are below it: a definition has none.
func (h *Handler) receivedEventRoutes() map[string]resource {
	return map[string]resource{
		"/received-events":             {"GET": listing(h.listReceivedEvents, "contact_id", "email", "event", "accepted_from", "accepted_until")},
		"/received-events/{received}":  {"GET": ok(h.getReceivedEvent)},
		"/events/{received}/decisions": {"GET": ok(h.listDecisions)},
	}
}

// receivedEvent is an event that was sent, with what became of it.
type receivedEvent struct {
	ID          string                 `json:"id"`
	Event       string                 `json:"event"`
	ContactID   *string                `json:"contact_id"`
	Email       *string                `json:"email"`
	Payload     json.RawMessage        `json:"payload"`
	Status      automation.EventStatus `json:"status"`
	AcceptedAt  timestamp              `json:"accepted_at"`
	HandledAt   timestamp              `json:"handled_at"`
	StartedRuns []string               `json:"started_runs"`
	ResumedRuns []string               `json:"resumed_runs"`
	EndedRuns   []string               `json:"ended_runs,omitempty"`
	Reason      *string                `json:"reason"`
	// AutomationID and Cause are absent for most events.
	AutomationID string            `json:"automation_id,omitempty"`
	Cause        *automation.Cause `json:"cause,omitempty"`
}

func newReceivedEvent(e automation.EventRecord) receivedEvent {
	return receivedEvent{
		ID: e.ID, Event: e.Name, ContactID: nullable(e.ContactID), Email: nullable(e.Email), Payload: e.Payload, Status: e.Status,
		AcceptedAt: timestamp(e.AcceptedAt), HandledAt: timestamp(e.HandledAt),
		StartedRuns: append([]string{}, e.Started...), ResumedRuns: append([]string{}, e.Resumed...), EndedRuns: e.Ended, Reason: nullable(string(e.Reason)),
		AutomationID: e.AutomationID, Cause: e.Cause,
	}
}

// receivedEventBody is an event that was sent, alone in an answer.
type receivedEventBody struct {
	Object string `json:"object"`
	receivedEvent
}

func (h *Handler) listReceivedEvents(r *http.Request) (any, error) {
	selection, err := eventQuery(r)
	if err != nil {
		return nil, err
	}
	found, err := h.runner.ListEvents(r.Context(), selection)
	if err != nil {
		return nil, unknownCursor(err, selection.PageQuery)
	}
	return listOf(found, newReceivedEvent), nil
}

// eventQuery returns the selection of events in the query of a request.
func eventQuery(r *http.Request) (automation.EventQuery, error) {
	var selection automation.EventQuery
	q, err := queryOf(r)
	if err != nil {
		return selection, err
	}
	selection.Name = q.Get("event")
	selection.Contact = automation.ContactRef{ID: q.Get("contact_id"), Email: q.Get("email")}
	if selection.Contact.ID != "" && selection.Contact.Email != "" {
		return selection, invalid("email", "cannot be used together with contact_id")
	}
	if selection.AcceptedFrom, err = q.moment("accepted_from"); err != nil {
		return selection, err
	}
	if selection.AcceptedUntil, err = q.moment("accepted_until"); err != nil {
		return selection, err
	}
	if selection.PageQuery, err = q.page(); err != nil {
		return selection, err
	}
	return selection, unbounded(selection.Check())
}

// moment returns a time in the query, the zero time if it is absent.
func (q query) moment(name string) (time.Time, error) {
	text := q.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, invalid(name, "%s", notATime)
	}
	return at, nil
}

func (h *Handler) getReceivedEvent(r *http.Request) (any, error) {
	id := r.PathValue("received")
	e, err := h.runner.GetEvent(r.Context(), id)
	if err != nil {
		return nil, absent(err, "event", id)
	}
	return receivedEventBody{"received_event", newReceivedEvent(e)}, nil
}

// decision is why an event started no run of an automation, or ended none.
type decision struct {
	AutomationID string                  `json:"automation_id"`
	Code         automation.DecisionCode `json:"code"`
	At           timestamp               `json:"at"`
	Evidence     json.RawMessage         `json:"evidence"`
}

func newDecision(d automation.Decision) decision {
	return decision{d.AutomationID, d.Code, timestamp(d.At), d.Evidence}
}

// listDecisions lists all decisions about an event: there are at most a few.
func (h *Handler) listDecisions(r *http.Request) (any, error) {
	if _, err := h.getReceivedEvent(r); err != nil {
		return nil, err
	}
	decisions, err := h.runner.ListDecisions(r.Context(), r.PathValue("received"))
	if err != nil {
		return nil, err
	}
	return listOf(automation.Page[automation.Decision]{Data: decisions}, newDecision), nil
}
