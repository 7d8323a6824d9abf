package automation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/seed-b636437c/automation"
	maillog "github.com/seed-b636437c/automation/mail/log"
	"github.com/seed-b636437c/automation/store/memory"
)

// slackMessage is the config of a custom step.
type slackMessage struct {
	Channel string              `json:"channel"`
	Text    automation.Value    `json:"text"`
	Mention []string            `json:"mention,omitempty"`
	Quiet   automation.Duration `json:"quiet,omitzero"`
}

func (slackMessage) StepType() automation.StepType { return "acme.slack" }

// An editor draws a form for a step type of which it has only the description.
func ExampleRegistry_Describe() {
	reg := automation.NewRegistry()
	automation.Handle(reg, func(context.Context, automation.Call, slackMessage) (automation.Result, error) {
		return automation.Result{}, nil
	}, automation.StepOptions{Branches: []automation.ConnectionType{"answered"}})

	for _, info := range reg.Describe() {
		fmt.Println(info.Type, info.Branches)
		for _, f := range info.Config.Fields {
			fmt.Println("-", f.Name, f.Kind, f.Required)
		}
	}
	// Output:
	// acme.slack [default answered]
	// - channel string true
	// - text value true
	// - mention list false
	// - quiet duration false
}

// An editor offers these paths for rules and for the variables of a template.
func ExampleEventDefinition_Paths() {
	order := automation.EventDefinition{Name: "order.paid", Schema: json.RawMessage(`{
		"type": "object",
		"properties": {
			"total": {"type": "number"},
			"paid_at": {"type": "string", "format": "date-time"},
			"address": {"type": "object", "properties": {"city": {"type": "string"}}}
		}
	}`)}
	seats := automation.ContactProperty{Key: "seats", Type: automation.PropertyNumber}
	for _, p := range append(order.Paths(), automation.ContactPaths([]automation.ContactProperty{seats})...) {
		fmt.Printf("%s %q\n", p.Path, p.Type) // a list has no type
	}
	// Output:
	// event.address.city "string"
	// event.paid_at "date"
	// event.total "number"
	// contact.created_at "date"
	// contact.email "string"
	// contact.first_name "string"
	// contact.id "string"
	// contact.last_name "string"
	// contact.segments ""
	// contact.unsubscribed "boolean"
	// contact.properties.seats "number"
}

// A page that shows runs reads their contacts with one call.
func ExampleRunner_GetContacts() {
	ctx := context.Background()
	runner, err := automation.New(memory.New(), maillog.New(os.Stdout), automation.Options{})
	must(err)
	for _, c := range []automation.Contact{{ID: "u1", Email: "ada@example.com"}, {ID: "u2", Email: "Bob@example.com"}} {
		_, err := runner.CreateContact(ctx, c)
		must(err)
	}

	contacts, err := runner.GetContacts(ctx, []string{"u1", "u2", "deleted long ago"})
	must(err)
	fmt.Println(len(contacts), contacts["u2"].Email)

	page, err := runner.ListContacts(ctx, automation.ContactQuery{EmailPrefix: "BO"})
	must(err)
	fmt.Println(len(page.Data), page.Data[0].Email)
	// Output:
	// 2 Bob@example.com
	// 1 Bob@example.com
}
