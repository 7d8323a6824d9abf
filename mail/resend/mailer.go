package resend

import (
	"context"
	"fmt"
	"net/http"
	netmail "net/mail"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/nilness"
	"github.com/seed-b636437c/automation/mail"
)

const (
	defaultBaseURL = "https://api.resend.com"
	defaultTimeout = 30 * time.Second
)

// Mailer sends emails through Resend. It implements automation.Mailer and
// automation.TemplateInspector, and is safe for concurrent use.
type Mailer struct {
	apiKey string
	opts   Options
	client http.Client
}

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

var (
	_ automation.Mailer            = (*Mailer)(nil)
	_ automation.TemplateInspector = (*Mailer)(nil)
)

// New returns a Mailer that uses this API key. A key that may only send is enough,
// but InspectTemplate needs one with full access. The error is an
// *automation.ValidationError that lists all problems.
func New(apiKey string, opts Options) (*Mailer, error) {
	opts, problems := opts.withDefaults()
	c := optionCheck{problems}
	c.apiKey(apiKey)
	if err := c.problems.Err("resend options"); err != nil {
		return nil, err
	}
	m := &Mailer{apiKey: apiKey, opts: opts, client: *opts.Client}
	m.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return m, nil
}

// SendEmail implements automation.Mailer. The id is Resend's; it is empty if Resend
// did not tell.
func (m *Mailer) SendEmail(ctx context.Context, email automation.Email) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err // nothing was sent: no doubt about it
	}
	message, err := m.compose(ctx, email)
	if err != nil {
		return "", fmt.Errorf("resend: %w", err)
	}
	var accepted struct {
		ID string `json:"id"`
	}
	err = m.post(ctx, "/emails", email.IdempotencyKey, message, &accepted)
	if hasName(err, nameOtherContent) {
		return "", nil // an earlier attempt has sent it
	}
	return accepted.ID, err
}

func (o Options) withDefaults() (Options, automation.Problems) {
	var c optionCheck
	if o.BaseURL == "" {
		o.BaseURL = defaultBaseURL
	}
	c.baseURL(o.BaseURL)
	o.BaseURL = strings.TrimRight(o.BaseURL, "/")
	c.from(o.From)
	c.renderer(o.Renderer)
	if o.Client == nil {
		o.Client = &http.Client{Timeout: defaultTimeout}
	}
	return o, c.problems
}

// optionCheck collects what is wrong with the arguments of New.
type optionCheck struct{ problems automation.Problems }

func (c *optionCheck) add(path, message string) {
	c.problems.Add(automation.CodeInvalidOption, path, "%s", message)
}

// apiKey never puts the key into a message.
func (c *optionCheck) apiKey(key string) {
	switch {
	case key == "":
		c.add("apiKey", "is required")
	case !printable(key):
		c.add("apiKey", "must not contain spaces, line breaks or other unusual characters")
	}
}

// baseURL does not repeat the URL either: it could contain a password.
func (c *optionCheck) baseURL(base string) {
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" ||
		u.User != nil || strings.ContainsAny(base, "?#") {
		c.add("BaseURL", "is not the address of an API: give one such as "+defaultBaseURL)
	}
}

func (c *optionCheck) from(from string) {
	if from == "" {
		return
	}
	if _, err := netmail.ParseAddress(from); err != nil || strings.ContainsFunc(from, unicode.IsControl) {
		c.add("From", "is not an email address: give name@example.com or Name <name@example.com>")
	}
}

// renderer refuses an interface that holds a nil pointer: it is not nil itself, so
// that the first email would panic.
func (c *optionCheck) renderer(renderer mail.Renderer) {
	if nilness.Hidden(renderer) {
		c.add("Renderer", fmt.Sprintf("is a nil %T: give one that works, or leave it out", renderer))
	}
}

// printable reports whether text has only ASCII characters that can be seen.
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
