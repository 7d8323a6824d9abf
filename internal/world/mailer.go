package world

import (
	"context"

	"github.com/seed-b636437c/automation"
)

// MailerFunc is an automation.Mailer that is a function.
type MailerFunc func(ctx context.Context, e automation.Email) (string, error)

// SendEmail implements automation.Mailer.
func (f MailerFunc) SendEmail(ctx context.Context, e automation.Email) (string, error) {
	return f(ctx, e)
}
