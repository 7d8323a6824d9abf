// Package automation runs email automations inside a Go application: on its own
// database, with its own mailer, in its own process.
//
// An automation is a graph of steps joined by connections. When the application
// sends an event for a contact, every enabled automation whose trigger names that
// event starts a run. Automations, their JSON and their behaviour follow Resend's
// documentation: a flow written for either one runs in the other.
//
//	runner, err := automation.New(store, mailer, automation.Options{})
//	if err != nil {
//		return err
//	}
//	if _, err := runner.Apply(ctx, welcome); err != nil {
//		return err
//	}
//	go runner.Run(ctx)
//	…
//	runner.Send(ctx, automation.Event{Name: "user.created", Email: "ada@example.com"})
//
// # What runs
//
// Nothing runs until the application calls Runner.Run or Runner.Drain. Run blocks,
// and works until its context ends. Drain does the work that is due now and
// returns, which suits tests, simulations and cron jobs. Any number of Runners, in
// any number of processes, can work on one Store: each contact is leased to one of
// them at a time.
//
// # What survives a crash
//
// Everything in the Store survives. Once Send returns, a Runner will handle the
// event. Once the outcome of a step is recorded, no Runner executes the step again.
// The memory store loses everything with its process. The other stores are as
// durable as their database.
//
// # How often a step can execute
//
// A step that changes a contact of the Store commits together with the change, so
// it executes exactly once. The effect of an email or a custom step leaves the
// process, and a crash between the effect and its record leaves the outcome
// unknown. By default a Runner then repeats the effect with the same idempotency
// key: the effect happens exactly once where the receiver honours keys, and at
// least once elsewhere. Under AtMostOnce the step fails with the code "unknown",
// and its effect is not repeated.
//
// # How to stop
//
// End the context of Run. Run then claims nothing more, gives the effects in flight
// Options.ShutdownTimeout to finish, records their outcomes, and returns without a
// lease. Stopping spends no attempt of any step.
//
// # How to test
//
// Package automationtest runs flows under a fake clock, a month in milliseconds,
// with assertions on emails, steps, branches and contacts. A host with a test
// harness of its own gives the Runner a clock.NewMock() of
// github.com/benbjohnson/clock and calls Drain.
package automation
