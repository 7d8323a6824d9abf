package httpapi

import (
	"encoding/json"
	"net/http"

	"github.com/seed-b636437c/automation"
)

func (h *Handler) eventRoutes() map[string]resource {
	return map[string]resource{
		"/events":         {"GET": listing(h.listEvents), "POST": created(h.createEvent)},
		"/events/send":    {"POST": {status: http.StatusAccepted, do: h.sendEvent, sending: true}},
		"/events/{event}": {"GET": ok(h.getEvent), "PATCH": ok(h.updateEvent), "DELETE": ok(h.deleteEvent)},
	}
}

// eventItem is an event definition in a list.
type eventItem struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Schema    json.RawMessage `json:"schema"`
	CreatedAt timestamp       `json:"created_at"`
	UpdatedAt timestamp       `json:"updated_at"`
}

func newEventItem(d automation.EventDefinition) eventItem {
	return eventItem{d.ID, d.Name, d.Schema, timestamp(d.CreatedAt), timestamp(d.UpdatedAt)}
}

// eventBody is an event definition.
type eventBody struct {
	Object string `json:"object"`
	eventItem
}

func (h *Handler) listEvents(r *http.Request) (any, error) {
	page, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	found, err := h.runner.ListEventDefinitions(r.Context(), page)
	if err != nil {
		return nil, unknownCursor(err, page)
	}
	return listOf(found, newEventItem), nil
}

func (h *Handler) createEvent(r *http.Request) (any, error) {
	var d automation.EventDefinition
	if err := readFields(r, required(text("name", &d.Name)), rawObject("schema", &d.Schema)); err != nil {
		return nil, err
	}
	defined, err := h.runner.CreateEventDefinition(r.Context(), d)
	if err != nil {
		return nil, taken(err, "there is an event %q already", d.Name)
	}
	return reference{"event", defined.ID}, nil
}

func (h *Handler) getEvent(r *http.Request) (any, error) {
	d, err := h.event(r)
	if err != nil {
		return nil, err
	}
	return eventBody{"event", newEventItem(d)}, nil
}

// event returns the event definition that the path names.
func (h *Handler) event(r *http.Request) (automation.EventDefinition, error) {
	idOrName := r.PathValue("event")
	d, err := h.runner.GetEventDefinition(r.Context(), idOrName)
	return d, absent(err, "event", idOrName)
}

// updateEvent replaces the schema; null clears it.
func (h *Handler) updateEvent(r *http.Request) (any, error) {
	var schema json.RawMessage
	given := false
	if err := readFields(r, noting(rawObject("schema", &schema), &given)); err != nil {
		return nil, err
	}
	if !given {
		return nil, flawed(automation.CodeMissingField, "schema", "is required; null clears it")
	}
	idOrName := r.PathValue("event")
	d, err := h.runner.UpdateEventDefinition(r.Context(), idOrName, schema)
	if err != nil {
		return nil, absent(err, "event", idOrName)
	}
	return reference{"event", d.ID}, nil
}

func (h *Handler) deleteEvent(r *http.Request) (any, error) {
	d, err := h.event(r)
	if err != nil {
		return nil, err
	}
	if err := h.runner.DeleteEventDefinition(r.Context(), d.ID); err != nil {
		return nil, absent(err, "event", r.PathValue("event"))
	}
	return deleted{"event", d.ID, true}, nil
}

func (h *Handler) sendEvent(r *http.Request) (any, error) {
	e := automation.Event{IdempotencyKey: r.Header.Get("Idempotency-Key")}
	if err := readFields(r,
		required(text("event", &e.Name)),
		text("contact_id", &e.ContactID),
		text("email", &e.Email),
		rawObject("payload", &e.Payload),
		text("automation_id", &e.AutomationID),
	); err != nil {
		return nil, err
	}
	if e.ContactID == "" && e.Email == "" {
		return nil, flawed(automation.CodeMissingField, "contact_id", "a contact_id or an email is required")
	}
	if _, err := h.runner.Send(r.Context(), e); err != nil {
		err = edit(err, func(p *automation.Problem) {
			switch p.Path {
			case "name":
				p.Path = "event"
			case "idempotency_key":
				p.Path = "Idempotency-Key"
			}
		})
		return nil, reused(absent(err, "contact", e.ContactID), e.IdempotencyKey)
	}
	return struct {
		Object string `json:"object"`
		Event  string `json:"event"`
	}{"event", e.Name}, nil
}
