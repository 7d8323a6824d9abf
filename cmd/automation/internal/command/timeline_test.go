package command_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// The history of a stored run has the form of package timeline.
func TestTimeline_Golden(t *testing.T) {
	onEach(t, func(t *testing.T, s *scene) {
		s.Mailer.Respond = func(_ context.Context, e automation.Email) error {
			if e.To == "dan@example.com" {
				return world.ErrOutage
			}
			return nil
		}
		_, err := s.app.CreateContact(s.Ctx, automation.Contact{ID: "fay", Email: "fay@example.com", Unsubscribed: true})
		require.NoError(t, err)
		s.send("signup", "fay@example.com", nil)
		s.send("signup", "gus@example.com", nil)
		s.send("signup", "hal@example.com", nil)
		s.pass(time.Hour)
		assert.Equal(t, 0, s.do("cancel", s.run("welcome", "hal@example.com")).status)
		s.send("setup.done", "ada@example.com", map[string]any{"plan": "pro", "by": "ada@example.com"})
		s.drain()
		failing := s.run("welcome", "dan@example.com")
		assertGolden(t, "timeline_failing", s.do("runs", failing))
		for range 24 * 5 {
			s.pass(time.Hour)
		}

		for name, id := range map[string]string{
			"timeline_received":  s.run("welcome", "ada@example.com"),
			"timeline_skipped":   s.run("welcome", "fay@example.com"),
			"timeline_timeout":   s.run("welcome", "gus@example.com"),
			"timeline_cancelled": s.run("welcome", "hal@example.com"),
			"timeline_attempts":  failing,
		} {
			r := s.do("runs", id)
			assertGolden(t, name, r)
			assert.NotContains(t, r.stdout, "@")
		}
	})
}
