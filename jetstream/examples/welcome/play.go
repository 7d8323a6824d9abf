package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
)

//go:embed automation.json
var flow []byte

// player shows what happens on a cluster.
type player struct {
	*cluster
	store   *jetstream.Store
	runner  *automation.Runner
	flow    string // the id of the automation
	signups *signups
	out     io.Writer
	began   time.Time
	seconds int // that were shown
}

// play starts a cluster, and kills a node of it.
func play(ctx context.Context, o options, stdout io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "welcome")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c, err := newCluster(o.nodes, dir, newTally(o.nodes))
	if err != nil {
		return err
	}
	defer c.stop()
	fmt.Fprintf(stdout, "%d nodes start, each a process with a NATS server and a worker.\n", o.nodes)
	for i := range c.nodes {
		if err := c.start(i); err != nil {
			return err
		}
	}
	nc, err := nats.Connect(c.urls(), nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		return err
	}
	defer nc.Close()
	p := &player{cluster: c, out: stdout}
	if p.store, p.runner, err = c.nodes[0].open(ctx, nc, printer{io.Discard}); err != nil {
		return err
	}
	a, err := automation.Parse(flow, nil)
	if err == nil {
		a, err = p.runner.CreateAutomation(ctx, a)
	}
	if err != nil {
		return err
	}
	p.flow = a.ID
	return p.play(ctx, o)
}

func (p *player) play(ctx context.Context, o options) error {
	if err := p.until(ctx, func() bool { return p.isOwnedWithout("") }); err != nil {
		return err
	}
	p.signups = &signups{runner: p.runner}
	sending, stop := context.WithCancel(ctx)
	p.signups.begin(sending, o.rate)
	defer p.signups.ended.Wait()
	defer stop()
	p.began = time.Now()
	fmt.Fprintf(p.out, "%d people sign up in a second.\n\n%s\n", o.rate, p.header())
	p.watch(ctx, o.phase)

	victim := len(p.nodes) / 2
	name := p.nodes[victim].Server.Name
	fmt.Fprintf(p.out, "-- SIGKILL for %s: its server and its worker are gone\n", name)
	killed := time.Now()
	p.emails.restartPause()
	p.kill(victim)
	if len(p.nodes) > 1 { // a single one has no successor
		if err := p.until(ctx, func() bool { return p.isOwnedWithout(name) }); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "-- its partitions have new owners after %s\n", seconds(time.Since(killed)))
	}
	p.watch(ctx, o.phase)
	fmt.Fprintf(p.out, "-- the longest pause without any email was %s\n", seconds(p.emails.longestPause()))

	fmt.Fprintf(p.out, "-- %s is started again\n", name)
	started := time.Now()
	if err := p.start(victim); err != nil {
		return err
	}
	if err := p.until(ctx, func() bool { return p.owners()[name] > 0 }); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "-- it owns partitions again after %s\n", seconds(time.Since(started)))
	p.watch(ctx, o.phase)
	stop()
	return p.finish(ctx)
}

// finish waits for the runs, and prints what has happened.
func (p *player) finish(ctx context.Context) error {
	if err := p.signups.wait(); err != nil {
		return err
	}
	accepted := int(p.signups.accepted.Load())
	if err := p.until(ctx, func() bool { return p.completed(ctx) == accepted }); err != nil {
		return err
	}
	emails, repeated := p.emails.total()
	_, err := fmt.Fprintf(p.out, "\naccepted   %6d people who signed up\ncompleted  %6d runs\nemails     %6d\nrepeated   %6d of them: their outcome was lost with the node\n",
		accepted, p.completed(ctx), emails, repeated)
	return err
}

// watch prints a line each second, for d.
func (p *player) watch(ctx context.Context, d time.Duration) {
	_ = p.until(ctx, func() bool { d -= beat; return d < 0 })
}

// beat is how often a condition is looked at.
const beat = 100 * time.Millisecond

// until prints a line each second until done. It returns the error of ctx.
func (p *player) until(ctx context.Context, done func() bool) error {
	for {
		if ctx.Err() != nil || done() {
			return ctx.Err()
		}
		select {
		case <-time.After(beat):
		case <-ctx.Done():
		}
		if !p.began.IsZero() && time.Since(p.began) >= time.Duration(p.seconds+1)*time.Second {
			p.seconds = int(time.Since(p.began).Seconds())
			fmt.Fprintln(p.out, p.line(ctx))
		}
	}
}

// owners returns how many partitions each worker owns, and "" those that no worker owns. It is nil
// if the servers do not answer at once.
func (p *player) owners() map[string]int {
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	list, err := p.store.Owners(ctx)
	if err != nil {
		return nil
	}
	owners := map[string]int{}
	for _, owner := range list {
		owners[owner]++
	}
	return owners
}

// isOwnedWithout reports whether each partition has an owner that is not name.
func (p *player) isOwnedWithout(name string) bool {
	owners := p.owners()
	return owners != nil && owners[""] == 0 && owners[name] == 0
}

func (p *player) completed(ctx context.Context) (n int) {
	counts, err := p.runner.CountRuns(ctx, p.flow)
	if err != nil {
		return -1
	}
	for _, c := range counts {
		if c.Status == automation.RunCompleted {
			n += c.Count
		}
	}
	return n
}

func (p *player) header() string {
	names, columns := "            ", "   s  people"
	for _, n := range p.nodes {
		names += fmt.Sprintf("%13s", n.Server.Name)
		columns += "  owns emails"
	}
	return names + "\n" + columns
}

// line is what is shown of a second: how many partitions each node owns, and how many emails it
// has sent. While the servers elect a leader, it is not known what they own.
func (p *player) line(ctx context.Context) string {
	owners, emails := p.owners(), p.emails.take()
	var b strings.Builder
	fmt.Fprintf(&b, "%4d  %6d", p.seconds, p.signups.accepted.Load())
	for i, n := range p.nodes {
		owned := "?"
		if owners != nil {
			owned = fmt.Sprint(owners[n.Server.Name])
		}
		fmt.Fprintf(&b, "  %4s %6d", owned, emails[i])
	}
	return b.String()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
