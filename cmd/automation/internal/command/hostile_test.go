package command_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// What people and applications write can neither send escape sequences to the terminal of
// an operator nor break the lines of a table.
func TestReading_NeutralisesControlCharacters(t *testing.T) {
	onEach(t, func(t *testing.T, s *scene) {
		const evil = "\x1b[31mred\x1b[0m\nnext\u009b2J"
		_, err := s.app.CreateAutomation(s.Ctx, automation.Automation{ID: "evil", Name: evil, Steps: welcome.Steps, Connections: welcome.Connections})
		require.NoError(t, err)
		_, err = s.app.CreateContact(s.Ctx, automation.Contact{ID: "eve", Email: "eve@example.com", FirstName: strings.ReplaceAll(evil, "\n", ""), Properties: map[string]any{evil: evil}})
		require.NoError(t, err)
		s.send("order.paid", "eve@example.com", map[string]any{evil: evil})
		s.Mailer.Respond = func(ctx context.Context, e automation.Email) error { return automation.Permanent(errors.New(evil)) }
		s.send("signup", "eve@example.com", nil)
		s.drain()

		for _, args := range [][]string{
			{"automations"}, {"automations", "evil"}, {"contacts"}, {"contacts", "eve"}, {"runs", "--contact", "eve"},
			{"runs", s.run("evil", "eve@example.com")}, {"events", "--contact", "eve"}, {"events", s.event(s.run("sales", "eve@example.com"))},
			{"runs", evil}, {"contacts", evil}, {"stop", evil}, {"cancel", evil}, {"runs", "--contact", evil + "@"},
		} {
			r := s.do(args...)
			assert.False(t, strings.ContainsFunc(r.stdout, isControl), "%q: %q", args, r.stdout)
			assert.False(t, strings.ContainsFunc(r.stderr, isControl), "%q: %q", args, r.stderr)
			if r = s.do(append(args, "--json")...); r.stdout != "" {
				assert.True(t, json.Valid([]byte(r.stdout)), "%q: %q", args, r.stdout)
			}
		}
	})
}

func isControl(r rune) bool { return unicode.IsControl(r) && r != '\n' }
