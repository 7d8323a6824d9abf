package jetstream_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/jetstream/embedded"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/store/postgres"
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

// The user and the event about the user exist both, or neither does. The engine gets the event when
// the transaction commits.
func Example_transaction() {
	signUp := func(ctx context.Context, tx pgx.Tx, catalog *postgres.Store, runner *automation.Runner, email string) error {
		_, err := tx.Exec(ctx, "INSERT INTO users (email) VALUES ($1)", email)
		if err != nil {
			return err
		}
		_, err = runner.SendTo(ctx, catalog.Tx(tx), automation.Event{Name: "signup", Email: email})
		if err != nil {
			return err
		}
		return tx.Commit(ctx)
	}
	_ = signUp
}

// A process that goes on with the database after Leave, without a restart. Both Runners have the
// same mailer, custom steps and options.
func ExampleStore_Leave() {
	work := func(ctx context.Context, worker *jetstream.Worker, onDatabase *automation.Runner) error {
		err := worker.Run(ctx)
		if errors.Is(err, jetstream.ErrLeft) {
			err = onDatabase.Run(ctx)
		}
		return err
	}
	_ = work
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
