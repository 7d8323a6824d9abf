package automation_test

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// A run that fails is a warning, with the ids of the run and of the contact.
func ExampleOptions_logger() {
	ctx := context.Background()
	mailer := capture.New()
	mailer.Respond = func(context.Context, automation.Email) error {
		return automation.Permanent(errors.New("the API key was revoked"))
	}
	handler := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "run" || a.Key == "contact" {
			return slog.Attr{} // for this example, because they differ each time
		}
		return a
	}})
	runner, err := automation.New(memory.New(), mailer, automation.Options{Logger: slog.New(handler)})
	if err != nil {
		panic(err)
	}
	_, err = runner.Apply(ctx, automation.Automation{
		ID: "welcome", Name: "Welcome", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "hello"}}},
		},
		Connections: []automation.Connection{{From: "signup", To: "hello"}},
	})
	if err != nil {
		panic(err)
	}
	if _, err := runner.Send(ctx, automation.Event{Name: "user.created", Email: "ada@example.com"}); err != nil {
		panic(err)
	}
	if _, err := runner.Drain(ctx); err != nil {
		panic(err)
	}
	// Output:
	// level=INFO msg="automation: applied" automation=welcome outcome=created version=1 status=enabled
	// level=WARN msg="automation: run failed" automation=welcome step=hello code=permanent_error attempts=1 error="the API key was revoked"
}
