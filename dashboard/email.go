package dashboard

import (
	"html"
	"html/template"
	"net/http"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	mailtemplate "github.com/seed-b636437c/automation/mail/template"
)

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
	// OwnLinks means that the contact's link to unsubscribe may be among the links.
	OwnLinks bool
	// Failure is why there is no email to show. The other fields are then empty.
	Failure string
}

// noUnsubscribe stands in previews in place of the link with which a contact unsubscribes.
const noUnsubscribe = "#"

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
