package main

import "github.com/seed-b636437c/automation"

// series welcomes a new user, sends tips after the setup is done, and a reminder if it is
// not done in time.
var series = automation.Automation{
	ID: "welcome", Name: "Welcome series", Status: automation.StatusEnabled,
	Steps: []automation.Step{
		{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
		{Key: "welcome", Config: automation.SendEmail{Template: automation.TemplateRef{
			ID: "welcome", Variables: map[string]automation.Value{"PLAN": automation.Var("event.plan")},
		}}},
		{Key: "setup", Config: automation.WaitForEvent{
			EventName: "setup.done", Timeout: automation.MustParseDuration("3 days"),
		}},
		{Key: "tips", Config: automation.SendEmail{Template: automation.TemplateRef{
			ID: "tips", Variables: map[string]automation.Value{"MINUTES": automation.Var("wait_events.setup.done.minutes")},
		}}},
		{Key: "reminder", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "reminder"}}},
		{Key: "pause", Config: automation.Delay{Duration: automation.MustParseDuration("4 days")}},
		{Key: "check_in", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "check-in"}}},
	},
	Connections: []automation.Connection{
		{From: "signup", To: "welcome"},
		{From: "welcome", To: "setup"},
		{From: "setup", To: "tips", Type: automation.ConnectionEventReceived},
		{From: "setup", To: "reminder", Type: automation.ConnectionTimeout},
		{From: "reminder", To: "pause"},
		{From: "pause", To: "check_in"},
	},
}
