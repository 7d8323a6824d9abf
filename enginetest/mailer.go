package enginetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seed-b636437c/automation"
)

// mailer remembers every call, in the order in which they began. It does not honour
// idempotency keys, so that a check sees every repetition.
type mailer struct {
	// respond, if set before the engine works, decides what becomes of an email. A panic
	// of it is one of the mailer.
	respond func(ctx context.Context, e automation.Email) error

	mu       sync.Mutex
	attempts []attempt
	inFlight map[string]int // by idempotency key
	flaws    []string       // what no engine may do
}

// attempt is one call of the mailer.
type attempt struct {
	automation.Email
	began    time.Time
	accepted bool
}

// SendEmail implements automation.Mailer.
func (m *mailer) SendEmail(ctx context.Context, e automation.Email) (string, error) {
	n := m.begin(e)
	accepted := false
	defer func() { m.end(n, accepted) }() // also after a panic
	if m.respond != nil {
		if err := m.respond(ctx, e); err != nil {
			return "", err
		}
	}
	accepted = true
	return fmt.Sprintf("email-%d", n), nil
}

func (m *mailer) begin(e automation.Email) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.inFlight == nil {
		m.inFlight = map[string]int{}
	}
	m.inFlight[e.IdempotencyKey]++
	if m.inFlight[e.IdempotencyKey] > 1 {
		m.flaws = append(m.flaws, fmt.Sprintf("two attempts with the key %s are in flight at once", e.IdempotencyKey))
	}
	if want := "run/" + e.RunID + "/" + e.StepKey; e.IdempotencyKey != want {
		m.flaws = append(m.flaws, fmt.Sprintf("the idempotency key is %s instead of %s", e.IdempotencyKey, want))
	}
	m.attempts = append(m.attempts, attempt{Email: e, began: time.Now()})
	return len(m.attempts) - 1
}

func (m *mailer) end(n int, accepted bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := m.attempts[n].IdempotencyKey
	m.inFlight[key]--
	if accepted && slices.ContainsFunc(m.attempts, func(a attempt) bool { return a.accepted && a.IdempotencyKey == key }) {
		m.flaws = append(m.flaws, fmt.Sprintf("the email with the key %s is sent again although it was accepted", key))
	}
	m.attempts[n].accepted = accepted
}

// flaw returns the first of what no engine may do, or "".
func (m *mailer) flaw() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.flaws) == 0 {
		return ""
	}
	return m.flaws[0]
}

// tries returns the attempts to send a template.
func (m *mailer) tries(template string) []attempt {
	return m.filter(func(a attempt) bool { return a.TemplateID == template })
}

// sent returns the accepted emails with a template, or all of them if template is "".
func (m *mailer) sent(template string) []attempt {
	return m.filter(func(a attempt) bool { return a.accepted && (template == "" || a.TemplateID == template) })
}

// sentTo returns the templates of the accepted emails to an address.
func (m *mailer) sentTo(address string) []string {
	var templates []string
	for _, a := range m.sent("") {
		if automation.EmailKey(a.To) == automation.EmailKey(address) {
			templates = append(templates, a.TemplateID)
		}
	}
	return templates
}

func (m *mailer) filter(keep func(attempt) bool) (kept []attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range m.attempts {
		if keep(a) {
			kept = append(kept, a)
		}
	}
	return kept
}
