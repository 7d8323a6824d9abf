package log_test

import (
	"context"
	"fmt"
	"os"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/log"
	"github.com/seed-b636437c/automation/store/memory"
)

// During development a Runner prints its emails instead of sending them.
func Example() {
	runner, err := automation.New(memory.New(), log.New(os.Stdout), automation.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	_, err = runner.CreateAutomation(ctx, automation.Automation{
		Name: "Welcome", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{
				ID: "hello", Variables: map[string]automation.Value{"PLAN": automation.Var("event.plan")},
			}}},
		},
		Connections: []automation.Connection{{From: "signup", To: "hello"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = runner.Send(ctx, automation.Event{
		Name: "user.created", Email: "ada@example.com", Payload: automation.Payload(map[string]any{"plan": "pro"}),
	})
	if err == nil {
		_, err = runner.Drain(ctx)
	}
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// email to "ada@example.com": template "hello"
	//   PLAN = "pro"
}
