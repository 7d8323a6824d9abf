package automation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// Each walks a whole list, page by page.
func ExampleEach() {
	ctx := context.Background()
	runner, err := automation.New(memory.New(), capture.New(), automation.Options{})
	must(err)
	for i := range 250 {
		_, err := runner.CreateContact(ctx, automation.Contact{Email: fmt.Sprintf("user-%d@example.com", i), Unsubscribed: i%2 == 0})
		must(err)
	}
	unsubscribed := 0
	for c, err := range automation.Each(ctx, runner.ListContacts, automation.ContactQuery{}) {
		must(err)
		if c.Unsubscribed {
			unsubscribed++
		}
	}
	fmt.Println(unsubscribed)
	// Output: 125
}

// Parse reads the document of Resend's create-automation call.
func ExampleParse() {
	a, err := automation.Parse([]byte(`{
		"name": "Welcome",
		"status": "enabled",
		"steps": [
			{"key": "signup", "type": "trigger", "config": {"event_name": "user.created"}},
			{"key": "pause", "type": "delay", "config": {"duration": "30 minutes"}},
			{"key": "hello", "type": "send_email", "config": {"template": {"id": "hello"}}}
		],
		"connections": [{"from": "signup", "to": "pause"}, {"from": "pause", "to": "hello"}]
	}`), nil)
	must(err)
	fmt.Println(a.Name, a.Status, len(a.Steps))
	// Output: Welcome enabled 3
}

// Each problem in the document has a path.
func ExampleParse_mistakes() {
	_, err := automation.Parse([]byte(`{
		"name": "Welcome",
		"steps": [
			{"key": "signup", "type": "trigger", "config": {"event": "user.created"}},
			{"key": "pause", "type": "delay", "config": {"duration": 30}}
		],
		"connections": [{"from": "signup", "to": "pause"}]
	}`), nil)
	var invalid *automation.ValidationError
	if errors.As(err, &invalid) {
		for _, p := range invalid.Problems {
			fmt.Println(p.Path, p.Code)
		}
	}
	// Output:
	// steps[0].config.event unknown_field
	// steps[1].config.duration wrong_type
}

// Validate returns all problems of a graph at once. A graph with warnings only is valid.
func ExampleValidate() {
	a := automation.Automation{
		Name: "Nudge",
		Steps: []automation.Step{
			{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "setup", Config: automation.WaitForEvent{EventName: "setup.done"}},
			{Key: "pause", Config: automation.Delay{Duration: automation.MustParseDuration("60 days")}},
			{Key: "nudge", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "nudge"}}},
		},
		Connections: []automation.Connection{
			{From: "signup", To: "setup"},
			{From: "setup", To: "pause"},
			{From: "pause", To: "nugde"},
		},
	}
	for _, p := range automation.Validate(a, automation.ValidateOptions{}) {
		fmt.Printf("%s: %s: %s\n", p.Severity, p.Path, p.Code)
		if p.Code == automation.CodeUnknownStep {
			fmt.Println(p.Message)
		}
	}
	// Output:
	// warning: steps[1].config: wait_without_timeout
	// error: steps[2].config.duration: limit_exceeded
	// error: connections[2].to: unknown_step
	// there is no step "nugde": did you mean "nudge"?
}

// With the definitions of the events, Validate finds misspelt fields.
func ExampleValidate_definitions() {
	a := automation.Automation{
		Name: "Upgrade",
		Steps: []automation.Step{
			{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{
				ID: "hello", Variables: map[string]automation.Value{"PLAN": automation.Var("event.plna")},
			}}},
		},
		Connections: []automation.Connection{{From: "signup", To: "hello"}},
	}
	definition := automation.EventDefinition{Name: "user.created", Schema: []byte(`{"plan": "string", "seats": "number"}`)}
	fmt.Print(automation.Validate(a, automation.ValidateOptions{Definitions: []automation.EventDefinition{definition}}))
	// Output:
	// warning unknown_event_field: step "hello": the definition of event "user.created" has no field "plna": did you mean "event.plan"?
}

// A Duration keeps the words in which it was written.
func ExampleParseDuration() {
	for _, text := range []string{"1 day 12 hours", "36h"} {
		d, err := automation.ParseDuration(text)
		must(err)
		encoded, err := json.Marshal(d)
		must(err)
		fmt.Println(string(encoded), d.Std())
	}
	// Output:
	// "1 day 12 hours" 36h0m0s
	// "36h" 36h0m0s
}

// DurationOf writes a time.Duration in words.
func ExampleDurationOf() {
	fmt.Println(automation.DurationOf(72 * time.Hour))
	fmt.Println(automation.DurationOf(90 * time.Minute))
	// Output:
	// 3 days
	// 1 hour 30 minutes
}

// A payload is any value that encodes to a JSON object.
func ExamplePayload() {
	type order struct {
		ID     string  `json:"id"`
		Amount float64 `json:"amount"`
	}
	event := automation.Event{
		Name:    "order.paid",
		Email:   "ada@example.com",
		Payload: automation.Payload(order{ID: "4711", Amount: 12.5}),
	}
	fmt.Println(string(event.Payload))
	// Output: {"id":"4711","amount":12.5}
}

// Var fills a template variable from the event or the contact.
func ExampleVar() {
	step := automation.Step{Key: "receipt", Config: automation.SendEmail{
		Template: automation.TemplateRef{ID: "receipt", Variables: map[string]automation.Value{
			"AMOUNT": automation.Var("event.amount"),
			"SHOP":   automation.String("Acme"),
		}},
	}}
	encoded, err := json.Marshal(step)
	must(err)
	fmt.Println(string(encoded))
	// Output:
	// {"key":"receipt","type":"send_email","config":{"template":{"id":"receipt","variables":{"AMOUNT":{"var":"event.amount"},"SHOP":"Acme"}}}}
}

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

// Score is the config of a custom step.
type Score struct{}

func (Score) StepType() automation.StepType { return "acme.score" }

// A dashboard or a tool shows runs without the step types of the application.
func ExampleRunner_GetRun() {
	ctx := context.Background()
	store := memory.New() // in production, a database that both processes open
	reg := automation.NewRegistry()
	automation.Handle(reg, func(context.Context, automation.Call, Score) (automation.Result, error) {
		return automation.Result{Output: map[string]any{"score": 7}}, nil
	}, automation.StepOptions{})
	app, err := automation.New(store, capture.New(), automation.Options{Registry: reg})
	if err != nil {
		panic(err)
	}
	_, err = app.Apply(ctx, automation.Automation{
		ID: "scoring", Name: "Scoring", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "score", Config: Score{}},
		},
		Connections: []automation.Connection{{From: "signup", To: "score"}},
	})
	if err != nil {
		panic(err)
	}
	if _, err := app.Send(ctx, automation.Event{Name: "user.created", Email: "ada@example.com"}); err != nil {
		panic(err)
	}
	if _, err := app.Drain(ctx); err != nil {
		panic(err)
	}

	dashboard, err := automation.New(store, capture.New(), automation.Options{})
	if err != nil {
		panic(err)
	}
	runs, err := dashboard.ListRuns(ctx, automation.RunQuery{AutomationID: "scoring"})
	if err != nil {
		panic(err)
	}
	run, err := dashboard.GetRun(ctx, runs.Data[0].ID)
	if err != nil {
		panic(err)
	}
	for _, step := range run.Steps {
		fmt.Printf("%s: %s, %s, output %q\n", step.Key, step.Type, step.Status, step.Output)
	}
	// Output:
	// signup: trigger, completed, output ""
	// score: acme.score, completed, output "{\"score\":7}"
}

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
	would, err := runner.RetryRuns(ctx, failed, automation.BulkOptions{DryRun: true})
	must(err)
	did, err := runner.RetryRuns(ctx, failed, automation.BulkOptions{})
	must(err)
	_, err = runner.Drain(ctx)
	must(err)
	fmt.Println(would.Done, did.Done, len(mailer.Emails()))
	// Output: 2 2 2
}

// A definition gives a property a type, and emails a value for contacts that have none.
func ExampleRunner_CreateContactProperty() {
	ctx := context.Background()
	mailer := capture.New()
	runner, err := automation.New(memory.New(), mailer, automation.Options{})
	must(err)
	_, err = runner.CreateContactProperty(ctx, automation.ContactProperty{
		Key: "plan", Type: automation.PropertyString, Fallback: "free",
	})
	must(err)
	_, err = runner.CreateContact(ctx, automation.Contact{Email: "bob@example.com", Properties: map[string]any{"plan": 7}})
	fmt.Println(err)

	_, err = runner.Apply(ctx, welcome)
	must(err)
	_, err = runner.Send(ctx, automation.Event{Name: "user.created", Email: "ada@example.com"})
	must(err)
	_, err = runner.Drain(ctx)
	must(err)
	fmt.Println(mailer.Emails()[0].Contact.Properties["plan"])
	// Output:
	// automation: contact: properties.plan: must be a string, the type of this property, not a number
	// free
}
