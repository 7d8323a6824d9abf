// Command embed is the program in the README: the smallest application with an automation. Stop it with Ctrl-C.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/log"
	"github.com/seed-b636437c/automation/store/memory"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	runner, err := automation.New(memory.New(), log.New(out), automation.Options{
		Retention: 30 * 24 * time.Hour, // the memory of what has ended is free after a month
	})
	if err != nil {
		return err
	}
	if _, err := runner.Apply(ctx, welcome); err != nil {
		return err
	}
	// Your application does this wherever a user signs up.
	if _, err := runner.Send(ctx, automation.Event{Name: "user.created", Email: "ada@example.com"}); err != nil {
		return err
	}
	fmt.Fprintln(out, "Sends hello now, waits 3 days for setup.done, and then sends nudge. Ctrl-C stops the program.")
	if err := runner.Run(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}

var welcome = automation.Automation{
	ID: "welcome", Name: "Welcome", Status: automation.StatusEnabled,
	Steps: []automation.Step{
		{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
		{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "hello"}}},
		{Key: "setup", Config: automation.WaitForEvent{EventName: "setup.done", Timeout: automation.MustParseDuration("3 days")}},
		{Key: "nudge", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "nudge"}}},
	},
	Connections: []automation.Connection{
		{From: "signup", To: "hello"},
		{From: "hello", To: "setup"},
		{From: "setup", To: "nudge", Type: automation.ConnectionTimeout},
	},
}
