package automationtest

import (
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
)

// Emails returns the emails that were accepted for this address, oldest first.
func (h *Harness) Emails(to string) []automation.Email { return h.Mailer.To(to) }

// AssertEmails checks that exactly these templates were sent to the address, in this
// order. Without templates, it checks that no email was sent to the address.
func (h *Harness) AssertEmails(to string, templates ...string) {
	h.t.Helper()
	var got []string
	for _, e := range h.Emails(to) {
		got = append(got, e.TemplateID)
	}
	if !slices.Equal(got, templates) {
		h.t.Errorf("emails to %s:\n\tgot  %s\n\twant %s", to, list(got), list(templates))
	}
}

// list joins names for a message.
func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
