// Package temporal runs automations on a Temporal cluster instead of one database that claims.
// Events, runs in progress and their timers are in workflows. The flows, mailers, custom steps,
// HTTP API and dashboard of an application stay as they are.
//
//	store, err := temporal.New(ctx, c, catalog, temporal.Options{})
//	runner, err := automation.New(store, mailer, automation.Options{})
//	err = temporal.NewWorker(store, runner, temporal.WorkerOptions{}).Run(ctx) // instead of runner.Run
//
// The catalog is any Store that is an automation.Projector. It keeps automations, definitions,
// contacts and segments, and copies of events and runs, from which these are read and listed. A
// worker writes the copies a moment later.
//
// # How it works
//
// Each contact has a workflow while a run of it is in progress. Send signals it, and starts it if
// it does not run. The workflow gives what happens to one local activity for each turn, which calls
// Runner.Plan, and the history has the result. So a newer release replays older histories without
// planning again. An effect is an activity with one attempt, which is scheduled in the workflow task
// that writes the turn. If its worker is lost, the outcome is unknown, and the flow decides as
// Delivery promises. Sleeping runs wait for a timer of the workflow, and the history stays short
// because the workflow continues as new.
package temporal
