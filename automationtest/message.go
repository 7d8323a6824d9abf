package automationtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/capture"
)

// Messages returns the messages that were rendered from Emails(to), oldest first. The test
// fails at once without Options.Templates.
func (h *Harness) Messages(to string) []mail.Message {
	h.t.Helper()
	var messages []mail.Message
	for _, e := range h.Emails(to) {
		messages = append(messages, h.message(e))
	}
	return messages
}

// Message returns the latest message to this address that was rendered from this template,
// as send_email steps name it. The test fails at once if there is none, and without
// Options.Templates.
func (h *Harness) Message(to, template string) mail.Message {
	h.t.Helper()
	emails := h.Emails(to)
	for _, e := range slices.Backward(emails) {
		if e.TemplateID == template {
			return h.message(e)
		}
	}
	var sent []string
	for _, e := range emails {
		sent = append(sent, e.TemplateID)
	}
	h.t.Fatalf("no email %q was sent to %s; it got %s", template, to, list(sent))
	return mail.Message{}
}

func (h *Harness) message(e automation.Email) mail.Message {
	h.t.Helper()
	if h.rendering == nil {
		h.t.Fatalf("automationtest: emails are not rendered: set Options.Templates")
	}
	return h.rendering.message(e)
}

// renderingMailer renders emails before it passes them to another mailer. An email that
// cannot be rendered fails its step, as in production.
type renderingMailer struct {
	*capture.Mailer
	templates mail.Renderer

	mu       sync.Mutex
	messages map[string]mail.Message // by idempotency key
	failures []string                // since the last call of takeFailures
	known    map[string]bool         // the failures so far
}

func newRenderingMailer(mailer *capture.Mailer, templates mail.Renderer) *renderingMailer {
	return &renderingMailer{Mailer: mailer, templates: templates, messages: map[string]mail.Message{}, known: map[string]bool{}}
}

// SendEmail implements automation.Mailer.
func (m *renderingMailer) SendEmail(ctx context.Context, email automation.Email) (string, error) {
	message, err := m.templates.RenderEmail(ctx, email)
	if err != nil {
		m.fail(email, err)
		return "", err
	}
	id, err := m.Mailer.SendEmail(ctx, email)
	if err == nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.messages[email.IdempotencyKey] = message
	}
	return id, err
}

// InspectTemplate implements automation.TemplateInspector by calling the renderer.
func (m *renderingMailer) InspectTemplate(ctx context.Context, id string) (automation.TemplateInfo, error) {
	inspector, ok := m.templates.(automation.TemplateInspector)
	if !ok {
		return automation.TemplateInfo{}, fmt.Errorf("automationtest: %T does not describe templates: %w", m.templates, errors.ErrUnsupported)
	}
	return inspector.InspectTemplate(ctx, id)
}

// fail records why an email could not be rendered. Each attempt of a step has the same
// reason, so it is recorded once.
func (m *renderingMailer) fail(email automation.Email, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	failure := fmt.Sprintf("step %q: email to %s: %v", email.StepKey, email.To, err)
	if !m.known[failure] {
		m.known[failure] = true
		m.failures = append(m.failures, failure)
	}
}

func (m *renderingMailer) takeFailures() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	failures := m.failures
	m.failures = nil
	return failures
}

func (m *renderingMailer) message(e automation.Email) mail.Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.messages[e.IdempotencyKey]
}
