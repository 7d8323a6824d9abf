// Welcome plays email automations from JSON files against a file of events, and
// prints a timeline. A week takes a moment, because the clock jumps to the next due time.
//
//	go run ./examples/welcome                         # the welcome series
//	go run ./examples/welcome -flow all               # with the other two flows
//	go run ./examples/welcome my.json my.jsonl        # your own
//	go run ./examples/welcome -real -speed 86400      # a day a second
//	go run ./examples/welcome -store welcome.db       # state in a file
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
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

const usage = `usage: welcome [flags] [automation.json ...] [events.jsonl ...]

Plays automations against events and prints the timeline. Files given as
arguments take the place of the shipped ones.

`

// options are the options of the command line.
type options struct {
	flow  string
	real  bool
	speed float64
	start time.Time
	store string
	files []string
}

// run runs the program and returns its exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parseArgs(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		return exitUsage
	}
	if err := playFiles(ctx, opts, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	return exitOK
}

// playFiles plays the files of the options.
func playFiles(ctx context.Context, o options, stdout, stderr io.Writer) error {
	st, err := open(ctx, &o)
	if err != nil {
		return err
	}
	s, err := load(o)
	if err == nil {
		fmt.Fprint(stderr, s.warnings(), st.continues(o, len(s.lines)))
		err = play(ctx, s, st, o, stdout)
	}
	return errors.Join(err, st.close())
}

// parseArgs parses the command line. It prints a mistake and the usage before it returns
// an error.
func parseArgs(args []string, stderr io.Writer) (options, error) {
	var o options
	var start string
	flags := flag.NewFlagSet("welcome", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.flow, "flow", "welcome", "which of the shipped `flow`s to play: "+strings.Join(flowNames(), ", "))
	flags.BoolVar(&o.real, "real", false, "use the real time, from now on, instead of jumping")
	flags.Float64Var(&o.speed, "speed", 1, "with -real, how many `times` faster than real time passes; 86400 is a day a second")
	flags.StringVar(&start, "start", "2026-01-05T09:00:00Z", "without -real, the `time` at which the scene begins")
	flags.StringVar(&o.store, "store", "", "keep all state in this SQLite `file`, and continue from there the next time; default in memory")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.files = flags.Args()
	err := o.check(start)
	if err != nil {
		fmt.Fprintln(stderr, "welcome:", err)
		flags.Usage()
	}
	return o, err
}

func (o *options) check(start string) (err error) {
	if o.start, err = time.Parse(time.RFC3339, start); err != nil {
		return fmt.Errorf("-start %q is not a time such as 2026-01-05T09:00:00Z", start)
	}
	if o.real {
		o.start = time.Now().Truncate(time.Second)
	}
	if o.speed <= 0 || o.speed > 1e6 {
		return fmt.Errorf("-speed %g must be more than 0 and at most 1000000", o.speed)
	}
	if !slices.Contains(flowNames(), o.flow) {
		return fmt.Errorf("-flow %q is none of %s", o.flow, strings.Join(flowNames(), ", "))
	}
	for _, path := range o.files {
		if ext := filepath.Ext(path); ext != extAutomation && ext != extEvents {
			return fmt.Errorf("%s: the name ends neither in %s, as automations do, nor in %s, as events do", path, extAutomation, extEvents)
		}
	}
	return nil
}

func flowNames() []string {
	var names []string
	for _, f := range shipped {
		names = append(names, f.name)
	}
	return append(names, allFlows)
}
