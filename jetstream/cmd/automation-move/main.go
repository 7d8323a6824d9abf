// Automation-move follows the move of an application from its database to the engine on NATS
// JetStream, and begins the move back.
//
//	go run github.com/seed-b636437c/automation/jetstream/cmd/automation-move@latest -h
//
// docs/moving.md describes it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "automation-move:", err)
		os.Exit(1)
	}
}
