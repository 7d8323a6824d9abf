package automation_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// How long is an outage of the mailer that emails survive?
func ExampleRetryPolicy_Total() {
	for _, p := range []automation.RetryPolicy{{}, {MaxAttempts: 5}, {For: 72 * time.Hour, Max: 10 * time.Minute}} {
		attempts, total := p.Total()
		fmt.Println(attempts, "attempts in", total)
	}
	// Output:
	// 36 attempts in 24h8m15s
	// 5 attempts in 15s
	// 442 attempts in 72h7m3s
}

// After an outage, first count the runs that failed at an email, and then retry them.
func ExampleRunner_RetryRuns() {
	ctx := context.Background()
	mailer := capture.New()
	mailer.Respond = func(context.Context, automation.Email) error {
		return automation.Permanent(errors.New("the account is blocked"))
	}
	runner, err := automation.New(memory.New(), mailer, automation.Options{})
	must(err)
	_, err = runner.Apply(ctx, welcome)
	must(err)
	for _, email := range []string{"ada@example.com", "bob@example.com"} {
		_, err = runner.Send(ctx, automation.Event{Name: "user.created", Email: email})
		must(err)
	}
	_, err = runner.Drain(ctx)
	must(err)

	mailer.Respond = nil
	failed := automation.RunQuery{AutomationID: "welcome", Step: "hello"}
	would, err := runner.RetryRuns(ctx, failed, automation.RetryOptions{DryRun: true})
	must(err)
	did, err := runner.RetryRuns(ctx, failed, automation.RetryOptions{})
	must(err)
	_, err = runner.Drain(ctx)
	must(err)
	fmt.Println(would.Retried, did.Retried, len(mailer.Emails()))
	// Output: 2 2 2
}
