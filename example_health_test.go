package automation_test

import (
	"context"
	"fmt"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// behind returns a Runner whose event has been due for ten minutes, because neither Run nor
// Drain was called.
func behind(ctx context.Context) *automation.Runner {
	now := clock.NewMock()
	runner, err := automation.New(memory.New(), capture.New(), automation.Options{Clock: now})
	must(err)
	_, err = runner.Apply(ctx, welcome)
	must(err)
	_, err = runner.Send(ctx, automation.Event{Name: "user.created", Email: "ada@example.com"})
	must(err)
	now.Add(10 * time.Minute)
	return runner
}

// Lag is near zero while processes keep up with the work.
func ExampleRunner_Lag() {
	ctx := context.Background()
	runner := behind(ctx)
	lag, err := runner.Lag(ctx)
	fmt.Println(lag, err)

	_, err = runner.Drain(ctx)
	must(err)
	lag, err = runner.Lag(ctx)
	fmt.Println(lag, err)
	// Output:
	// 10m0s <nil>
	// 0s <nil>
}

// Health names what is wrong. Package health serves it to readiness probes.
func ExampleRunner_Health() {
	ctx := context.Background()
	runner := behind(ctx)
	h, err := runner.Health(ctx)
	must(err)
	fmt.Println("ready:", h.Ready())
	fmt.Println("pending events:", h.Stats.PendingEvents)
	for _, p := range h.Problems {
		fmt.Println(p.Severity, p.Code, p.Message)
	}
	// Output:
	// ready: true
	// pending events: 1
	// error no_worker work has been due for 10m0s and no process works on any: call Runner.Run
}

// Run removes runs that ended, and events that were handled, more than 90 days ago.
func ExampleOptions_retention() {
	opts := automation.Options{Retention: 90 * 24 * time.Hour}
	_, err := automation.New(memory.New(), capture.New(), opts)
	fmt.Println(err)

	opts.Retention = 90 // nanoseconds
	_, err = automation.New(memory.New(), capture.New(), opts)
	fmt.Println(err)
	// Output:
	// <nil>
	// automation: options: Retention: 90ns is less than 1h0m0s: most likely the unit is missing, as in 90*24*time.Hour
}
