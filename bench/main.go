// Command bench compares this library with its peers, on this machine: with River,
// DBOS Transact and go-workflows, and with the same rows written by hand. README.md
// describes how to run it and how to read its output.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/seed-b636437c/automation/jetstream/embedded"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := dispatch(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// dispatch runs the program, or a child that the program started.
func dispatch(ctx context.Context) error {
	as := os.Getenv(role)
	if as == "" {
		o, err := parse(os.Args[1:])
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		if err != nil {
			return err
		}
		return compare(ctx, o, os.Stdout, os.Stderr)
	}
	name, text, _ := strings.Cut(as, "{")
	text = "{" + text
	if name == "nats" {
		var o embedded.Options
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			return err
		}
		return beServer(o, os.Stdin, os.Stdout)
	}
	var c cell
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	if name == "node" {
		return beNode(ctx, c, os.Stdin, os.Stdout)
	}
	results, err := c.run(ctx)
	return errors.Join(err, json.NewEncoder(os.Stdout).Encode(results))
}

// defaultTimeout is how long a cell may take.
const defaultTimeout = 5 * time.Minute

// options are the flags.
type options struct {
	works, engines, stores []string // empty means all
	scale                  float64
	rounds                 int
	out, profiles          string
	timeout                time.Duration
	rate                   float64 // 0 means half of the rate of w1
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	works := flags.String("work", "", "works to do, such as w1,w3 (default all)")
	engines := flags.String("engines", "", "engines, such as automation,river (default all)")
	stores := flags.String("stores", "", "stores of the engines, such as postgres, and none for w6 (default all)")
	flags.Float64Var(&o.scale, "scale", 1, "multiplies the numbers of runs")
	flags.IntVar(&o.rounds, "rounds", 3, "how often everything is done")
	flags.StringVar(&o.out, "out", "", "file for the figures of all rounds, as benchstat reads them")
	flags.StringVar(&o.profiles, "profile", "", "folder for profiles of w1 and w2, which cost a few percent")
	flags.DurationVar(&o.timeout, "timeout", defaultTimeout, "how long one engine may take for one work")
	flags.Float64Var(&o.rate, "rate", 0, "runs a second that w8 starts (default half of what w1 has measured)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.works, o.engines, o.stores = names(*works), names(*engines), names(*stores)
	if o.scale <= 0 || o.rounds < 1 || o.rate < 0 || flags.NArg() > 0 {
		return o, errors.New("bench: -scale and -rounds must be positive, -rate must not be negative, and there are no arguments")
	}
	return o, errors.Join(known("work", o.works, allWorks()), known("engine", o.engines, allEngines()), known("store", o.stores, allStores()))
}

// wants reports whether the flags select a contestant.
func (o options) wants(c contestant) bool { return has(o.engines, c.Engine) && has(o.stores, c.Store) }

// known returns an error for an unknown name.
func known(kind string, given, all []string) error {
	for _, name := range given {
		if !slices.Contains(all, name) {
			return fmt.Errorf("bench: there is no %s %q, only %s", kind, name, strings.Join(all, ", "))
		}
	}
	return nil
}

func allWorks() []string {
	var all []string
	for _, w := range works {
		all = append(all, w.name)
	}
	return all
}

func allEngines() []string { return distinct(func(c contestant) string { return c.Engine }) }

func allStores() []string {
	return append(distinct(func(c contestant) string { return c.Store }), onNone)
}

// distinct returns a name of each contestant, each name once.
func distinct(name func(contestant) string) []string {
	var all []string
	for _, c := range contestants() {
		if n := name(c); !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

func names(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

// has reports whether a list contains a name. An empty list contains all names.
func has(list []string, name string) bool {
	return len(list) == 0 || slices.Contains(list, name)
}
