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

// A delay_until step waits for Monday at 09:00 where the contact lives. Between Friday and Monday
// the clocks in Berlin go forward, and those in New York do not.
func ExampleDelayUntil() {
	ctx, mailer, now := context.Background(), capture.New(), clock.NewMock()
	now.Set(time.Date(2026, time.March, 27, 12, 0, 0, 0, time.UTC))
	runner, err := automation.New(memory.New(), mailer, automation.Options{Clock: now})
	must(err)
	_, err = runner.Apply(ctx, automation.Automation{ID: "monday", Name: "Monday", Steps: []automation.Step{
		{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
		{Key: "monday", Config: automation.DelayUntil{
			Next:  &automation.NextTime{Weekdays: []automation.Weekday{automation.Monday}, Time: automation.MustParseLocalTime("09:00")},
			After: automation.MustParseDuration("2 days"),
			Zone:  automation.ContactZone(),
		}},
		{Key: "week", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "your-week"}}},
	}, Connections: []automation.Connection{{From: "signup", To: "monday"}, {From: "monday", To: "week"}}})
	must(err)
	for email, zone := range map[string]string{"ada@example.com": "Europe/Berlin", "bob@example.com": "America/New_York"} {
		_, err = runner.CreateContact(ctx, automation.Contact{Email: email, Properties: map[string]any{"timezone": zone}})
		must(err)
		_, err = runner.Send(ctx, automation.Event{Name: "user.created", Email: email})
		must(err)
	}
	for sent := 0; sent < 2; now.Add(time.Hour) {
		_, err = runner.Drain(ctx)
		must(err)
		for ; sent < len(mailer.Emails()); sent++ {
			fmt.Println(now.Now().UTC().Format("Mon 15:04"), mailer.Emails()[sent].To)
		}
	}
	// Output:
	// Mon 07:00 ada@example.com
	// Mon 13:00 bob@example.com
}

// A delay_until step waits for the morning before an appointment. For Bob it is too late for that,
// so his run takes the other connection.
func ExampleDelayUntil_date() {
	ctx, mailer, now := context.Background(), capture.New(), clock.NewMock()
	now.Set(time.Date(2026, time.March, 27, 12, 0, 0, 0, time.UTC))
	runner, err := automation.New(memory.New(), mailer, automation.Options{Clock: now})
	must(err)
	_, err = runner.Apply(ctx, automation.Automation{ID: "appointment", Name: "Appointment", Steps: []automation.Step{
		{Key: "booked", Config: automation.Trigger{EventName: "appointment.booked"}},
		{Key: "day_before", Config: automation.DelayUntil{
			At: automation.Var("event.starts_at"), Offset: automation.MustParseOffset("-1 day"),
			Time: automation.MustParseLocalTime("09:00"), Zone: automation.ContactZone(),
		}},
		{Key: "tomorrow", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "see-you-tomorrow"}}},
		{Key: "soon", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "see-you-soon"}}},
	}, Connections: []automation.Connection{
		{From: "booked", To: "day_before"},
		{From: "day_before", To: "tomorrow"},
		{From: "day_before", To: "soon", Type: automation.ConnectionPast},
	}})
	must(err)
	for _, booking := range []struct{ email, startsAt string }{
		{"ada@example.com", "2026-03-30T10:00:00+02:00"},
		{"bob@example.com", "2026-03-27T17:00:00+01:00"},
	} {
		_, err = runner.CreateContact(ctx, automation.Contact{Email: booking.email, Properties: map[string]any{"timezone": "Europe/Berlin"}})
		must(err)
		_, err = runner.Send(ctx, automation.Event{
			Name: "appointment.booked", Email: booking.email, Payload: automation.Payload(map[string]string{"starts_at": booking.startsAt}),
		})
		must(err)
	}
	for sent := 0; sent < 2; now.Add(time.Hour) {
		_, err = runner.Drain(ctx)
		must(err)
		for ; sent < len(mailer.Emails()); sent++ {
			fmt.Println(now.Now().UTC().Format("Mon 15:04"), mailer.Emails()[sent].To, mailer.Emails()[sent].TemplateID)
		}
	}
	// Output:
	// Fri 12:00 bob@example.com see-you-soon
	// Sun 07:00 ada@example.com see-you-tomorrow
}

// A window step holds a run until the office opens, in a week in which Friday is a holiday.
func ExampleWindow() {
	ctx, mailer, now := context.Background(), capture.New(), clock.NewMock()
	now.Set(time.Date(2026, time.December, 24, 20, 0, 0, 0, time.UTC))
	runner, err := automation.New(memory.New(), mailer, automation.Options{Clock: now})
	must(err)
	_, err = runner.Apply(ctx, automation.Automation{ID: "demo", Name: "Office hours", Steps: []automation.Step{
		{Key: "asked", Config: automation.Trigger{EventName: "demo.requested"}},
		{Key: "open", Config: automation.Window{
			Hours: []automation.Hours{{
				Days: []automation.Weekday{automation.Monday, automation.Tuesday, automation.Wednesday, automation.Thursday, automation.Friday},
				From: automation.MustParseLocalTime("09:00"), To: automation.MustParseLocalTime("17:00"),
			}},
			Zone:   automation.ZoneOf("Europe/Berlin"),
			Except: []automation.Date{automation.MustParseDate("2026-12-25")},
		}},
		{Key: "call", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "we-call-you-now"}}},
	}, Connections: []automation.Connection{{From: "asked", To: "open"}, {From: "open", To: "call"}}})
	must(err)
	_, err = runner.Send(ctx, automation.Event{Name: "demo.requested", Email: "ada@example.com"})
	must(err)
	for ; len(mailer.Emails()) == 0; now.Add(time.Hour) {
		_, err = runner.Drain(ctx)
		must(err)
		if len(mailer.Emails()) > 0 {
			fmt.Println(now.Now().UTC().Format("Mon 2 Jan 15:04"))
		}
	}
	// Output: Mon 28 Dec 08:00
}

// A window is a value that a program can ask too: when may the next email to a contact leave?
func ExampleWindow_Next() {
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(err)
	day := automation.Window{Hours: []automation.Hours{
		{From: automation.MustParseLocalTime("09:00"), To: automation.MustParseLocalTime("17:00")},
	}, Except: []automation.Date{automation.MustParseDate("2026-12-25")}}
	evening := time.Date(2026, time.December, 24, 20, 0, 0, 0, berlin)
	fmt.Println(day.Next(evening, berlin).Format(time.DateTime))
	// Output: 2026-12-26 09:00:00
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

// Rules of entry keep an event from starting a run. ListDecisions has the reason.
func ExampleEntry() {
	ctx, mailer := context.Background(), capture.New()
	runner, err := automation.New(memory.New(), mailer, automation.Options{})
	must(err)
	cart := automation.Automation{ID: "cart", Name: "Cart", Steps: []automation.Step{
		{Key: "left", Config: automation.Trigger{EventName: "cart.left"}},
		{Key: "wait", Config: automation.Delay{Duration: automation.MustParseDuration("4 hours")}},
	}, Connections: []automation.Connection{{From: "left", To: "wait"}}}
	cart.Entry = &automation.Entry{
		Triggers:     []automation.EntryTrigger{{EventName: "cart.saved"}},
		FilterRule:   automation.Field("event.total").Gt(0),
		AudienceRule: automation.Not(automation.Field("contact.segments").Contains("staff")),
		Reentry: automation.Reentry{
			Key: "event.cart_id", WhileRunning: automation.ReentryRestart,
			Limit: 3, Per: automation.MustParseDuration("30 days"),
		},
	}
	_, err = runner.Apply(ctx, cart)
	must(err)
	receipts, err := runner.Send(ctx, automation.Event{
		Name: "cart.left", Email: "ada@example.com", Payload: automation.Payload(map[string]any{"cart_id": 7, "total": 0}),
	})
	must(err)
	_, err = runner.Drain(ctx)
	must(err)
	eventID := receipts[0].ID
	decisions, err := runner.ListDecisions(ctx, eventID)
	must(err)
	fmt.Println(decisions[0].AutomationID, decisions[0].Code)
	// Output: cart trigger_filter
}

// An exit ends a run wherever it is. Run.Exit has the reason.
func ExampleExit() {
	ctx, mailer := context.Background(), capture.New()
	runner, err := automation.New(memory.New(), mailer, automation.Options{})
	must(err)
	_, err = runner.Apply(ctx, automation.Automation{ID: "reminders", Name: "Payment reminders", Steps: []automation.Step{
		{Key: "placed", Config: automation.Trigger{EventName: "order.placed"}},
		{Key: "day", Config: automation.Delay{Duration: automation.MustParseDuration("1 day")}},
		{Key: "first", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "please-pay"}}},
	}, Connections: []automation.Connection{{From: "placed", To: "day"}, {From: "day", To: "first"}}, Exit: &automation.Exit{
		Events:    []automation.Listener{{Name: "paid", EventName: "order.paid", Match: []automation.Match{{Event: "order_id"}}}},
		WhileRule: automation.Field("contact.properties.blocked").Neq(true),
		MaxAge:    automation.MustParseDuration("14 days"),
	}})
	must(err)
	for _, name := range []string{"order.placed", "order.paid"} {
		_, err = runner.Send(ctx, automation.Event{
			Name: name, Email: "ada@example.com", Payload: automation.Payload(map[string]int{"order_id": 7}),
		})
		must(err)
		_, err = runner.Drain(ctx)
		must(err)
	}
	page, err := runner.ListRuns(ctx, automation.RunQuery{})
	must(err)
	run := page.Data[0]
	fmt.Println(run.Status, run.Exit.Reason, run.Exit.Name, run.Exit.Step)
	// Output: completed event paid day
}
