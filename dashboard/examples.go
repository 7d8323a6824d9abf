package dashboard

import (
	"context"
	"slices"

	"github.com/seed-b636437c/automation"
)

// snippet shows how an application defines an automation in its code.
const snippet = `_, err := runner.Apply(ctx, automation.Automation{
	ID: "welcome", Name: "Welcome",
	Steps: []automation.Step{
		{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
		{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "hello"}}},
	},
	Connections: []automation.Connection{{From: "signup", To: "hello"}},
})`

// example is an automation to start from.
type example struct {
	Name  string
	About string
	flow  automation.Automation
}

// Steps returns the outline of the flow.
func (e example) Steps() []outlineStep { return outlineOf(e.flow, nil) }

// examples returns the examples that a page without automations offers.
func examples() []example {
	return []example{
		{"Welcome", "Greets a new user, and follows up three days later.", welcomeFlow},
		{"Trial", "Waits for a subscription, and reminds before the trial ends.", trialFlow},
		{"Payment recovery", "Asks for a new card until the payment succeeds.", recoveryFlow},
	}
}

func exampleEmail(template string) automation.Step {
	return automation.Step{Key: template, Config: automation.SendEmail{Template: automation.TemplateRef{ID: template}}}
}

func exampleWait(key, event, timeout string) automation.Step {
	return automation.Step{Key: key, Config: automation.WaitForEvent{EventName: event, Timeout: automation.MustParseDuration(timeout)}}
}

func on(event string) automation.Step {
	return automation.Step{Key: "start", Config: automation.Trigger{EventName: event}}
}

var welcomeFlow = automation.Automation{
	Name: "Welcome", Status: automation.StatusDisabled,
	Steps: []automation.Step{
		on("user.created"), exampleEmail("welcome"),
		{Key: "pause", Config: automation.Delay{Duration: automation.MustParseDuration("3 days")}},
		exampleEmail("first-steps"),
	},
	Connections: []automation.Connection{
		{From: "start", To: "welcome"}, {From: "welcome", To: "pause"}, {From: "pause", To: "first-steps"},
	},
}

var trialFlow = automation.Automation{
	Name: "Trial", Status: automation.StatusDisabled,
	Steps: []automation.Step{
		on("trial.started"), exampleEmail("trial-welcome"), exampleWait("subscribes", "subscription.created", "11 days"),
		exampleEmail("trial-thanks"), exampleEmail("trial-ends-soon"),
	},
	Connections: []automation.Connection{
		{From: "start", To: "trial-welcome"}, {From: "trial-welcome", To: "subscribes"},
		{From: "subscribes", To: "trial-thanks", Type: automation.ConnectionEventReceived},
		{From: "subscribes", To: "trial-ends-soon", Type: automation.ConnectionTimeout},
	},
}

var recoveryFlow = automation.Automation{
	Name: "Payment recovery", Status: automation.StatusDisabled,
	Steps: []automation.Step{
		on("payment.failed"), exampleEmail("payment-failed"), exampleWait("pays", "payment.succeeded", "3 days"),
		exampleEmail("payment-reminder"), exampleWait("pays-late", "payment.succeeded", "4 days"),
		exampleEmail("payment-last-notice"), exampleEmail("payment-thanks"),
	},
	Connections: []automation.Connection{
		{From: "start", To: "payment-failed"}, {From: "payment-failed", To: "pays"},
		{From: "pays", To: "payment-thanks", Type: automation.ConnectionEventReceived},
		{From: "pays", To: "payment-reminder", Type: automation.ConnectionTimeout},
		{From: "payment-reminder", To: "pays-late"},
		{From: "pays-late", To: "payment-thanks", Type: automation.ConnectionEventReceived},
		{From: "pays-late", To: "payment-last-notice", Type: automation.ConnectionTimeout},
	},
}

// createExample creates an example as a disabled automation.
func (x *exchange) createExample() error {
	name, all := x.formValue("example"), examples()
	i := slices.IndexFunc(all, func(e example) bool { return e.Name == name })
	if i < 0 {
		return badInput("There is no such example", "Go back to the list of automations and choose one.")
	}
	return x.createAutomation(createAction, "automation-created", func(ctx context.Context) (automation.Automation, error) {
		return x.runner.CreateAutomation(ctx, all[i].flow)
	})
}

// createAutomation creates an automation, and shows it with a notice.
func (x *exchange) createAutomation(action, notice string, create func(context.Context) (automation.Automation, error)) error {
	a, err := create(x.ctx)
	x.audit(action, a.ID, err)
	if err != nil {
		return err
	}
	return x.done(x.to.To("a", a.ID), notice)
}
