package observe

import (
	"context"
	"errors"
	"time"

	"github.com/seed-b636437c/automation"
)

// WrapMailer returns a mailer that sends with send. It is an automation.TemplateInspector if
// next is one. send usually calls next.SendEmail.
func WrapMailer(next automation.Mailer, send func(ctx context.Context, email automation.Email) (id string, err error)) automation.Mailer {
	if inspector, ok := next.(automation.TemplateInspector); ok {
		return struct {
			mailerFunc
			automation.TemplateInspector
		}{send, inspector}
	}
	return mailerFunc(send)
}

type mailerFunc func(ctx context.Context, email automation.Email) (string, error)

// SendEmail implements automation.Mailer.
func (f mailerFunc) SendEmail(ctx context.Context, email automation.Email) (string, error) {
	return f(ctx, email)
}

// Mailer returns a mailer that sends with next, and measures how long each attempt takes in
// real time. It is an automation.TemplateInspector if next is one.
func (m *Metrics) Mailer(next automation.Mailer) automation.Mailer {
	return WrapMailer(next, func(ctx context.Context, email automation.Email) (string, error) {
		began, result := time.Now(), "unknown" // if next panics
		defer func() { m.recorder.Record(emailAttempt, seconds(time.Since(began)), result) }()
		id, err := next.SendEmail(ctx, email)
		result = EmailResult(err)
		return id, err
	})
}

// EmailResult returns the label of an error of a Mailer: sent, failed, permanent,
// rate_limited or unknown. It is unknown if the email may have been sent.
func EmailResult(err error) string {
	var limited *automation.RateLimitError
	switch {
	case err == nil:
		return "sent"
	case errors.As(err, &limited):
		return "rate_limited"
	case errors.Is(err, automation.ErrPermanent):
		return "permanent"
	case errors.Is(err, automation.ErrOutcomeUnknown), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "unknown"
	default:
		return "failed"
	}
}
