package main

import (
	"bufio"
	"context"
	"io"
	"strings"
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
	if err := run(ctx, io.Discard); err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
}

// The program prints what it waits for: without that it seems to hang.
func TestRun_PrintsWhatItWaitsFor(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, in)
		in.Close()
	}()
	var lines []string
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		if lines = append(lines, scanner.Text()); strings.Contains(scanner.Text(), "email to") {
			cancel()
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(lines, "\n"); !strings.Contains(text, "waits 3 days for setup.done") || !strings.Contains(text, "Ctrl-C") {
		t.Errorf("the program printed:\n%s", text)
	}
}
