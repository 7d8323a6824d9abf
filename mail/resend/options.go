package resend

import (
	"net/http"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/options"
	"github.com/seed-b636437c/automation/internal/weburl"
	"github.com/seed-b636437c/automation/mail"
)

const (
	defaultBaseURL = "https://api.resend.com"
	defaultTimeout = 30 * time.Second
)

// Options tune a Mailer. The zero value works.
type Options struct {
	// Renderer renders the emails. With nil Resend renders them, from its own
	// templates.
	Renderer mail.Renderer
	// From is the sender of an email for which neither the step nor the renderer names
	// one. It also replaces the sender of a template at Resend, which the Mailer
	// cannot read: set From only if your templates at Resend have no sender.
	From string
	// BaseURL is the address of the API: https://api.resend.com by default.
	BaseURL string
	// Client makes the requests. The default client has a time-out of 30 seconds. No
	// client follows redirects here: the API key is for one host.
	Client *http.Client
	// Unsubscribe returns the contact's unsubscribe link, for the List-Unsubscribe
	// header of emails whose template is at Resend. Nil leaves the header out. It must
	// be safe for concurrent use. A Renderer sets the link itself.
	Unsubscribe func(automation.Contact) (string, error)
	// OmitTags sends emails without the tags automation_id, run_id and step_key. With
	// these tags, which is the default, the host can find the run for a webhook of
	// Resend about an email that bounced. Recipients do not see tags. Resend allows
	// ASCII letters, digits, _ and - in a tag: a tag with any other character is left
	// out.
	OmitTags bool
}

// withDefaults returns o with its zero fields filled in, and reports to c what is wrong
// with the other fields.
func (o Options) withDefaults(c optionCheck) Options {
	if o.BaseURL == "" {
		o.BaseURL = defaultBaseURL
	}
	c.baseURL(o.BaseURL)
	o.BaseURL = strings.TrimRight(o.BaseURL, "/")
	c.from(o.From)
	c.NotNilPointer("Renderer", o.Renderer)
	if o.Client == nil {
		o.Client = &http.Client{Timeout: defaultTimeout}
	}
	return o
}

// optionCheck validates the arguments of New.
type optionCheck struct{ *options.Check }

// apiKey never puts the key into a message.
func (c optionCheck) apiKey(key string) {
	switch {
	case key == "":
		c.Add("apiKey", "is required")
	case !printable(key):
		c.Add("apiKey", "must not contain spaces, line breaks or other unusual characters")
	}
}

// baseURL does not put the URL into a message: the URL could contain a password.
func (c optionCheck) baseURL(base string) {
	if u, ok := weburl.Parse(base); !ok || u.User != nil || strings.ContainsAny(base, "?#") {
		c.Add("BaseURL", "is not the address of an API: give one such as %s", defaultBaseURL)
	}
}

func (c optionCheck) from(from string) {
	if from == "" {
		return
	}
	if _, err := netmail.ParseAddress(from); err != nil || strings.ContainsFunc(from, unicode.IsControl) {
		c.Add("From", "is not an email address: give name@example.com or Name <name@example.com>")
	}
}

// printable reports whether text has only visible ASCII characters.
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
