package dashboard

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/options"
	"github.com/seed-b636437c/automation/mail"
)

// Options tune a Handler. Access is needed, unless AuthenticatedByHost is set. Every other
// zero value works.
type Options struct {
	// Access returns what the sender of a request may do. The Handler calls it for every
	// request, so a change counts at once. A panic of Access counts as AccessNone.
	Access func(*http.Request) Access
	// AuthenticatedByHost means that the host lets only people in who may do everything.
	// Access must then be nil.
	AuthenticatedByHost bool

	// Actor returns who sends a request, such as an email address, for the log and for
	// versions of automations. Nil means that it is unknown.
	Actor func(*http.Request) string
	// Audit receives every change that the Handler makes, after it was made or refused. It
	// must not block for long. Nil receives nothing.
	Audit func(AuditEntry)

	// Redact returns what the pages show of a value in the payload of an event, the output
	// of a step, or the properties of a contact. The field is the path to the value, such
	// as "event.card.number", "output.template.variables.code" or
	// "contact.properties.phone". A payload in an output is the payload of an event, and
	// properties in an output are those of the contact. The value is a string, a bool, a number, nil, a
	// map[string]any or a []any; Redact must not change it. Redact is called for each member
	// of an object, and for each element of an array with the field of the array, and then
	// for what is inside. A panic hides the value. Redact is called from many goroutines. Nil
	// shows everything to all who have access.
	Redact func(field string, value any) any

	// SentEmails are the emails that were sent, such as a *resend.Mailer or an
	// *archive.Archive. The page of a run shows the email from there. If there is no such
	// email, or it cannot be read, the page shows the email as Templates render it today, and
	// why. If SentEmails has the method Erase of *archive.Archive, the pages that erase a
	// contact erase its copies too. Nil means that there are no copies.
	SentEmails mail.SentEmails
	// RedactEmail returns what the pages show of a copy from SentEmails, and false to hide
	// it. It must not block. A panic hides the copy. It is called from many goroutines. With
	// nil, copies are shown as they are, unless Redact is set: then they are hidden, because
	// the text of an email may have what Redact hides.
	RedactEmail func(mail.Message) (mail.Message, bool)

	// Templates are the templates of emails, such as a *template.Library, for the pages that
	// show and preview them. Without it there are no such pages.
	Templates Templates
	// ContactURL returns the link to the host's own page about a contact, or "" if it has
	// none. A panic counts as "". Nil means that the host has no such pages.
	ContactURL func(automation.Contact) string

	// Title is the name on all pages: "Automations" by default.
	Title string
	// LogoSVG is an SVG document that stands beside the Title. An empty LogoSVG means the
	// logo of this package.
	LogoSVG string
	// Accent is the colour of links, buttons and what is chosen.
	Accent Accent
	// Links are links to the host's own pages, on every page.
	Links []Link
	// Location is the time zone of times without JavaScript: UTC by default. With
	// JavaScript, each person chooses between Location and the zone of the browser.
	Location *time.Location

	// FrameAncestors are the origins that may embed the pages in a frame, such as
	// "https://admin.acme.example". None may by default.
	FrameAncestors []string
	// TrustedOrigins are the origins whose pages may send forms to the Handler, besides the
	// Handler's own.
	TrustedOrigins []string

	// Timeout bounds each read of a page: 2 seconds by default. What takes longer is left
	// out, and its place on the page has the reason.
	Timeout time.Duration
	// MaxLag is how long work may be due before every page warns of it: 5 minutes by
	// default. See Runner.Lag.
	MaxLag time.Duration
	// Clock is the clock of the pages: the system's clock by default.
	Clock automation.Clock
	// Logger logs the requests that fail. Nil discards the log.
	Logger *slog.Logger
}

// Accent is a colour for light pages, and one for dark pages. An empty one means the colour
// of this package. New refuses a colour in which texts would be hard to read: WCAG 2.2
// requires a contrast of 4.5.
type Accent struct{ Light, Dark Color }

// Link is a link to a page of the host.
type Link struct {
	Text string
	URL  string
}

// withDefaults returns o with its zero fields filled in, and reports to c what is wrong
// with the others.
func (o Options) withDefaults(c *options.Check) Options {
	switch {
	case o.Access == nil && !o.AuthenticatedByHost:
		c.Add("Access", "is required: give a function, or set AuthenticatedByHost if only people come here who may do everything")
	case o.Access != nil && o.AuthenticatedByHost:
		c.Add("Access", "must be nil if AuthenticatedByHost is set")
	}
	c.NotNilPointer("Templates", o.Templates)
	c.NotNilPointer("SentEmails", o.SentEmails)
	c.Duration("Timeout", &o.Timeout, 2*time.Second)
	c.Duration("MaxLag", &o.MaxLag, 5*time.Minute)
	checkOrigins(c, "FrameAncestors", o.FrameAncestors)
	checkOrigins(c, "TrustedOrigins", o.TrustedOrigins)
	o.Accent.check(c)
	checkLogo(c, o.LogoSVG)
	for _, link := range o.Links {
		if link.Text == "" || link.URL == "" {
			c.Add("Links", "%+v needs a Text and a URL", link)
		}
	}
	if o.Title == "" {
		o.Title = "Automations"
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Clock == nil {
		o.Clock = automation.SystemClock()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func checkOrigins(c *options.Check, path string, origins []string) {
	protection := http.NewCrossOriginProtection()
	for _, origin := range origins {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			c.Add(path, "%q is not an origin: give a scheme and a host, such as https://admin.acme.example", origin)
		}
	}
}
