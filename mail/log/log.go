// Package log provides a Mailer for development, which prints emails instead of sending
// them.
package log

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/seed-b636437c/automation"
)

// Mailer prints one paragraph per email. It is safe for concurrent use. An email with a
// repeated idempotency key is printed again, with the number of the attempt.
type Mailer struct {
	mu sync.Mutex
	w  io.Writer
	n  int
}

// New returns a Mailer that prints to w.
func New(w io.Writer) *Mailer { return &Mailer{w: w} }

// SendEmail implements automation.Mailer. The id is log- and the number of the email. The
// error is the error of ctx or of the writer.
func (m *Mailer) SendEmail(ctx context.Context, email automation.Email) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := io.WriteString(m.w, text(email)); err != nil {
		return "", fmt.Errorf("log mailer: %w", err)
	}
	m.n++
	return fmt.Sprintf("log-%d", m.n), nil
}

// text returns one line for the envelope and one line for each variable of the template.
// Quoting keeps an address, a name or a value on its line.
func text(e automation.Email) string {
	var b strings.Builder
	fmt.Fprintf(&b, "email to %q: template %q", e.To, e.TemplateID)
	for _, f := range []struct{ name, value string }{{"from", e.From}, {"subject", e.Subject}, {"reply_to", e.ReplyTo}} {
		if f.value != "" {
			fmt.Fprintf(&b, ", %s %q", f.name, f.value)
		}
	}
	if e.Attempt > 1 {
		fmt.Fprintf(&b, ", attempt %d", e.Attempt)
	}
	b.WriteByte('\n')
	for _, name := range slices.Sorted(maps.Keys(e.Variables)) {
		quoted := strconv.Quote(name)
		fmt.Fprintf(&b, "  %s = %q\n", quoted[1:len(quoted)-1], fmt.Sprint(e.Variables[name]))
	}
	return b.String()
}
