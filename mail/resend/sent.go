package resend

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
)

// errUnreadable is why an answer with an email is no email.
var errUnreadable = errors.New("resend: the answer is no email: it is damaged, or larger than 4 MiB")

// SentEmail implements mail.SentEmails: it reads the email from Resend, for as long as Resend
// keeps it. UnsubscribeURL is empty, because Resend's answer has no header fields. The error
// wraps automation.ErrNotFound if Resend has no such email, and errors.ErrUnsupported if the API
// key has only sending access. It is an *automation.RateLimitError if Resend gets too many
// requests: the limit is shared with SendEmail.
func (m *Mailer) SentEmail(ctx context.Context, id string) (mail.Message, error) {
	if id == "" || id == "." || id == ".." { // that path is not the one of an email
		return mail.Message{}, fmt.Errorf("resend: email %q: %w", id, automation.ErrNotFound)
	}
	var found struct {
		Object        string
		From, Subject string
		To            []string
		ReplyTo       []string `json:"reply_to"`
		HTML, Text    string   // null if the email has none
	}
	if err := m.get(ctx, "/emails/"+url.PathEscape(id), &found); err != nil {
		return mail.Message{}, objectError("email", id, err)
	}
	if found.Object != "email" || len(found.To) == 0 || found.HTML == "" && found.Text == "" {
		return mail.Message{}, fmt.Errorf("email %q: %w", id, errUnreadable)
	}
	return mail.Message{
		From: found.From, To: strings.Join(found.To, ", "), ReplyTo: strings.Join(found.ReplyTo, ", "),
		Subject: found.Subject, HTML: found.HTML, Text: found.Text,
	}, nil
}
