package automation_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
)

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
	}
	// Output:
	// warning: steps[1].config: wait_without_timeout
	// error: steps[2].config.duration: limit_exceeded
	// error: steps[3]: unreachable_step
	// error: connections[2].to: unknown_step
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
