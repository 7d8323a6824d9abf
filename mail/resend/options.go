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
	// Renderer makes the emails. Nil leaves that to Resend, which has the templates
	// then.
	Renderer mail.Renderer
	// From is the sender where neither the step nor the renderer names one. With
	// templates at Resend it wins over the template's own sender, which is not
	// known here: set it only if your templates have none.
	From string
	// BaseURL is where the API is: https://api.resend.com by default.
	BaseURL string
	// Client does the requests. The default one gives up after 30 seconds. In either
	// case redirects are not followed: the API key is for one host.
	Client *http.Client
	// Unsubscribe returns the contact's unsubscribe link, for the List-Unsubscribe
	// header of emails whose template is at Resend. Nil leaves the header out. A
	// Renderer sets the link itself.
	Unsubscribe func(automation.Contact) (string, error)
	// OmitTags sends emails without the tags automation_id, run_id and step_key.
	// With them, which is the default, a webhook of Resend about an email that
	// bounced leads to the run. Recipients do not see them. Resend allows ASCII
	// letters, digits, _ and - in a tag: one with anything else is left out.
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

// baseURL does not repeat the URL either: it could contain a password.
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

// printable reports whether text has only ASCII characters that can be seen.
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
