package observe_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/observe"
	"github.com/seed-b636437c/automation/store/memory"
)

// printer is a backend that prints counters and ignores durations.
type printer struct{}

func (printer) Add(m *observe.Metric, n int, labels ...string) {
	if !strings.HasPrefix(m.Name, "automation.lease") {
		fmt.Printf("%s %q: %d\n", m.Name, labels, n)
	}
}

func (printer) Record(*observe.Metric, float64, ...string) {}

// A backend of your own.
func Example() {
	metrics, err := observe.New(printer{}, observe.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	store, mailer := memory.New(), capture.New()
	runner, err := automation.New(metrics.Store(store), metrics.Mailer(mailer), automation.Options{Observer: metrics})
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
	// automation.events.accepted []: 1
	// automation.runs.started ["welcome"]: 1
	// automation.steps.ended ["welcome" "trigger" "completed"]: 1
	// automation.events.handled ["started"]: 1
	// automation.steps.ended ["welcome" "send_email" "completed"]: 1
	// automation.runs.ended ["welcome" "completed"]: 1
	// <nil>
}
