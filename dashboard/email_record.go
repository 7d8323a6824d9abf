package dashboard

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/seed-b636437c/automation"
	mailtemplate "github.com/seed-b636437c/automation/mail/template"
)

// sentEmail is an email that a step of a run sent.
type sentEmail struct {
	run  automation.Run
	step string // its key
	recordedEmail
}

// recordedEmail is what the output of a step records about its email.
type recordedEmail struct {
	ID       string `json:"email_id"`
	To       string `json:"to"`
	Template struct {
		ID        string         `json:"id"`
		Variables map[string]any `json:"variables"`
	} `json:"template"`
}

// recordedIn returns the email in the output of a step. It reports false if the step sent
// none.
func recordedIn(output json.RawMessage) (email recordedEmail, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(output))
	decoder.UseNumber()
	return email, decoder.Decode(&email) == nil && email.Template.ID != ""
}

// findEmail returns the email of the path. It makes one call of the store, unless the run has
// large outputs.
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
	var ok bool
	if sent.recordedEmail, ok = recordedIn(step.Output); !ok {
		return sent, notFound("email")
	}
	return sent, nil
}

// recordedSample returns the data for rendering an email anew: the recorded variables, and the
// contact as it is today. It makes two calls of the store.
func (x *exchange) recordedSample(sent sentEmail) (sample mailtemplate.Sample, err error) {
	ctx, cancel := x.reading()
	defer cancel()
	contact, err := x.runner.GetContact(ctx, automation.ContactRef{ID: sent.run.ContactID})
	if unlessNotFound(err) != nil { // of a deleted contact, the run has the email
		return sample, err
	}
	contact.Email = cmp.Or(sent.To, contact.Email)
	sample = x.sample(contact)
	sample.Variables, _ = x.redacted(fieldOfOutput+".template.variables", sent.Template.Variables).(map[string]any)
	config := x.sendConfig(ctx, sent.run, sent.step)
	sample.From, sample.Subject, sample.ReplyTo, sample.Published = config.From, config.Subject, config.ReplyTo, true
	return sample, nil
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
