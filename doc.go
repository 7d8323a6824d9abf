// Package automation runs email automations inside a Go application: on its own
// database, with its own mailer, in its own process.
//
// An automation is a graph of steps joined by connections. An event that the
// application sends for a contact starts a run of every enabled automation whose
// trigger names it. Automations, their JSON and their behaviour follow those
// that Resend documents, so that a flow written for one runs in the other.
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
// Nothing runs until Runner.Run or Runner.Drain is called. Run works in the
// background of the calling goroutine until its context ends; Drain does what is
// due now and returns, which is what tests, simulations and cron jobs want. Any
// number of Runners, in any number of processes, can work on one Store: each
// contact is leased to one of them at a time.
//
// # What survives a crash
//
// Everything that the Store keeps: when Send has returned, the event will be
// handled, and when a step has been recorded, it will not be executed again. The
// memory store keeps nothing; the others are as durable as their database.
//
// # How often a step can execute
//
// A step that changes a contact kept in the Store commits together with that
// change: exactly once. An email or a custom step leaves the process, and a crash
// between the effect and its record leaves its outcome unknown. It is then
// repeated with the same idempotency key, so that it happens exactly once where
// the receiver honours keys and at least once elsewhere; or, where AtMostOnce is
// chosen, the step fails with the code "unknown" and is not repeated.
//
// # How to stop
//
// End the context of Run. It claims nothing more, lets effects in flight finish
// for Options.ShutdownTimeout, records what became of them, and returns with
// nothing leased. Stopping spends no attempt of any step.
//
// # How to test
//
// Package automationtest runs flows under a fake clock, a month in milliseconds,
// with assertions on emails, steps, branches and contacts. A host that has its
// own harness gives the Runner a clock.NewMock() of github.com/benbjohnson/clock
// and calls Drain.
package automation
