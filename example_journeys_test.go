package automation_test

import (
	"context"
	"fmt"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// A branch step sorts contacts into more than two groups.
func ExampleBranch() {
	ctx, mailer := context.Background(), capture.New()
	runner, err := automation.New(memory.New(), mailer, automation.Options{})
	must(err)
	email := func(key string) automation.Step {
		return automation.Step{Key: key, Config: automation.SendEmail{Template: automation.TemplateRef{ID: key}}}
	}
	_, err = runner.Apply(ctx, automation.Automation{ID: "first-steps", Name: "First steps", Steps: []automation.Step{
		{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
		{Key: "size", Config: automation.Branch{Branches: []automation.BranchRule{
			{Name: "company", Rule: automation.Field("event.seats").Gte(100)},
			{Name: "team", Rule: automation.Field("event.seats").Gt(1)},
		}}},
		email("call"), email("invite"), email("tips"),
	}, Connections: []automation.Connection{
		{From: "signup", To: "size"},
		{From: "size", To: "call", Type: "company"},
		{From: "size", To: "invite", Type: "team"},
		{From: "size", To: "tips"},
	}})
	must(err)
	for _, seats := range []int{250, 12, 1} {
		_, err = runner.Send(ctx, automation.Event{
			Name: "user.created", Email: fmt.Sprintf("%d@example.com", seats), Payload: automation.Payload(map[string]int{"seats": seats}),
		})
		must(err)
		_, err = runner.Drain(ctx)
		must(err)
	}
	for _, sent := range mailer.Emails() {
		fmt.Println(sent.To, sent.TemplateID)
	}
	// Output:
	// 250@example.com call
	// 12@example.com invite
	// 1@example.com tips
}

// A split step gives each contact one of several variants. A web page computes the same.
func ExampleSplit() {
	ctx, mailer := context.Background(), capture.New()
	runner, err := automation.New(memory.New(), mailer, automation.Options{})
	must(err)
	_, err = runner.Apply(ctx, automation.Automation{ID: "offer", Name: "Spring offer", Steps: []automation.Step{
		{Key: "left", Config: automation.Trigger{EventName: "cart.left"}},
		{Key: "offer", Config: automation.Split{Salt: "spring", Variants: []automation.Variant{
			{Name: "ten", Weight: 45},
			{Name: "plain", Weight: 45},
			{Name: "none", Weight: 10, Holdout: true},
		}}},
		{Key: "discount", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "discount"}}},
		{Key: "reminder", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "reminder"}}},
	}, Connections: []automation.Connection{
		{From: "left", To: "offer"},
		{From: "offer", To: "discount", Type: "ten"},
		{From: "offer", To: "reminder", Type: "plain"},
	}})
	must(err)
	contact, err := runner.CreateContact(ctx, automation.Contact{ID: "contact-3", Email: "ada@example.com"})
	must(err)
	_, err = runner.Send(ctx, automation.Event{Name: "cart.left", ContactID: contact.ID})
	must(err)
	_, err = runner.Drain(ctx)
	must(err)

	i := automation.VariantIndex("spring", contact.ID, []int{45, 45, 10})
	fmt.Println([]string{"ten", "plain", "none"}[i], mailer.Emails()[0].TemplateID)
	// Output: ten discount
}

// A send_event step starts another automation.
func ExampleSendEvent() {
	ctx, mailer := context.Background(), capture.New()
	runner, err := automation.New(memory.New(), mailer, automation.Options{})
	must(err)
	for _, a := range []automation.Automation{
		{ID: "trial", Name: "Trial", Steps: []automation.Step{
			{Key: "signup", Config: automation.Trigger{EventName: "trial.started"}},
			{Key: "tell", Config: automation.SendEvent{EventName: "trial.welcomed", Payload: map[string]automation.Value{
				"plan": automation.Var("event.plan"), "source": automation.String("trial"),
			}}},
		}, Connections: []automation.Connection{{From: "signup", To: "tell"}}},
		{ID: "tips", Name: "Tips", Steps: []automation.Step{
			{Key: "welcomed", Config: automation.Trigger{EventName: "trial.welcomed"}},
			{Key: "tips", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "tips"}}},
		}, Connections: []automation.Connection{{From: "welcomed", To: "tips"}}},
	} {
		_, err := runner.Apply(ctx, a)
		must(err)
	}
	_, err = runner.Send(ctx, automation.Event{
		Name: "trial.started", Email: "ada@example.com", Payload: automation.Payload(map[string]any{"plan": "pro"}),
	})
	must(err)
	_, err = runner.Drain(ctx)
	must(err)
	fmt.Println(mailer.Emails()[0].To, mailer.Emails()[0].TemplateID)
	// Output: ada@example.com tips
}

// StartMany starts an automation for the contacts of a segment.
func ExampleRunner_StartMany() {
	ctx, mailer := context.Background(), capture.New()
	runner, err := automation.New(memory.New(), mailer, automation.Options{})
	must(err)
	_, err = runner.Apply(ctx, automation.Automation{ID: "spring", Name: "Spring", Steps: []automation.Step{
		{Key: "start", Config: automation.Trigger{EventName: "offer.made"}},
		{Key: "offer", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "offer"}}},
	}, Connections: []automation.Connection{{From: "start", To: "offer"}}})
	must(err)
	for email, plan := range map[string]string{"ada@example.com": "pro", "bob@example.com": "free"} {
		_, err := runner.CreateContact(ctx, automation.Contact{Email: email, Segments: []string{"customers"}, Properties: map[string]any{"plan": plan}})
		must(err)
	}

	bulk, err := runner.StartMany(ctx, automation.BulkStart{
		ID:           "spring-2026",
		AutomationID: "spring",
		Contacts:     runner.ContactsWhere(ctx, "customers", automation.Field("contact.properties.plan").Eq("pro")),
		Max:          1000,
		Rate:         600,
	})
	must(err)
	_, err = runner.Drain(ctx)
	must(err)
	fmt.Println(bulk.Contacts, bulk.Accepted, mailer.Emails()[0].To)
	// Output: 1 1 ada@example.com
}
