package dashboard

import (
	"cmp"
	"context"
	"crypto/rand"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
)

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
	Starts        part[sendStarts]
	Failure       string
}

// MoreOpen reports whether the inputs that few people need hold something to see.
func (p sendPage) MoreOpen() bool {
	return p.Problems["key"] != nil || len(p.Fields) > 0 && (p.Payload != "" || p.Problems["payload"] != nil)
}

// sendField is the input of a field of the payload.
type sendField struct {
	Name string
	typedInput
}

// inputPrefix begins the names of the inputs for fields of a payload.
const inputPrefix = "field."

// sealedEvent is an event whose payload the person may not see in full. It can be sent again
// as it was, and only so.
type sealedEvent struct {
	ID      string
	Payload string // what Options.Redact leaves
}

// askSend shows the form, filled in from the query. It makes two calls of the store, and two
// more for the event of an earlier time and its contact.
func (x *exchange) askSend() error {
	query := x.r.URL.Query()
	body := sendPage{Name: query.Get("name"), Contact: query.Get("contact"), Payload: query.Get("payload"), Key: "dashboard-" + rand.Text()}
	if err := x.prefill(&body, query.Get("event")); err != nil {
		return err
	}
	return x.showSend(http.StatusOK, body, map[string]string{})
}

// prefill fills in the form with an event, to send it again.
func (x *exchange) prefill(body *sendPage, id string) error {
	if id == "" {
		return nil
	}
	ctx, cancel := x.reading()
	defer cancel()
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

// showSend shows the form. The inputs are the values of fields by their names; those that
// the schema of the event does not have go back to the text of the payload.
func (x *exchange) showSend(status int, body sendPage, inputs map[string]string) error {
	var fields []payloadField
	found := read(x, func(ctx context.Context) (automation.Page[automation.EventDefinition], error) {
		return x.runner.ListEventDefinitions(ctx, newest)
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
		field := sendField{f.Name, typedInput{Input: inputPrefix + f.Name, Type: f.Type, Value: value, Problems: p.Problems[inputPrefix+f.Name]}}
		if f.Type == "date" {
			field.Placeholder = "2026-01-31T09:30:00Z"
		}
		p.Fields = append(p.Fields, field)
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
	body.Starts = x.startsOf(body.Name)
	title := "Send an event"
	if body.Sealed != nil {
		title = "Send this event again"
	}
	return x.render(status, "send", page{Title: title, Section: "Events", Body: body})
}
