package main

import (
	"context"
	"testing"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/automationtest"
)

func TestWelcome(t *testing.T) {
	h := automationtest.New(t, automationtest.Options{}, welcome)

	h.Send("user.created", "ada@example.com", nil)
	h.AssertEmails("ada@example.com", "hello")

	h.Advance(3 * 24 * time.Hour)
	h.AssertEmails("ada@example.com", "hello", "nudge")
	h.Run("ada@example.com", "Welcome").AssertStatus(automation.RunCompleted)
}

func TestRun_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := run(ctx); err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
}
