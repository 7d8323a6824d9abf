package resend

import (
	"context"
	"fmt"
	"net/http"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/options"
	"github.com/seed-b636437c/automation/mail"
)

// Mailer sends emails through Resend. It implements automation.Mailer,
// automation.TemplateInspector and mail.SentEmails, and is safe for concurrent use.
type Mailer struct {
	apiKey string
	opts   Options
	client http.Client
}

var (
	_ automation.Mailer            = (*Mailer)(nil)
	_ automation.TemplateInspector = (*Mailer)(nil)
	_ mail.SentEmails              = (*Mailer)(nil)
)

// New returns a Mailer that uses this API key. A key with sending access is enough for
// SendEmail; InspectTemplate and SentEmail need a key with full access. The error is an
// *automation.ValidationError that lists all problems of the arguments.
func New(apiKey string, opts Options) (*Mailer, error) {
	var problems automation.Problems
	c := optionCheck{options.New(&problems, automation.CodeInvalidOption)}
	opts = opts.withDefaults(c)
	c.apiKey(apiKey)
	if err := problems.Err("resend options"); err != nil {
		return nil, err
	}
	m := &Mailer{apiKey: apiKey, opts: opts, client: *opts.Client}
	m.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return m, nil
}

// SendEmail implements automation.Mailer. The id is Resend's. It is empty if Resend's
// answer has no id. The package comment describes the errors.
func (m *Mailer) SendEmail(ctx context.Context, email automation.Email) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err // nothing was sent, so the outcome is not unknown
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
		return "", nil // an earlier attempt sent the email
	}
	return accepted.ID, err
}
