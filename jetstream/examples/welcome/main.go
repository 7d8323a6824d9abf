// Welcome runs a welcome series on a cluster of processes, each a NATS server and a worker, kills
// one of them, and shows that the emails go on.
//
//	go run ./examples/welcome              # three nodes
//	go run ./examples/welcome -nodes 1     # one: nothing goes on until it is started again
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// The exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// options are the options of the command line.
type options struct {
	nodes int
	rate  int
	phase time.Duration
}

// run runs the program, or a node if the program has started this process as one, and returns the
// exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var err error
	if text := os.Getenv(nodeVariable); text != "" {
		err = runNode(ctx, text, stdout)
	} else {
		var o options
		if o, err = parseArgs(args, stderr); errors.Is(err, flag.ErrHelp) {
			return exitOK
		} else if err != nil {
			return exitUsage
		}
		err = play(ctx, o, stdout)
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(stderr, "welcome:", err)
		return exitFailed
	}
	return exitOK
}

// parseArgs parses the command line. It prints a mistake before it returns an error.
func parseArgs(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("welcome", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.nodes, "nodes", 3, "how many processes, each a server and a worker: 1, 3 or 5")
	flags.IntVar(&o.rate, "rate", 40, "how many people sign up in a second")
	flags.DurationVar(&o.phase, "phase", 5*time.Second, "how long to show what happens, before and after the kill and the restart")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var err error
	switch {
	case o.nodes != 1 && o.nodes != 3 && o.nodes != 5:
		err = fmt.Errorf("-nodes %d is none of 1, 3 and 5", o.nodes)
	case o.rate < 1 || o.rate > 1000:
		err = fmt.Errorf("-rate %d must be between 1 and 1000", o.rate)
	case o.phase <= 0:
		err = fmt.Errorf("-phase %s must be more than 0", o.phase)
	case flags.NArg() > 0:
		err = fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(stderr, "welcome:", err)
		flags.Usage()
	}
	return o, err
}
