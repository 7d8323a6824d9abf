package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/archive"
	"github.com/seed-b636437c/automation/mail/log"
	"github.com/seed-b636437c/automation/mail/template"
)

// printer is a mailer that prints emails. If the template exists, printer prints the rendered
// email and keeps a copy, and otherwise it prints the variables.
type printer struct {
	out       io.Writer
	templates *template.Library
	unknown   *log.Mailer // for templates that do not exist
	copies    *archive.Archive
}

func newPrinter(out io.Writer, templates *template.Library, copies *archive.Archive) *printer {
	return &printer{out: out, templates: templates, unknown: log.New(out), copies: copies}
}

// SendEmail implements automation.Mailer.
func (p *printer) SendEmail(ctx context.Context, email automation.Email) (string, error) {
	if strings.HasSuffix(email.To, "@"+bounces) {
		return "", automation.Permanent(errors.New("550 5.1.1 mailbox unavailable: the account that you tried to reach does not exist"))
	}
	message, err := p.templates.RenderEmail(ctx, email)
	if errors.Is(err, automation.ErrNotFound) {
		return p.unknown.SendEmail(ctx, email)
	}
	if err != nil {
		return "", err
	}
	if _, err = io.WriteString(p.out, letter(message)); err != nil {
		return "", err
	}
	if err := p.copies.Keep(ctx, email.IdempotencyKey, message); err != nil {
		slog.Error("no copy of an email was kept", "error", err) // the email is out: an error would print it again
	}
	return email.IdempotencyKey, nil
}

// InspectTemplate implements automation.TemplateInspector, so that an automation
// is validated against its templates.
func (p *printer) InspectTemplate(ctx context.Context, id string) (automation.TemplateInfo, error) {
	return p.templates.InspectTemplate(ctx, id)
}

// letter returns the text of a message, indented below its envelope.
func letter(m mail.Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "email to %s from %s: %s\n", m.To, m.From, m.Subject)
	for line := range strings.Lines(m.Text) {
		fmt.Fprintf(&b, "  %s\n", strings.TrimRight(line, "\r\n"))
	}
	return b.String()
}
