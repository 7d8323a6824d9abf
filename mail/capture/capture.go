// Package capture provides a Mailer for tests and simulations, which remembers emails
// instead of sending them.
package capture

import (
	"context"
	"slices"
	"strconv"
	"sync"

	"github.com/seed-b636437c/automation"
)

// Mailer remembers the emails that it is given. It honours idempotency keys: an email with
// a key that it accepted before is accepted again, with the same id, and is not
// remembered twice. The zero value is ready to use. A Mailer is safe for concurrent use.
type Mailer struct {
	// Respond, if set, is called for every attempt, before the email is remembered. An
	// error of Respond fails the attempt. Set Respond before the first email; it must
	// be safe for concurrent use.
	Respond func(ctx context.Context, email automation.Email) error

	mu     sync.Mutex
	emails []*automation.Email
	ids    map[string]int // by idempotency key
	count  int
}

// New returns a Mailer that accepts everything.
func New() *Mailer { return &Mailer{} }

// SendEmail implements automation.Mailer. The id is email- and the number of the email.
// The error is the error of ctx or of Respond.
func (m *Mailer) SendEmail(ctx context.Context, email automation.Email) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if m.Respond != nil {
		if err := m.Respond(ctx, email); err != nil {
			return "", err
		}
	}
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
	return "email-" + strconv.Itoa(n), nil
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
	m.emails = nil
}
