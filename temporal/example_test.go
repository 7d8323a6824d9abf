package temporal_test

import (
	"context"
	"os"
	"os/signal"

	"go.temporal.io/sdk/client"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/temporal"
)

// A process that sends events and works. In production the catalog is a database, and the mailer
// sends emails.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c, err := client.Dial(client.Options{HostPort: "localhost:7233"})
	check(err)
	defer c.Close()

	catalog, mailer := memory.New(), capture.New()
	store, err := temporal.New(ctx, c, catalog, temporal.Options{})
	check(err)
	runner, err := automation.New(store, mailer, automation.Options{})
	check(err)
	worker := temporal.NewWorker(store, runner, temporal.WorkerOptions{})
	done := make(chan error)
	go func() { done <- worker.Run(ctx) }()

	_, err = runner.CreateAutomation(ctx, flow(email("welcome")))
	check(err)
	_, err = runner.Send(ctx, automation.Event{Name: "signup", Email: "ada@example.com"})
	check(err)
	<-done
}
