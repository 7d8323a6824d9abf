package world

import (
	"fmt"

	"github.com/seed-b636437c/automation"
)

// Flow returns an enabled automation: a trigger "start", and steps that follow one
// another. The connection after a condition is condition_met, all others are default
// connections. The name of the automation is its id, or "Flow" if id is empty.
func Flow(id, event string, steps ...automation.Step) automation.Automation {
	a := automation.Automation{
		ID: id, Name: id, Status: automation.StatusEnabled,
		Steps:       []automation.Step{{Key: "start", Config: automation.Trigger{EventName: event}}},
		Connections: []automation.Connection{},
	}
	if id == "" {
		a.Name = "Flow"
	}
	for _, s := range steps {
		last := a.Steps[len(a.Steps)-1]
		c := automation.Connection{From: last.Key, To: s.Key}
		if last.Config.StepType() == automation.TypeCondition {
			c.Type = automation.ConnectionConditionMet
		}
		a.Connections = append(a.Connections, c)
		a.Steps = append(a.Steps, s)
	}
	return a
}

// Email returns a step that sends the template with the id key.
func Email(key string) automation.Step {
	return automation.Step{Key: key, Config: automation.SendEmail{Template: automation.TemplateRef{ID: key}}}
}

// Pause returns a delay.
func Pause(key, duration string) automation.Step {
	return automation.Step{Key: key, Config: automation.Delay{Duration: automation.MustParseDuration(duration)}}
}

// Wait returns a wait for an event without a timeout.
func Wait(key, event string) automation.Step {
	return automation.Step{Key: key, Config: automation.WaitForEvent{EventName: event}}
}

// WaitUpTo returns a wait for an event with a timeout.
func WaitUpTo(key, event, timeout string) automation.Step {
	return automation.Step{Key: key, Config: automation.WaitForEvent{
		EventName: event, Timeout: automation.MustParseDuration(timeout),
	}}
}

// LookBack returns a wait with a timeout and with lookback.
func LookBack(key, event, timeout string) automation.Step {
	return automation.Step{Key: key, Config: automation.WaitForEvent{
		EventName: event, Timeout: automation.MustParseDuration(timeout), Lookback: true,
	}}
}

// SetFirstName returns a step "name" that changes the contact's first name.
func SetFirstName(name string) automation.Step {
	return automation.Step{Key: "name", Config: automation.ContactUpdate{FirstName: automation.String(name)}}
}

// Signup returns an event "signup" for an email.
func Signup(email string) automation.Event {
	return automation.Event{Name: "signup", Email: email}
}

// Signups returns an event "signup" for each of n emails.
func Signups(n int) []automation.Event {
	events := make([]automation.Event, n)
	for i := range events {
		events[i] = Signup(fmt.Sprintf("%d@example.com", i))
	}
	return events
}

// ForAda returns an event for ada@example.com. A nil payload means none.
func ForAda(name string, payload any) automation.Event {
	return automation.Event{Name: name, Email: "ada@example.com", Payload: automation.Payload(payload)}
}
