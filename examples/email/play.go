package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/memory"
)

// app is an application with automations, on a clock that play moves.
type app struct {
	runner *automation.Runner
	store  *memory.Store
	clock  *clock.Mock
}

func newApp(ctx context.Context, mailer automation.Mailer) (*app, error) {
	a := &app{store: memory.New(), clock: clock.NewMock()}
	a.clock.Set(monday)
	var err error
	if a.runner, err = automation.New(a.store, mailer, automation.Options{Clock: a.clock}); err != nil {
		return nil, err
	}
	if problems, err := a.runner.ValidateAutomation(ctx, series); err != nil || len(problems) > 0 {
		return nil, fmt.Errorf("%v%w", problems, err)
	}
	_, err = a.runner.Apply(ctx, series)
	return a, err
}

var monday = time.Date(2026, time.November, 30, 9, 0, 0, 0, time.UTC)

// scene is an action on one day of the week.
type scene struct {
	day  int
	what string
	do   func(ctx context.Context) error
}

// play plays a week of two people: Ben finishes his setup, Ada does not and unsubscribes.
func play(ctx context.Context, a *app, p *post, pg *page, stdout io.Writer) error {
	ada := automation.Contact{ID: "ada", Email: "ada@example.com", FirstName: "Ada"}
	ben := automation.Contact{ID: "ben", Email: "ben@example.com", FirstName: "Ben"}
	if p.to != "" {
		ada.Email, ben.Email = p.to, plus(p.to)
	}
	for _, c := range []automation.Contact{ada, ben} {
		if _, err := a.runner.CreateContact(ctx, c); err != nil {
			return err
		}
	}
	send := func(e automation.Event) func(context.Context) error {
		return func(ctx context.Context) error { _, err := a.runner.Send(ctx, e); return err }
	}
	for _, s := range []scene{
		{0, "Ada signs up", send(automation.Event{Name: "user.created", ContactID: ada.ID, Payload: []byte(`{"plan":"pro"}`)})},
		{1, "Ben signs up", send(automation.Event{Name: "user.created", ContactID: ben.ID, Payload: []byte(`{}`)})},
		{2, "Ben has set everything up", send(automation.Event{Name: "setup.done", ContactID: ben.ID, Payload: []byte(`{"minutes":7}`)})},
		{3, "Ada has not, and gets a reminder", func(context.Context) error { return nil }},
		{4, "Ada unsubscribes with one click", func(context.Context) error { return pg.click(ada) }},
		{7, "Ada's last email is skipped", func(context.Context) error { return nil }},
	} {
		if err := a.advance(ctx, s, stdout); err != nil {
			return err
		}
	}
	return a.report(ctx, stdout, ada, ben)
}

// advance moves the clock to a scene, plays it, and performs the work that is due.
func (a *app) advance(ctx context.Context, s scene, stdout io.Writer) error {
	a.clock.Set(monday.AddDate(0, 0, s.day))
	fmt.Fprintf(stdout, "%s: %s.\n\n", a.clock.Now().Weekday(), s.what)
	if err := s.do(ctx); err != nil {
		return err
	}
	_, err := a.runner.Drain(ctx)
	return err
}

// report prints the outcome of each step.
func (a *app) report(ctx context.Context, stdout io.Writer, people ...automation.Contact) error {
	for _, c := range people {
		page, err := a.runner.ListRuns(ctx, automation.RunQuery{ContactID: c.ID})
		if err != nil {
			return err
		}
		for _, listed := range page.Data {
			r, err := a.runner.GetRun(ctx, listed.ID)
			if err != nil {
				return err
			}
			fmt.Fprintf(stdout, "The run of %s is %s:\n", c.FirstName, r.Status)
			for _, s := range r.Steps {
				fmt.Fprintln(stdout, strings.TrimRight(fmt.Sprintf("  %-9s %-10s %s", s.Key, s.Status, detail(s)), " "))
			}
			fmt.Fprintln(stdout)
		}
	}
	return nil
}

// detail returns more about a step than its status: its error, why it was skipped, or its
// branch.
func detail(s automation.StepRun) string {
	var skipped struct{ Reason string }
	if s.Error != nil {
		return s.Error.Message
	}
	if json.Unmarshal(s.Output, &skipped) == nil && skipped.Reason != "" {
		return skipped.Reason
	}
	return string(s.Branch)
}

// plus returns a second address of the same mailbox: name+ben@host.
func plus(address string) string {
	name, host, _ := strings.Cut(address, "@")
	return name + "+ben@" + host
}
