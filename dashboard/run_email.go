package dashboard

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"html/template"
	"slices"

	"github.com/seed-b636437c/automation"
	mailtemplate "github.com/seed-b636437c/automation/mail/template"
)

// runEmailPage is the email that a step of a run sent.
type runEmailPage struct {
	Run   template.URL
	Step  string
	Email emailPart
}

// runEmail shows the email that a step sent.
func (x *exchange) runEmail() error {
	sent, err := x.findEmail()
	if err != nil {
		return err
	}
	m, err := x.opts.Templates.Preview(sent.template, sent.sample)
	run := x.to.To("a", sent.run.AutomationID, "runs", sent.run.ID)
	email := x.emailPart(m, err, x.to.To("emails", sent.run.ID, sent.step, "html"))
	return x.show("email", page{Title: "Email of " + sent.step, Section: "Runs", Body: runEmailPage{run, sent.step, email}})
}

// runEmailFrame answers with the HTML of the email that a step sent. Its page is for a frame.
func (x *exchange) runEmailFrame() error {
	sent, err := x.findEmail()
	if err != nil {
		return err
	}
	m, err := x.opts.Templates.Preview(sent.template, sent.sample)
	return x.showEmail(m, err)
}

// sentEmail is an email that a step of a run sent, with the recorded variables. The template
// and the contact are as they are today: the library keeps no copy of an email.
type sentEmail struct {
	run      automation.Run
	step     string // its key
	template string
	sample   mailtemplate.Sample
}

// findEmail reads what the email of the path is made of: at most four calls of the store,
// unless the run has large outputs.
func (x *exchange) findEmail() (sentEmail, error) {
	ctx, cancel := x.reading()
	defer cancel()
	run, err := x.runner.GetRun(ctx, x.r.PathValue("run"))
	if err != nil {
		return sentEmail{}, named(err, "run")
	}
	sent := sentEmail{run: run, step: x.r.PathValue("step")}
	step := stepOf(run, sent.step)
	if step == nil {
		return sent, notFound("email")
	}
	contact, err := x.runner.GetContact(ctx, automation.ContactRef{ID: run.ContactID})
	if unlessNotFound(err) != nil { // of a deleted contact, the run has the email
		return sent, err
	}
	var ok bool
	if sent.template, sent.sample, ok = x.recorded(step.Output, contact); !ok {
		return sent, notFound("email")
	}
	config := x.sendConfig(ctx, run, sent.step)
	sent.sample.From, sent.sample.Subject, sent.sample.ReplyTo, sent.sample.Published = config.From, config.Subject, config.ReplyTo, true
	return sent, nil
}

// recorded returns the template and the data of an email, as the output of its step records
// them. It reports false if the step sent no email.
func (x *exchange) recorded(doc json.RawMessage, contact automation.Contact) (id string, sample mailtemplate.Sample, ok bool) {
	var output struct {
		To       string `json:"to"`
		Template struct {
			ID        string         `json:"id"`
			Variables map[string]any `json:"variables"`
		} `json:"template"`
	}
	decoder := json.NewDecoder(bytes.NewReader(doc))
	decoder.UseNumber()
	if decoder.Decode(&output) != nil || output.Template.ID == "" {
		return "", sample, false
	}
	contact.Email = cmp.Or(output.To, contact.Email)
	sample = x.sample(contact)
	sample.Variables, _ = x.redacted(fieldOfOutput+".template.variables", output.Template.Variables).(map[string]any)
	return output.Template.ID, sample, true
}

// stepOf returns the record of a step, or nil if the run has no such step.
func stepOf(run automation.Run, key string) *automation.StepRun {
	i := slices.IndexFunc(run.Steps, func(s automation.StepRun) bool { return s.Key == key })
	if i < 0 {
		return nil
	}
	return &run.Steps[i]
}

// sendConfig returns what a step of a run overrides in its template: nothing if the version
// of the run is not kept.
func (x *exchange) sendConfig(ctx context.Context, run automation.Run, key string) automation.SendEmail {
	version, _ := x.runner.GetAutomationVersion(ctx, run.AutomationID, run.Version)
	for _, s := range version.Steps {
		if config, ok := s.Config.(automation.SendEmail); ok && s.Key == key {
			return config
		}
	}
	return automation.SendEmail{}
}
