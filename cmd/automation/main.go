// Automation is the command line tool for operators of automations: it validates flows,
// migrates tables, shows automations, runs, events and contacts, cancels and retries runs,
// stops and starts automations, removes what is old, and diagnoses a database.
//
//	go run github.com/seed-b636437c/automation/cmd/automation@latest help
//	go run github.com/seed-b636437c/automation/cmd/automation@latest validate flow.json
//
// docs/command.md describes it.
package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/seed-b636437c/automation/cmd/automation/internal/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	env := command.Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}
	status := command.Run(ctx, env, os.Args[1:])
	stop()
	os.Exit(status)
}
