package dashboard

import (
	"errors"
	"html/template"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
)

// emailRoutes are the pages about the emails of runs.
func (h *Handler) emailRoutes() []route {
	if h.opts.Templates == nil && h.opts.SentEmails == nil {
		return nil
	}
	return []route{
		view("GET /emails/{run}/{step}", (*exchange).runEmail),
		view("GET /emails/{run}/{step}/html", (*exchange).runEmailFrame),
	}
}

// runEmailPage is the email that a step of a run sent.
type runEmailPage struct {
	Run   template.URL
	Step  string
	Sent  bool   // the email is as it was sent
	Why   string // or why not
	Anew  bool   // it is rendered anew
	Email emailPart
}

// runEmail shows the email that a step sent: the copy of it or, without a copy, the email as
// it would be today.
func (x *exchange) runEmail() error {
	sent, err := x.findEmail()
	if err != nil {
		return err
	}
	body := runEmailPage{Run: x.to.To("a", sent.run.AutomationID, "runs", sent.run.ID), Step: sent.step}
	found := x.copyOf(sent.ID)
	body.Sent, body.Why = found.Found, found.Why
	switch {
	case found.Found:
		body.Email = x.emailPart(found.Message, nil, x.emailFrame(sent, true))
		body.Email.OwnLinks = found.Message.UnsubscribeURL == ""
	case x.opts.Templates == nil:
		body.Email.Failure = errNoTemplates.Error()
	default:
		sample, err := x.recordedSample(sent)
		if err != nil {
			return err
		}
		m, err := x.opts.Templates.Preview(sent.Template.ID, sample)
		body.Anew, body.Email = err == nil, x.emailPart(m, err, x.emailFrame(sent, false))
	}
	return x.show("email", page{Title: "Email of " + sent.step, Section: "Runs", Body: body})
}

// errNoTemplates is why an email cannot be rendered anew.
var errNoTemplates = errors.New("there are no templates here from which the email could be rendered anew")

// errNoCopy is why a frame has no copy although its page announced one.
var errNoCopy = errors.New("the copy cannot be read any more: reload the page")

// runEmailFrame answers with the HTML of the email that a step sent. Its page is for a frame.
// The query decides between the copy and the email as it would be today, so that a frame is
// always what the page around it announces.
func (x *exchange) runEmailFrame() error {
	sent, err := x.findEmail()
	switch {
	case err != nil:
		return err
	case x.r.URL.Query().Get("copy") == "1":
		found := x.copyOf(sent.ID)
		if !found.Found {
			err = errNoCopy
		}
		return x.showEmail(found.Message, err)
	case x.opts.Templates == nil:
		return x.showEmail(mail.Message{}, errNoTemplates)
	}
	sample, err := x.recordedSample(sent)
	if err != nil {
		return err
	}
	m, err := x.opts.Templates.Preview(sent.Template.ID, sample)
	return x.showEmail(m, err)
}

// addEmail adds to the facts about a step the email that it sent, if it sent one.
func (x *exchange) addEmail(facts *stepFacts, run automation.Run, step automation.StepRun) {
	recorded, ok := recordedIn(step.Output)
	if facts.Email == nil || !ok || x.opts.Templates == nil && x.opts.SentEmails == nil {
		return
	}
	sent, view := sentEmail{run, step.Key, recorded}, facts.Email
	found := x.copyOf(sent.ID)
	view.Sent, view.Why = found.Found, found.Why
	if found.Found {
		m := found.Message
		view.From, view.ReplyTo, view.Subject = m.From, m.ReplyTo, m.Subject
	}
	if found.Found || x.opts.Templates != nil {
		view.Page, view.Frame = x.to.To("emails", run.ID, step.Key), x.emailFrame(sent, found.Found)
	}
}

// emailFrame returns the link to the HTML of an email: of the copy, or rendered anew.
func (x *exchange) emailFrame(sent sentEmail, copied bool) template.URL {
	frame := x.to.To("emails", sent.run.ID, sent.step, "html")
	if copied {
		frame = x.to.With(frame, "copy", "1")
	}
	return frame
}
