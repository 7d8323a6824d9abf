package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/template"
)

// sampleFlows are the automations that a new server has, so that there is something to look
// at. Their days are minutes.
//
//go:embed sample/*.json
var sampleFlows embed.FS

// sampleEmails are the templates of the sample flows, and of the flows in README.md and in
// docs/getting-started.md: alias, subject and text. The name of each is its alias in words.
var sampleEmails = [][3]string{
	{"hello", "Hello, {{{FIRST_NAME|friend}}}", "Good that you are here."},
	{"nudge", "How is it going?", "Three days are over. Reply to this email if anything is missing."},
	{"reminder", "Your setup is almost done", "One more step, and you can begin."},
	{"welcome", "Welcome to Acme, {{{FIRST_NAME|friend}}}", "You are on the {{{PLAN|free}}} plan. Finish your setup whenever you like."},
	{"finish-setup", "Finish your setup", "It takes two minutes: choose a name for your project."},
	{"pro-tips", "Three things that Pro can do", "Segments, webhooks, and a person who answers."},
	{"upgrade-offer", "What you get with Pro", "Thirty days for free, if you want to see more."},
	{"check-in", "Can we help?", "Reply to this email: a person reads it."},
	{"team-guide", "Bring your {{{SEATS}}} people along", "Invite your team, and give everyone a role."},
	{"solo-tips", "Five minutes well spent", "Start with one project. The rest can wait."},
	{"last-day", "Your trial ends today", "Choose a plan to keep your projects."},
	{"update-card", "Your payment did not go through", "We could not charge {{{AMOUNT}}} euros. Please check your card."},
	{"thanks", "Thank you", "Your payment has arrived."},
	{"last-reminder", "Your account is about to pause", "Please update your card."},
}

// sampleEvents are the definitions of the events of the sample flows.
var sampleEvents = map[string]string{
	"user.created":      `{"plan": "string"}`,
	"setup.done":        `{}`,
	"trial.started":     `{"seats": "number"}`,
	"plan.chosen":       `{"plan": "string"}`,
	"payment.failed":    `{"amount": "number"}`,
	"payment.succeeded": `{"amount": "number"}`,
}

// sample makes the sample flows, their templates and their events, unless there is an
// automation already. It returns the audience of the flows that it made, or nil.
func sample(ctx context.Context, runner *automation.Runner, templates *template.Library) (*audience, error) {
	existing, err := runner.ListAutomations(ctx, automation.AutomationQuery{PageQuery: automation.PageQuery{Limit: 1}})
	if err != nil || len(existing.Data) > 0 {
		return nil, err
	}
	for _, email := range sampleEmails {
		if err := sampleTemplate(templates, email[0], email[1], email[2]); err != nil {
			return nil, err
		}
	}
	for name, schema := range sampleEvents {
		d := automation.EventDefinition{Name: name, Schema: []byte(schema)}
		if _, err := runner.CreateEventDefinition(ctx, d); err != nil && !errors.Is(err, automation.ErrConflict) {
			return nil, err
		}
	}
	segment := automation.Segment{ID: "customers", Name: "Customers"}
	if _, err := runner.CreateSegment(ctx, segment); err != nil && !errors.Is(err, automation.ErrConflict) {
		return nil, err
	}
	return newAudience(runner), sampleAutomations(ctx, runner)
}

// nameOf returns an alias in words: "Team guide" for "team-guide".
func nameOf(alias string) string {
	words := strings.ReplaceAll(alias, "-", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

func sampleTemplate(templates *template.Library, alias, subject, text string) error {
	_, err := templates.Create(template.Template{
		Alias: alias, Name: nameOf(alias), Subject: subject, Status: template.StatusPublished,
		HTML: fmt.Sprintf(`<h1>%s</h1><p>%s</p><p><a href="{{{RESEND_UNSUBSCRIBE_URL}}}">Unsubscribe</a></p>`, subject, text),
	})
	if errors.Is(err, automation.ErrConflict) {
		return nil // a template of an earlier start
	}
	return err
}

func sampleAutomations(ctx context.Context, runner *automation.Runner) error {
	return fs.WalkDir(sampleFlows, "sample", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		document, err := sampleFlows.ReadFile(name)
		if err != nil {
			return err
		}
		a, err := automation.Parse(document, nil)
		if err != nil {
			return err
		}
		_, err = runner.CreateAutomation(ctx, a)
		return err
	})
}
