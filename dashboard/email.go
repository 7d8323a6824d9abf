package dashboard

import (
	"cmp"
	"context"
	"encoding/json"
	"html"
	"html/template"
	"net/http"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	mailtemplate "github.com/seed-b636437c/automation/mail/template"
)

// emailRoutes are the pages that are shown in frames.
func (h *Handler) emailRoutes() []route {
	if h.opts.Templates == nil {
		return nil
	}
	return []route{
		view("GET /templates", (*exchange).templates),
		view("GET /templates/{id}", (*exchange).template),
		view("GET /templates/{id}/preview", (*exchange).templatePreview),
		view("GET /emails/{run}/{step}", (*exchange).runEmail),
		view("GET /emails/{run}/{step}/html", (*exchange).runEmailFrame),
	}
}

// emailPart is an email as the part "email" of a page shows it.
type emailPart struct {
	Subject, From, To, ReplyTo string
	Text                       string
	// Frame is the page with the HTML, which belongs into a sandboxed frame: it comes from
	// a template, and values of contacts are in it.
	Frame template.URL
	// Images is this page with, or without, the images that are elsewhere. To load them
	// reveals to their server that the email was looked at.
	Images     template.URL
	WithImages bool
	// Failure is why there is no email to show. The other fields are then empty.
	Failure string
}

// noUnsubscribe stands in previews in place of the link with which a contact unsubscribes.
const noUnsubscribe = "#"

// emailPreview returns the email that a step of a run sent, with the recorded variables, for
// the part "email" of a page. The step is of GetRun, and config is that of the step in the
// version of the run. The template and the contact are rendered as they are today: the
// library keeps no copy of an email.
//
// The result is nil if there is no such email: the step sent none, or Options.Templates is
// not set.
func (x *exchange) emailPreview(run automation.Run, step automation.StepRun, contact automation.Contact, config automation.SendEmail) *emailPart {
	if x.opts.Templates == nil {
		return nil
	}
	id, sample, ok := x.sentEmail(step, contact, config)
	if !ok {
		return nil
	}
	m, err := x.opts.Templates.Preview(id, sample)
	v := x.emailPart(m, err, x.to.To("emails", run.ID, step.Key, "html"))
	return &v
}

// sentEmail returns the template and the data of the email that a step sent, as its output
// records them.
func (x *exchange) sentEmail(step automation.StepRun, contact automation.Contact, config automation.SendEmail) (id string, sample mailtemplate.Sample, ok bool) {
	var output struct {
		To       string `json:"to"`
		Template struct {
			ID        string         `json:"id"`
			Variables map[string]any `json:"variables"`
		} `json:"template"`
	}
	decoder := json.NewDecoder(strings.NewReader(string(step.Output)))
	decoder.UseNumber()
	if decoder.Decode(&output) != nil || output.Template.ID == "" {
		return "", sample, false
	}
	contact.Email = cmp.Or(output.To, contact.Email)
	sample = x.sample(contact)
	sample.From, sample.Subject, sample.ReplyTo, sample.Published = config.From, config.Subject, config.ReplyTo, true
	sample.Variables, _ = x.redacted(fieldOfOutput+".template.variables", output.Template.Variables).(map[string]any)
	return output.Template.ID, sample, true
}

// sample returns the data of a preview for a contact, without what Options.Redact hides and
// without the contact's link to unsubscribe.
func (x *exchange) sample(contact automation.Contact) mailtemplate.Sample {
	if contact.Properties != nil {
		contact.Properties, _ = x.redacted(fieldOfContact, contact.Properties).(map[string]any)
	}
	return mailtemplate.Sample{Contact: contact, UnsubscribeURL: noUnsubscribe}
}

// emailPart returns what a page shows of an email whose HTML is on the page frame.
func (x *exchange) emailPart(m mail.Message, err error, frame template.URL) emailPart {
	if err != nil {
		return emailPart{Failure: err.Error()}
	}
	images := x.r.URL.Query().Get("images") == "1"
	v := emailPart{Subject: m.Subject, From: m.From, To: m.To, ReplyTo: m.ReplyTo, Text: m.Text, WithImages: images}
	if m.HTML == "" {
		return v
	}
	v.Frame = frame
	query := x.r.URL.Query()
	query.Del("images")
	if !images {
		query.Set("images", "1")
	} else {
		v.Frame += querySign(frame) + "images=1"
	}
	v.Images = template.URL("?" + query.Encode())
	return v
}

// querySign returns what comes between a link and one more pair of its query.
func querySign(link template.URL) template.URL {
	if strings.Contains(string(link), "?") {
		return "&"
	}
	return "?"
}

// runEmailPage is the email that a step of a run sent.
type runEmailPage struct {
	Run   template.URL
	Step  string
	Email emailPart
}

// runEmail shows the email that a step sent.
func (x *exchange) runEmail() error {
	run, step, contact, config, err := x.findEmail()
	if err != nil {
		return err
	}
	email := x.emailPreview(run, step, contact, config)
	if email == nil {
		return notFound("email")
	}
	body := runEmailPage{x.to.To("a", run.AutomationID, "runs", run.ID), step.Key, *email}
	return x.show("email", page{Title: "Email of " + step.Key, Section: "Runs", Body: body})
}

// runEmailFrame answers with the HTML of the email that a step sent. Its page is for a frame.
func (x *exchange) runEmailFrame() error {
	_, step, contact, config, err := x.findEmail()
	if err != nil {
		return err
	}
	id, sample, ok := x.sentEmail(step, contact, config)
	if !ok {
		return notFound("email")
	}
	m, err := x.opts.Templates.Preview(id, sample)
	return x.showEmail(m, err)
}

// findEmail reads what the email of a step is made of: at most four calls of the store,
// unless the run has large outputs.
func (x *exchange) findEmail() (run automation.Run, step automation.StepRun, contact automation.Contact, config automation.SendEmail, err error) {
	ctx, cancel := x.reading()
	defer cancel()
	if run, err = x.runner.GetRun(ctx, x.r.PathValue("run")); err != nil {
		return run, step, contact, config, named(err, "run")
	}
	contact, err = x.runner.GetContact(ctx, automation.ContactRef{ID: run.ContactID})
	if unlessNotFound(err) != nil { // of a deleted contact, the run has the email
		return run, step, contact, config, err
	}
	step = stepOf(run, x.r.PathValue("step"))
	return run, step, contact, x.sendConfig(ctx, run, step.Key), nil
}

// stepOf returns the record of a step, which is empty if the run has no such step.
func stepOf(run automation.Run, key string) automation.StepRun {
	for _, s := range run.Steps {
		if s.Key == key {
			return s
		}
	}
	return automation.StepRun{}
}

// sendConfig returns what a step of a run overrides in its template: nothing if the version
// of the run is not kept.
func (x *exchange) sendConfig(ctx context.Context, run automation.Run, key string) automation.SendEmail {
	version, err := x.runner.GetAutomationVersion(ctx, run.AutomationID, run.Version)
	if err != nil {
		return automation.SendEmail{}
	}
	for _, s := range version.Steps {
		if config, ok := s.Config.(automation.SendEmail); ok && s.Key == key {
			return config
		}
	}
	return automation.SendEmail{}
}

// showEmail answers with the HTML of an email, under a policy of its own.
func (x *exchange) showEmail(m mail.Message, err error) error {
	status, body := http.StatusOK, m.HTML
	switch {
	case err != nil: // the page is in a frame, which has no room for a page of the dashboard
		status, body = http.StatusUnprocessableEntity, "<p>This email cannot be shown. "+html.EscapeString(err.Error())+"</p>"
	case body == "":
		body = "<pre>" + html.EscapeString(m.Text) + "</pre>"
	}
	header := x.w.Header()
	header.Set("Content-Security-Policy", emailPolicy(x.opts.FrameAncestors, x.r.URL.Query().Get("images") == "1"))
	header.Set("Content-Type", "text/html; charset=utf-8")
	x.write(status, []byte(body))
	return nil
}

// emailPolicy returns the Content-Security-Policy of an email. It runs nothing, sends
// nothing and, unless the person wants its images, loads nothing.
func emailPolicy(ancestors []string, images bool) string {
	sources := "data:"
	if images {
		sources = "https: data:"
	}
	return "default-src 'none'; style-src 'unsafe-inline'; img-src " + sources + "; sandbox; frame-ancestors " +
		strings.Join(append([]string{"'self'"}, ancestors...), " ")
}
