package browser_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// populate fills the world with automations, contacts and runs in every state, and with
// names that a page must bear.
func (s *site) populate() {
	s.Mailer.Respond = func(_ context.Context, email automation.Email) error {
		if strings.HasPrefix(email.To, "bounce.") {
			return automation.Permanent(errors.New("550 5.1.1 mailbox unavailable: the account that you tried to reach does not exist"))
		}
		return nil
	}
	s.define("signup", `{"plan": "string", "seats": "number"}`)
	s.define("order.paid", `{}`)
	s.Create(welcomeSeries())
	s.Create(everyStep())
	s.fillTemplates()
	s.Create(strange("a/b?c#d", "<script>alert('name')</script>"))
	s.Create(strange("rtl", "مرحبا بك في السلسلة الطويلة جدا من الرسائل"))
	s.Create(strange("emoji", strings.Repeat("👩‍👩‍👧‍👦 a very long name ", 12)))
	s.people()
	s.Pass(time.Hour)
	s.Send(world.ForAda("order.paid", nil))
	s.Pass(5 * 24 * time.Hour)
	s.Send(automation.Event{Name: "signup", Email: "new@example.com", Payload: []byte(`{"plan": "pro", "seats": 5}`)})
	s.Drain()
}

func (s *site) define(name, schema string) {
	_, err := s.CreateEventDefinition(s.Ctx, automation.EventDefinition{Name: name, Schema: []byte(schema)})
	require.NoError(s.T, err)
}

// people sign up.
func (s *site) people() {
	s.AddContact(automation.Contact{ID: "ada", Email: "ada@example.com", FirstName: "Ada", LastName: "Lovelace"})
	s.AddContact(automation.Contact{ID: "script", Email: "script@example.com", FirstName: "<script>alert(1)</script>", LastName: `"'>`})
	s.AddContact(automation.Contact{
		ID: "rtl/1", Email: "rtl@example.com", FirstName: "عبد الرحمن", Unsubscribed: true,
		Properties: map[string]any{"plan": "<b>pro</b>", "seats": 5, "active": true},
	})
	for i := range 60 {
		email := fmt.Sprintf("person%d@example.com", i)
		switch {
		case i%9 == 4:
			email = "bounce." + email
		case i == 1:
			email = "ada@example.com"
		case i == 2:
			email = "rtl@example.com"
		case i == 3:
			email = "script@example.com"
		}
		s.Send(automation.Event{Name: "signup", Email: email, Payload: fmt.Appendf(nil, `{"plan": %q, "seats": %d}`, []string{"free", "pro"}[i%2], i%7)})
	}
	s.Drain()
}

// welcomeSeries is a flow with a wait, a condition and a branch that joins another.
func welcomeSeries() automation.Automation {
	return automation.Automation{
		ID: "welcome", Name: "Welcome series", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "signup", Config: automation.Trigger{EventName: "signup"}},
			world.Email("hello"),
			world.WaitUpTo("wait_for_payment", "order.paid", "3 days"),
			{Key: "is_team", Config: automation.Condition{Rule: automation.Field("event.seats").Gte(3)}},
			world.Email("team_guide"), world.Email("solo_tips"), world.Email("nudge"),
			world.Pause("pause", "4 days"), world.Email("check_in"),
		},
		Connections: []automation.Connection{
			{From: "signup", To: "hello"}, {From: "hello", To: "wait_for_payment"},
			{From: "wait_for_payment", To: "is_team", Type: automation.ConnectionEventReceived},
			{From: "wait_for_payment", To: "nudge", Type: automation.ConnectionTimeout},
			{From: "is_team", To: "team_guide", Type: automation.ConnectionConditionMet},
			{From: "is_team", To: "solo_tips", Type: automation.ConnectionConditionNotMet},
			{From: "team_guide", To: "pause"}, {From: "solo_tips", To: "pause"}, {From: "nudge", To: "pause"},
			{From: "pause", To: "check_in"},
		},
	}
}

// everyStep is a flow with each type of step.
func everyStep() automation.Automation {
	return world.Flow("every", "trial.started",
		world.Email("email"), world.Pause("delay", "1 day 12 hours"), world.WaitUpTo("wait", "order.paid", "3 days"),
		automation.Step{Key: "condition", Config: automation.Condition{Rule: automation.All(
			automation.Field("contact.email").EndsWith("@example.com"),
			automation.Any(automation.Field("event.plan").Eq("pro"), automation.Field("event.seats").Gt(2)),
		)}},
		automation.Step{Key: "update", Config: automation.ContactUpdate{Properties: map[string]automation.Value{"plan": automation.Var("event.plan"), "active": automation.Bool(true)}}},
		automation.Step{Key: "segment", Config: automation.AddToSegment{SegmentID: "customers"}},
		automation.Step{Key: "delete", Config: automation.ContactDelete{}},
	)
}

// strange is a flow with a strange id and name.
func strange(id, name string) automation.Automation {
	a := world.Flow(id, "order.paid", world.Email("<b>"), world.Pause("שלום", "1 day"), world.Email(strings.Repeat("long_key_", 12)))
	a.Name = name
	return a
}

// large is a flow of 150 steps.
func large() automation.Automation {
	steps := []automation.Step{}
	for i := range 149 {
		steps = append(steps, world.Pause(fmt.Sprintf("pause_%d", i), "1 day"))
	}
	return world.Flow("large", "large", steps...)
}
