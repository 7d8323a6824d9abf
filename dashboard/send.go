package dashboard

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// send sends the event of the form, or shows the form again with other fields or with what
// is wrong with it.
func (x *exchange) send() error {
	form := x.r.PostForm
	if id := form.Get("event"); id != "" {
		return x.sendAgain(id, form.Get("key"))
	}
	body := sendPage{Name: strings.TrimSpace(form.Get("name")), Contact: strings.TrimSpace(form.Get("contact")), Payload: form.Get("payload"), Key: form.Get("key")}
	inputs := inputsOf(form)
	if form.Get("action") == "fields" {
		return x.showSend(http.StatusOK, body, inputs)
	}
	payload := composePayload(body.Payload, x.kinds(body.Name), inputs)
	ref := contactRef(body.Contact)
	event := automation.Event{Name: body.Name, ContactID: ref.ID, Email: ref.Email, Payload: payload, IdempotencyKey: body.Key}
	return x.deliver(event, func(status int, problems fieldProblems) error {
		body.Problems = problems
		return x.showSend(status, body, inputs)
	})
}

// inputsOf returns the values of the inputs for fields, by the names of the fields.
func inputsOf(form url.Values) map[string]string {
	inputs := map[string]string{}
	for key := range form {
		if name, ok := strings.CutPrefix(key, inputPrefix); ok {
			inputs[name] = form.Get(key)
		}
	}
	return inputs
}

// kinds returns the types of the fields of an event. Without a definition there are none.
func (x *exchange) kinds(name string) map[string]string {
	fields, _ := x.olderDefinition(name)
	return kindsOf(fields)
}

// sendAgain sends an event as it was.
func (x *exchange) sendAgain(id, key string) error {
	ctx, cancel := x.reading()
	defer cancel()
	e, err := x.runner.GetEvent(ctx, id)
	if err != nil {
		return named(err, "event")
	}
	again := automation.Event{Name: e.Name, ContactID: e.ContactID, Email: e.Email, Payload: e.Payload, IdempotencyKey: key}
	return x.deliver(again, func(status int, problems fieldProblems) error {
		body := sendPage{Key: key, Problems: problems}
		body.resend(ctx, x, e)
		return x.renderSend(status, body)
	})
}

// deliver sends an event and leads to its page. If the event is refused, it calls refuse
// with the reasons, and nothing was sent.
func (x *exchange) deliver(event automation.Event, refuse func(status int, problems fieldProblems) error) error {
	receipts, err := x.runner.Send(x.ctx, event)
	x.audit(sendAction, event.Name, err)
	switch problems := problemsBy(err, sendPlace); {
	case problems != nil:
		return refuse(http.StatusUnprocessableEntity, problems)
	case errors.Is(err, automation.ErrNotFound):
		return refuse(http.StatusUnprocessableEntity, fieldProblems{"contact": {"no contact has this id: give an email, or the id of a contact"}})
	case errors.Is(err, automation.ErrConflict):
		return refuse(http.StatusConflict, fieldProblems{"key": {"another event with this name and key was sent before: choose another key"}})
	case err != nil:
		return err
	}
	notice := "event-sent"
	if receipts[0].Duplicate {
		notice = "event-known"
	}
	return x.done(x.to.To("events", "log", receipts[0].ID), notice)
}

// sendPlace returns the input for the path of a problem. What has no input is shown at the
// payload, with its path.
func sendPlace(path string) (field, rest string) {
	switch path {
	case "contact_id", "email":
		return "contact", ""
	case "idempotency_key":
		return "key", ""
	case "name":
		return "name", ""
	}
	if name, ok := strings.CutPrefix(path, "payload."); ok && jsondoc.PathTo("payload", name) == path {
		return inputPrefix + name, ""
	}
	return "payload", strings.TrimPrefix(path, "payload")
}
