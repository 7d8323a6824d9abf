package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/seed-b636437c/automation/internal/pgtest"
)

// compare does the works, round by round, and writes the tables. After an interrupt it
// writes the tables of the results so far. It reports its progress to log.
func compare(ctx context.Context, o options, w, log io.Writer) (err error) {
	c := comparison{options: o, out: io.Discard, log: log, host: &host{}, top: map[string]float64{}}
	if o.profiles != "" {
		if c.profiles, err = filepath.Abs(o.profiles); err != nil {
			return err
		}
		if err := os.MkdirAll(c.profiles, 0o755); err != nil {
			return err
		}
	}
	if o.out != "" {
		file, err := os.Create(o.out)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		c.out = file
	}
	defer c.host.end()
	head(c.out)
	for round := 0; round < o.rounds && err == nil; round++ {
		err = c.round(ctx, round)
	}
	c.explain()
	fmt.Fprintf(w, "%s, %s/%s, %d cores, %s, %s\n", cpu(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), time.Now().Format(time.DateOnly))
	c.table.write(w)
	return err
}

// comparison is a run of the program.
type comparison struct {
	options
	out, log io.Writer
	table    table
	host     *host              // of the server
	server   *pgtest.Server     // nil until a cell needs it
	top      map[string]float64 // the latest runs a second of w1, by contestant
}

// once is the number of runs beyond which a size is measured only in the first round.
const once = 100_000

// round runs each work with each contestant, the contestants in turn.
func (c *comparison) round(ctx context.Context, round int) error {
	for _, work := range works {
		if !c.does(work) {
			continue
		}
		for _, cont := range contestants() {
			for _, nodes := range cont.nodesFor(work.name) {
				cl, ok := c.plan(cont, work.name, nodes, round)
				if !ok {
					continue
				}
				if err := c.measure(ctx, round, cl); err != nil {
					return err
				}
			}
		}
	}
	if !has(c.works, "w6") || !has(c.stores, onNone) {
		return nil
	}
	results, err := w6()
	c.keep(results)
	return err
}

// does reports whether the flags select a work.
func (c *comparison) does(w work) bool {
	return slices.Contains(c.works, w.name) || len(c.works) == 0 && !w.alone
}

// nodesFor returns the numbers of nodes on which a contestant does a work.
func (c contestant) nodesFor(work string) []int {
	if work != "w1" && work != "w14" || c.Nodes == nil {
		return []int{1}
	}
	return c.Nodes
}

// plan returns the cell for a work. w5 needs the runs that w3 makes, so the two share a cell
// if both are done.
func (c *comparison) plan(cont contestant, work string, nodes, round int) (cell, bool) {
	if !c.wants(cont) || cont.Sizes[work] == nil {
		return cell{}, false
	}
	cl := cell{Works: []string{work}, Engine: cont.Engine, Store: cont.Store, Nodes: nodes, Sizes: map[string][]int{}, Timeout: c.timeout, Profiles: c.profiles}
	with5 := has(c.works, "w5") && cont.Sizes["w5"] != nil
	with3 := has(c.works, "w3") && cont.Sizes["w3"] != nil
	if work == "w5" && with3 {
		return cell{}, false
	}
	if work == "w3" && with5 {
		cl.Works = append(cl.Works, "w5")
	}
	for _, w := range cl.Works {
		cl.Sizes[w] = c.sizes(cont.Sizes[w], round)
	}
	if work == "w8" {
		cl.Rate = c.rateFor(cont)
	}
	return cl, true
}

// least is the smallest number of runs of a work.
const least = 4

// rateFor returns half of the rate of w1, or the rate that the flags give.
func (c *comparison) rateFor(cont contestant) float64 {
	if c.rate > 0 {
		return c.rate
	}
	return c.top[cont.name()] / 2
}

// sizes are scaled, and without those that are for the first round.
func (c *comparison) sizes(full []int, round int) []int {
	var sizes []int
	for _, n := range full {
		if round > 0 && n > once {
			n = once
		}
		n = max(least, int(float64(n)*c.scale))
		if !slices.Contains(sizes, n) {
			sizes = append(sizes, n)
		}
	}
	return sizes
}

// measure runs a cell in a child, on a new database and in a new folder. The failure of a
// contestant becomes a note. Only an interrupt ends the comparison.
func (c *comparison) measure(ctx context.Context, round int, cl cell) error {
	began := time.Now()
	fmt.Fprintf(c.log, "round %d  %-6s %-13s %-9s", round+1, strings.Join(cl.Works, "+"), cl.Engine, cl.Store)
	results, err := c.inChild(ctx, cl)
	fmt.Fprintf(c.log, " %6.1f s\n", time.Since(began).Seconds())
	c.keep(results)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		c.table.note("%s on %s failed in round %d: %s", cl.Engine, cl.Store, round+1, err)
		fmt.Fprintln(c.log, "  failed:", err)
	}
	return nil
}

func (c *comparison) inChild(ctx context.Context, cl cell) (results []result, err error) {
	defer func() {
		if failure := recover(); failure != nil {
			err = fmt.Errorf("%v", failure)
		}
	}()
	h := &host{}
	defer h.end()
	if cl.needsPostgres() {
		cl.Postgres = c.database(h)
	}
	if cl.Folder, err = os.MkdirTemp("", "automation-bench-"); err != nil {
		return nil, err
	}
	h.Cleanup(func() { _ = os.RemoveAll(cl.Folder) }) // an error leaves only a temporary folder behind
	ctx, cancel := context.WithTimeout(ctx, c.timeout+grace)
	defer cancel()
	return runChild(ctx, cl)
}

// keep adds results to the table and to the file.
func (c *comparison) keep(results []result) {
	for _, r := range results {
		c.table.add(r)
		if r.Work == "W1" {
			c.top[r.Engine+" on "+r.Store] = r.number("runs/s")
		}
		if r.Note == "" {
			fmt.Fprintln(c.out, r.line())
		}
	}
}

// explain adds to the table what the contestants lack, their versions, and their settings.
func (c *comparison) explain() {
	c.table.note("versions: %s", strings.Join(versions(), ", "))
	for _, cont := range contestants() {
		if !c.wants(cont) {
			continue
		}
		c.table.note("%s on %s: %s", cont.Engine, cont.Store, cont.Settings)
		for _, work := range works {
			if why := cont.Lacks[work.name]; why != "" && why != itAgain && c.does(work) {
				c.table.lack(strings.ToUpper(work.name), cont, why)
			}
		}
	}
}

// database returns the URL of an empty database, which exists until h ends. The server has
// its default durability.
func (c *comparison) database(h *host) string {
	if c.server == nil {
		settings := []string{"max_connections=200"}
		if c.profiles != "" {
			settings = append(settings, "shared_preload_libraries="+statementsExtension)
		}
		c.server = pgtest.Start(c.host, pgtest.Options{Settings: settings})
		c.table.note("PostgreSQL %s with its defaults and max_connections=200", serverVersion(c.server.URL()))
	}
	return c.server.Database(h)
}
