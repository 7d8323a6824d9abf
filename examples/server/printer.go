package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/log"
	"github.com/seed-b636437c/automation/mail/template"
)

// printer is a mailer that prints. An email whose template exists is printed as
// its reader would see it, any other as its template would get it.
type printer struct {
	out       io.Writer
	templates *template.Library
	others    *log.Mailer
}

func newPrinter(out io.Writer, templates *template.Library) *printer {
	return &printer{out: out, templates: templates, others: log.New(out)}
}

// SendEmail implements automation.Mailer.
func (p *printer) SendEmail(ctx context.Context, email automation.Email) (string, error) {
	message, err := p.templates.RenderEmail(ctx, email)
	if errors.Is(err, automation.ErrNotFound) {
		return p.others.SendEmail(ctx, email)
	}
	if err != nil {
		return "", err
	}
	_, err = io.WriteString(p.out, letter(message))
	return email.IdempotencyKey, err
}

// InspectTemplate implements automation.TemplateInspector, so that an automation
// is checked against its templates.
func (p *printer) InspectTemplate(ctx context.Context, id string) (automation.TemplateInfo, error) {
	return p.templates.InspectTemplate(ctx, id)
}

// letter is a message to look at, indented below its envelope.
func letter(m mail.Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "email to %s from %s: %s\n", m.To, m.From, m.Subject)
	for line := range strings.Lines(m.Text) {
		fmt.Fprintf(&b, "  %s\n", strings.TrimRight(line, "\r\n"))
	}
	return b.String()
}
