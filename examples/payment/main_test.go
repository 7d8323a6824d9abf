package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/automationtest"
)

// The payment that was declined ends nothing, and the one that commits ends the reminders of its
// order, and of no other.
func TestPlay(t *testing.T) {
	var out strings.Builder
	if err := play(t.Context(), filepath.Join(t.TempDir(), "shop.db"), &out); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", out.String())
	for text, times := range map[string]int{
		"the card was declined": 1, "it is paid\n": 1, "it is paid already": 1,
		`"please-pay" to ada`: 2, `"last-reminder" to ada`: 1, "completed early: paid": 1,
	} {
		if got := strings.Count(out.String(), text); got != times {
			t.Errorf("the timeline has %q %d times, want %d", text, got, times)
		}
	}
}

func TestReminders(t *testing.T) {
	h := automationtest.New(t, automationtest.Options{}, reminders)
	order := map[string]any{"order_id": 7}
	h.Send("order.placed", "ada@example.com", order)
	h.Send("order.placed", "ada@example.com", order)
	h.AssertRefused("ada@example.com", "reminders", automation.DecisionRunning)

	h.Advance(24 * time.Hour)
	h.AssertEmails("ada@example.com", "please-pay")
	h.Send("order.paid", "ada@example.com", map[string]any{"order_id": 8})
	h.Run("ada@example.com", "reminders").AssertWaiting("another_day")
	h.Send("order.paid", "ada@example.com", order)
	h.Run("ada@example.com", "reminders").AssertExited(automation.ExitEvent, "paid")

	h.Advance(24 * time.Hour)
	h.AssertEmails("ada@example.com", "please-pay")
}
