package automation_test

import (
	"context"
	"fmt"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// Score is the config of a custom step.
type Score struct{}

func (Score) StepType() automation.StepType { return "acme.score" }

// A dashboard or a tool shows runs without the step types of the application.
func ExampleRunner_GetRun() {
	ctx := context.Background()
	store := memory.New() // in production, a database that both processes open
	reg := automation.NewRegistry()
	automation.Handle(reg, func(context.Context, automation.Call, Score) (automation.Result, error) {
		return automation.Result{Output: map[string]any{"score": 7}}, nil
	}, automation.StepOptions{})
	app, err := automation.New(store, capture.New(), automation.Options{Registry: reg})
	if err != nil {
		panic(err)
	}
	_, err = app.Apply(ctx, automation.Automation{
		ID: "scoring", Name: "Scoring", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "score", Config: Score{}},
		},
		Connections: []automation.Connection{{From: "signup", To: "score"}},
	})
	if err != nil {
		panic(err)
	}
	if _, err := app.Send(ctx, automation.Event{Name: "user.created", Email: "ada@example.com"}); err != nil {
		panic(err)
	}
	if _, err := app.Drain(ctx); err != nil {
		panic(err)
	}

	dashboard, err := automation.New(store, capture.New(), automation.Options{})
	if err != nil {
		panic(err)
	}
	runs, err := dashboard.ListRuns(ctx, automation.RunQuery{AutomationID: "scoring"})
	if err != nil {
		panic(err)
	}
	run, err := dashboard.GetRun(ctx, runs.Data[0].ID)
	if err != nil {
		panic(err)
	}
	for _, step := range run.Steps {
		fmt.Printf("%s: %s, %s, output %q\n", step.Key, step.Type, step.Status, step.Output)
	}
	// Output:
	// signup: trigger, completed, output ""
	// score: acme.score, completed, output "{\"score\":7}"
}
