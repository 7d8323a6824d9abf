// Command signup is a web application that creates a user and the event that starts the
// welcome series in one transaction: either both exist or neither does.
//
//	go run ./examples/signup                             # all data in the file signup.db
//	go run ./examples/signup -postgres "$DATABASE_URL"   # all data in your Postgres
//	curl -d email=ada@example.com -d plan=pro localhost:8080/signup
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/log"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	addr := flag.String("addr", "localhost:8080", "`address` to listen at")
	file := flag.String("sqlite", "signup.db", "`file` of the SQLite database")
	url := flag.String("postgres", "", "`URL` of a Postgres database, in place of the file")
	flag.Parse()
	if err := run(ctx, *addr, *file, *url); err != nil {
		fmt.Fprintln(os.Stderr, "signup:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, addr, file, url string) error {
	db, err := open(ctx, file, url)
	if err != nil {
		return err
	}
	defer db.close()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Printf("Listening. Try: curl -d email=ada@example.com -d plan=pro http://%s/signup\n", listener.Addr())
	return serve(ctx, db, log.New(os.Stdout), listener)
}

// serve runs the automations and the web server side by side.
func serve(ctx context.Context, db *database, mailer automation.Mailer, listener net.Listener) error {
	runner, err := automation.New(db.store, mailer, automation.Options{Logger: slog.Default()})
	if err != nil {
		return err
	}
	if _, err := runner.Apply(ctx, welcome); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{Handler: routes(db), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() {
		defer cancel() // without the web server there is nothing to run for
		served <- server.Serve(listener)
	}()
	running := runner.Run(ctx)
	// Requests first: what they send is kept, and handled by the next start.
	stopping, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	err = errors.Join(server.Shutdown(stopping), <-served)
	if !errors.Is(running, context.Canceled) {
		err = errors.Join(err, running)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// welcome greets a new user, and sends tips to a user on the pro plan.
var welcome = automation.Automation{
	ID: "welcome", Name: "Welcome", Status: automation.StatusEnabled,
	Steps: []automation.Step{
		{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
		{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{
			ID: "hello", Variables: map[string]automation.Value{"PLAN": automation.Var("event.plan")},
		}}},
		{Key: "is_pro", Config: automation.Condition{Rule: automation.Field("event.plan").Eq("pro")}},
		{Key: "pro_tips", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "pro-tips"}}},
	},
	Connections: []automation.Connection{
		{From: "signup", To: "hello"},
		{From: "hello", To: "is_pro"},
		{From: "is_pro", To: "pro_tips", Type: automation.ConnectionConditionMet},
	},
}
