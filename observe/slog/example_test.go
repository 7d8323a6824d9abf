package slogobserve_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	slogobserve "github.com/seed-b636437c/automation/observe/slog"
	"github.com/seed-b636437c/automation/store/memory"
)

// A log of the starts and the ends of runs. It leaves out times and ids, which differ each
// time.
func Example() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey, "run", "event", "contact", "took":
			return slog.Attr{}
		}
		return a
	}}))
	runner, err := automation.New(memory.New(), capture.New(), automation.Options{
		Observer: slogobserve.New(logger, slogobserve.Options{}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	_, err = runner.Apply(ctx, automation.Automation{
		ID: "welcome", Name: "Welcome",
		Steps: []automation.Step{
			{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "hello"}}},
		},
		Connections: []automation.Connection{{From: "signup", To: "hello"}},
	})
	if err == nil {
		_, err = runner.Send(ctx, automation.Event{Name: "user.created", Email: "ada@example.com"})
	}
	if err == nil {
		_, err = runner.Drain(ctx)
	}
	fmt.Println(err)
	// Output:
	// level=INFO msg="automation: run started" automation=welcome version=1
	// level=INFO msg="automation: run ended" automation=welcome version=1 status=completed
	// <nil>
}
