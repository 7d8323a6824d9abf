package dashboard

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// sendAction is the name of the action for Options.Audit.
const sendAction = "send event"

// sendPage is the form that sends an event.
type sendPage struct {
	Names         []string // of the newest definitions
	Name, Contact string
	Payload       string // what has no input of its own
	Key           string
	Fields        []sendField
	Defined       bool // the name has a definition
	Problems      fieldProblems
	Sealed        *sealedEvent
	Failure       string
}

// MoreOpen reports whether the inputs that few people need hold something to see.
func (p sendPage) MoreOpen() bool {
	return p.Problems["key"] != nil || len(p.Fields) > 0 && (p.Payload != "" || p.Problems["payload"] != nil)
}

// sendField is the input of a field of the payload.
type sendField struct {
	payloadField
	Input    string // the name of the input
	Value    string
	Problems []string
}

// sealedEvent is an event whose payload the person may not see in full. It can be sent again
// as it was, and only so.
type sealedEvent struct {
	ID      string
	Payload string // what Options.Redact leaves
}

// inputPrefix begins the names of the inputs for fields of a payload.
const inputPrefix = "field."

// askSend shows the form, filled in from the query.
func (x *exchange) askSend() error {
	query := x.r.URL.Query()
	body := sendPage{Name: query.Get("name"), Contact: query.Get("contact"), Payload: query.Get("payload"), Key: "dashboard-" + rand.Text()}
	if err := x.prefill(&body, query); err != nil {
		return err
	}
	return x.showSend(http.StatusOK, body, map[string]string{})
}

// prefill fills in the form with an event, or with the event of a run, to send it again.
func (x *exchange) prefill(body *sendPage, query url.Values) error {
	ctx, cancel := x.reading()
	defer cancel()
	id := query.Get("event")
	if runID := query.Get("run"); runID != "" {
		run, err := x.runner.GetRun(ctx, runID)
		if err != nil {
			return named(err, "run")
		}
		id = run.EventID
	}
	if id == "" {
		return nil
	}
	e, err := x.runner.GetEvent(ctx, id)
	if err != nil {
		return named(err, "event")
	}
	body.resend(ctx, x, e)
	return nil
}

// resend fills in the form with an event. If a part of its payload is hidden from the
// person, the form holds only its id.
func (p *sendPage) resend(ctx context.Context, x *exchange, e automation.EventRecord) {
	p.Name, p.Contact = e.Name, cmp.Or(x.namesOf(ctx, []automation.EventRecord{e})[e.ContactID], e.ContactID, e.Email)
	if shown := x.redactedText(fieldOfEvent, e.Payload); x.opts.Redact != nil && shown != plainText(e.Payload) {
		p.Sealed = &sealedEvent{e.ID, shown}
		return
	}
	p.Payload = string(e.Payload)
}

// plainText returns a document as redactedText would without Options.Redact.
func plainText(doc json.RawMessage) string { return new(Handler).redactedText("", doc) }

// showSend shows the form. The inputs are the values of fields by their names; those that
// the schema of the event does not have go back to the text of the payload.
func (x *exchange) showSend(status int, body sendPage, inputs map[string]string) error {
	var fields []payloadField
	found := read(x, func(ctx context.Context) (automation.Page[automation.EventDefinition], error) {
		return x.runner.ListEventDefinitions(ctx, automation.PageQuery{Limit: 100})
	})
	body.Failure = found.Failure
	for _, d := range found.Data.Data {
		body.Names = append(body.Names, d.Name)
		if d.Name == body.Name {
			fields, body.Defined = payloadFields(d.Schema), true
		}
	}
	if !body.Defined && found.Data.HasMore && body.Name != "" {
		fields, body.Defined = x.olderDefinition(body.Name)
	}
	body.fill(fields, inputs)
	return x.renderSend(status, body)
}

// olderDefinition returns the fields of a definition that is not among the newest.
func (x *exchange) olderDefinition(name string) (fields []payloadField, ok bool) {
	ctx, cancel := x.reading()
	defer cancel()
	d, err := x.runner.GetEventDefinition(ctx, name)
	return payloadFields(d.Schema), err == nil && d.Name == name
}

// fill divides the payload between the inputs of the fields and the text.
func (p *sendPage) fill(fields []payloadField, inputs map[string]string) {
	values, rest := splitPayload(composePayload(p.Payload, kindsOf(fields), inputs), fields)
	p.Payload = rest
	for _, f := range fields {
		value := values[f.Name]
		if typed, ok := inputs[f.Name]; ok {
			value = typed
		}
		p.Fields = append(p.Fields, sendField{f, inputPrefix + f.Name, value, p.Problems[inputPrefix+f.Name]})
	}
}

// placeProblems moves the problems of fields that have no input to the payload.
func (p *sendPage) placeProblems() {
	for _, input := range slices.Sorted(maps.Keys(p.Problems)) {
		name, isField := strings.CutPrefix(input, inputPrefix)
		if !isField || slices.ContainsFunc(p.Fields, func(f sendField) bool { return f.Name == name }) {
			continue
		}
		for _, problem := range p.Problems[input] {
			p.Problems.add("payload", name+" "+problem)
		}
	}
}

func (x *exchange) renderSend(status int, body sendPage) error {
	body.placeProblems()
	title := "Send an event"
	if body.Sealed != nil {
		title = "Send this event again"
	}
	return x.render(status, "send", page{Title: title, Section: "Events", Body: body})
}

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
