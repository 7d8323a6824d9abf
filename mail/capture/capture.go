// Package capture provides a Mailer for tests and simulations, which remembers emails
// instead of sending them.
package capture

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
)

// Mailer remembers the emails that it is given. It honours idempotency keys: an email with
// a key that it accepted before is accepted again, with the same id, and is not
// remembered twice. The zero value is ready to use. A Mailer is safe for concurrent use.
type Mailer struct {
	// Respond, if set, is called for every attempt, before the email is remembered. An
	// error of Respond fails the attempt. Set Respond before the first email; it must
	// be safe for concurrent use.
	Respond func(ctx context.Context, email automation.Email) error
	// Renderer, if set, renders each email before it is remembered, for SentEmail. An error of
	// Renderer fails the attempt. Set it before the first email.
	Renderer mail.Renderer

	mu       sync.Mutex
	emails   []*automation.Email
	messages map[string]mail.Message // by the id of the email
	ids      map[string]int          // by idempotency key
	count    int
}

var _ mail.SentEmails = (*Mailer)(nil)

// New returns a Mailer that accepts everything.
func New() *Mailer { return &Mailer{} }

// SendEmail implements automation.Mailer. The id is email- and the number of the email.
// The error is the error of ctx, of Respond or of Renderer.
func (m *Mailer) SendEmail(ctx context.Context, email automation.Email) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if m.Respond != nil {
		if err := m.Respond(ctx, email); err != nil {
			return "", err
		}
	}
	var message mail.Message
	if m.Renderer != nil {
		var err error
		if message, err = m.Renderer.RenderEmail(ctx, email); err != nil {
			return "", err
		}
	}
	return m.remember(email, message), nil
}

// remember returns the id of an email, which it remembers unless the key is known.
func (m *Mailer) remember(email automation.Email, message mail.Message) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, seen := m.ids[email.IdempotencyKey]
	if !seen {
		if m.ids == nil {
			m.ids = map[string]int{}
		}
		m.count++
		n = m.count
		m.ids[email.IdempotencyKey] = n
		m.emails = append(m.emails, &email)
	}
	id := "email-" + strconv.Itoa(n)
	if !seen && m.Renderer != nil {
		if m.messages == nil {
			m.messages = map[string]mail.Message{}
		}
		m.messages[id] = message
	}
	return id
}

// SentEmail implements mail.SentEmails. It has the emails that Renderer has rendered.
func (m *Mailer) SentEmail(ctx context.Context, id string) (mail.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	message, ok := m.messages[id]
	switch {
	case ctx.Err() != nil:
		return mail.Message{}, ctx.Err()
	case !ok:
		return mail.Message{}, fmt.Errorf("capture: email %q: %w", id, automation.ErrNotFound)
	}
	return message, nil
}

// Emails returns the accepted emails, oldest first.
func (m *Mailer) Emails() []automation.Email {
	m.mu.Lock()
	defer m.mu.Unlock()
	emails := make([]automation.Email, len(m.emails))
	for i, e := range m.emails {
		emails[i] = *e
	}
	return emails
}

// To returns the accepted emails to this address, oldest first.
func (m *Mailer) To(address string) []automation.Email {
	return slices.DeleteFunc(m.Emails(), func(e automation.Email) bool {
		return automation.EmailKey(e.To) != automation.EmailKey(address)
	})
}

// Reset forgets the emails, but not the idempotency keys.
func (m *Mailer) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.emails, m.messages = nil, nil
}
