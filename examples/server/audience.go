package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
)

// audience simulates people who sign up, so that there is something to watch. It is bounded:
// after audienceSize people nothing happens any more.
type audience struct {
	runner *automation.Runner
	random *rand.Rand
	people int
}

const (
	audienceSize  = 300
	audienceFirst = 40 // people who come at once
	audiencePace  = 4 * time.Second
)

// bounces is the domain whose addresses the printer refuses, as mail servers refuse unknown
// mailboxes.
const bounces = "bounce.example"

var firstNames = strings.Fields("Ada Grace Linus Margaret Alan Barbara Edsger Frances Donald Radia Ken Sophie Guido Hedy Dennis Katherine Niklaus Anita")

// newAudience returns an audience that does the same at every first start.
func newAudience(runner *automation.Runner) *audience {
	return &audience{runner: runner, random: rand.New(rand.NewPCG(1, 2))}
}

// come lets people come until ctx ends. A nil audience has no people.
func (a *audience) come(ctx context.Context) error {
	if a == nil {
		return nil
	}
	for range audienceFirst {
		if err := a.one(ctx); err != nil {
			return err
		}
	}
	ticker := time.NewTicker(audiencePace)
	defer ticker.Stop()
	for a.people < audienceSize {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := a.one(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// one lets one person come, and one who came before go on.
func (a *audience) one(ctx context.Context) error {
	a.people++
	events := a.arrival(a.people)
	if earlier := a.random.IntN(a.people) + 1; a.people > audienceFirst && earlier != a.people {
		events = append(events, a.progress(earlier))
	}
	_, err := a.runner.Send(ctx, events...)
	if ctx.Err() != nil {
		return nil // the server stops
	}
	return err
}

// arrival returns what a new person does.
func (a *audience) arrival(n int) []automation.Event {
	plan := "free"
	if n%3 == 0 {
		plan = "pro"
	}
	events := []automation.Event{{Name: "user.created", Email: address(n), Payload: []byte(fmt.Sprintf(`{"plan": %q}`, plan))}}
	if n%2 == 0 {
		events = append(events, automation.Event{Name: "trial.started", Email: address(n), Payload: []byte(fmt.Sprintf(`{"seats": %d}`, 1+n%7))})
	}
	return events
}

// progress returns what a person does who came before.
func (a *audience) progress(n int) automation.Event {
	if n%4 == 0 {
		return automation.Event{Name: "plan.chosen", Email: address(n), Payload: []byte(`{"plan": "team"}`)}
	}
	return automation.Event{Name: "setup.done", Email: address(n)}
}

// address returns the address of a person. Some do not exist.
func address(n int) string {
	domain := "people.example"
	if n%14 == 5 {
		domain = bounces
	}
	return fmt.Sprintf("%s%d@%s", strings.ToLower(firstNames[n%len(firstNames)]), n, domain)
}
