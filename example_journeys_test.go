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

// A wait_for_any step waits for the first of several events of the run's cart.
func ExampleWaitForAny() {
	ctx, mailer := context.Background(), capture.New()
	runner, err := automation.New(memory.New(), mailer, automation.Options{})
	must(err)
	_, err = runner.Apply(ctx, automation.Automation{ID: "quiet", Name: "Quiet cart", Steps: []automation.Step{
		{Key: "filled", Config: automation.Trigger{EventName: "cart.filled"}},
		{Key: "quiet", Config: automation.WaitForAny{
			Events: []automation.Listener{
				{Name: "paid", EventName: "order.paid", Match: []automation.Match{{Event: "cart_id"}}},
				{Name: "emptied", EventName: "cart.emptied", Match: []automation.Match{{Event: "cart_id"}}},
			},
			ResetOn: []automation.Listener{{EventName: "cart.updated", Match: []automation.Match{{Event: "cart_id"}}}},
			Timeout: automation.MustParseDuration("4 hours"),
		}},
		{Key: "thanks", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "thanks"}}},
		{Key: "reminder", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "reminder"}}},
	}, Connections: []automation.Connection{
		{From: "filled", To: "quiet"},
		{From: "quiet", To: "thanks", Type: "paid"},
		{From: "quiet", To: "reminder", Type: automation.ConnectionTimeout},
	}})
	must(err)
	for _, cart := range []string{"A", "B"} {
		_, err = runner.Send(ctx, automation.Event{
			Name: "cart.filled", Email: "ada@example.com", Payload: automation.Payload(map[string]string{"cart_id": cart}),
		})
		must(err)
	}
	_, err = runner.Drain(ctx)
	must(err)
	_, err = runner.Send(ctx, automation.Event{
		Name: "order.paid", Email: "ada@example.com", Payload: automation.Payload(map[string]string{"cart_id": "B"}),
	})
	must(err)
	_, err = runner.Drain(ctx)
	must(err)
	page, err := runner.ListRuns(ctx, automation.RunQuery{})
	must(err)
	for _, run := range page.Data {
		fmt.Println(run.Status)
	}
	fmt.Println(mailer.Emails()[0].TemplateID)
	// Unordered output:
	// running
	// completed
	// thanks
}
