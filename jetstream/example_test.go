package jetstream_test

import (
	"context"
	"fmt"
	"os"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/jetstream/embedded"
	"github.com/seed-b636437c/automation/store/memory"
)

// One server inside the process, for development. In production the catalog is a database, and
// the server is one of three.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	dir, err := os.MkdirTemp("", "nats")
	check(err)
	defer os.RemoveAll(dir)
	server, err := embedded.Start(embedded.Options{Dir: dir})
	check(err)
	defer server.Close()
	nc, err := server.Connect()
	check(err)
	defer nc.Close()

	catalog := memory.New()
	store, err := jetstream.New(ctx, nc, catalog, jetstream.Options{SyncedByHost: true})
	check(err)
	sent := make(chan string, 1)
	mailer := mailerFunc(func(e automation.Email) { sent <- e.TemplateID + " to " + e.To })
	runner, err := automation.New(store, mailer, automation.Options{})
	check(err)
	worker := jetstream.NewWorker(store, runner, jetstream.WorkerOptions{})
	done := make(chan error)
	go func() { done <- worker.Run(ctx) }()

	_, err = runner.CreateAutomation(ctx, flow(email("welcome")))
	check(err)
	_, err = runner.Send(ctx, automation.Event{Name: "signup", Email: "ada@example.com"})
	check(err)
	fmt.Println(<-sent)
	stop()
	fmt.Println(<-done)
	// Output:
	// welcome to ada@example.com
	// context canceled
}

// mailerFunc is a Mailer that hands emails to a function.
type mailerFunc func(automation.Email)

func (m mailerFunc) SendEmail(_ context.Context, e automation.Email) (string, error) {
	m(e)
	return e.IdempotencyKey, nil
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
