package world

import (
	"fmt"

	"github.com/seed-b636437c/automation"
)

// Flow returns an enabled automation of a trigger "start" and steps that follow one
// another: a condition leads on when it is met, all other steps by default. Its name
// is its id, or "Flow" if it gets an id when it is created.
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

// Email sends the template that has the step's key.
func Email(key string) automation.Step {
	return automation.Step{Key: key, Config: automation.SendEmail{Template: automation.TemplateRef{ID: key}}}
}

// Pause sleeps.
func Pause(key, duration string) automation.Step {
	return automation.Step{Key: key, Config: automation.Delay{Duration: automation.MustParseDuration(duration)}}
}

// Wait waits for an event, without a time-out.
func Wait(key, event string) automation.Step {
	return automation.Step{Key: key, Config: automation.WaitForEvent{EventName: event}}
}

// WaitUpTo waits for an event until a time-out.
func WaitUpTo(key, event, timeout string) automation.Step {
	return automation.Step{Key: key, Config: automation.WaitForEvent{
		EventName: event, Timeout: automation.MustParseDuration(timeout),
	}}
}

// LookBack waits for an event as WaitUpTo does, and counts events that came earlier.
func LookBack(key, event, timeout string) automation.Step {
	return automation.Step{Key: key, Config: automation.WaitForEvent{
		EventName: event, Timeout: automation.MustParseDuration(timeout), Lookback: true,
	}}
}

// SetFirstName changes the contact's first name, in a step "name".
func SetFirstName(name string) automation.Step {
	return automation.Step{Key: "name", Config: automation.ContactUpdate{FirstName: automation.String(name)}}
}

// Signup is an event "signup" for an email.
func Signup(email string) automation.Event {
	return automation.Event{Name: "signup", Email: email}
}

// Signups are events for n emails.
func Signups(n int) []automation.Event {
	events := make([]automation.Event, n)
	for i := range events {
		events[i] = Signup(fmt.Sprintf("%d@example.com", i))
	}
	return events
}

// ForAda is an event for ada@example.com. Its payload may be nil.
func ForAda(name string, payload any) automation.Event {
	return automation.Event{Name: name, Email: "ada@example.com", Payload: automation.Payload(payload)}
}
