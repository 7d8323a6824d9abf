//go:build unix

package soak

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// people is how many persons get events. Half of them are contacts from the start, and the
// other half become contacts by their first event.
const people = 24

// cluster is a set of nodes on one store, and the ledger that the nodes report to.
type cluster struct {
	t      *testing.T
	random *rand.Rand
	ledger *ledger
	socket string
	config storeConfig
	nodes  []*process
	logs   string // the folder of the nodes' logs
	// writable reports whether no process is writing, on a store that allows only one
	// writer. It is nil for any other store.
	writable func() bool
	born     int
}

// process is the process of a node.
type process struct {
	name  string
	cmd   *exec.Cmd
	stdin io.Closer
	log   string
}

// newCluster prepares a store and starts nodes on it.
func newCluster(t *testing.T, config storeConfig, nodes int) *cluster {
	t.Helper()
	seed := seed(t)
	c := &cluster{t: t, random: rand.New(rand.NewPCG(seed, 0)), config: config, logs: t.TempDir()}
	store, err := config.open(t.Context())
	require.NoError(t, err)
	c.ledger = newLedger(seed, populate(t, store))
	require.NoError(t, store.Close())
	c.socket = c.ledger.listen(t)
	c.nodes = make([]*process, nodes)
	t.Cleanup(c.end)
	for i := range c.nodes {
		c.start(i)
	}
	arrived := func() bool { return len(c.ledger.present) == nodes }
	require.True(t, c.ledger.await(time.Minute, arrived), "all nodes have started")
	return c
}

// seed returns the seed of the test's choices.
func seed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("SOAK_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, "SOAK_SEED")
	}
	t.Logf("SOAK_SEED=%d", seed)
	return seed
}

// populate creates the automations and the contacts that exist from the start. It returns
// the contact ids of all persons, empty for a person without a contact.
func populate(t *testing.T, store automation.Store) []string {
	t.Helper()
	runner, err := automation.New(store, noMailer{}, automation.Options{})
	require.NoError(t, err)
	for _, flow := range flows() {
		_, err := runner.Apply(t.Context(), flow)
		require.NoError(t, err)
	}
	ids := make([]string, people)
	for i := range people / 2 {
		c, err := runner.CreateContact(t.Context(), automation.Contact{Email: address(i)})
		require.NoError(t, err)
		ids[i] = c.ID
	}
	return ids
}

// start starts the node with this index. Every process has a new name.
func (c *cluster) start(i int) {
	c.t.Helper()
	c.born++
	p := &process{name: fmt.Sprintf("node%d.%d", i, c.born)}
	config, err := json.Marshal(nodeConfig{Node: p.name, Store: c.config, Ledger: c.socket})
	require.NoError(c.t, err)
	p.log = filepath.Join(c.logs, p.name)
	log, err := os.Create(p.log)
	require.NoError(c.t, err)
	defer log.Close()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), nodeEnv+"="+string(config))
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(c.t, err)
	require.NoError(c.t, p.cmd.Start())
	c.nodes[i] = p
}

// kill kills a node, which must be running. When kill returns, the process is gone, and
// only its writes and its emails are left.
func (c *cluster) kill(i int) {
	c.t.Helper()
	p := c.nodes[i]
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	if !p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
		c.t.Errorf("node %s ended by itself: %s", p.name, p.cmd.ProcessState)
	}
	c.ledger.bury(p.name)
	c.nodes[i] = nil
}

// end kills the remaining nodes, and shows their logs if the test failed.
func (c *cluster) end() {
	for i, p := range c.nodes {
		if p != nil {
			c.kill(i)
		}
	}
	logs, _ := filepath.Glob(filepath.Join(c.logs, "*")) // the pattern is well-formed
	for _, path := range logs {
		text, err := os.ReadFile(path)
		if err != nil || bytes.Contains(text, []byte("DATA RACE")) || bytes.Contains(text, []byte("panic")) {
			c.t.Errorf("%s: %v\n%s", path, err, text)
		} else if c.t.Failed() && len(text) > 0 {
			c.t.Logf("the end of %s:\n%s", path, text[max(0, len(text)-4096):])
		}
	}
}

// patience is how long the nodes may take to do what is left.
const patience = 3 * time.Minute

// finish waits until the nodes have done all work, stops the nodes, and runs all checks.
func (c *cluster) finish() {
	c.t.Helper()
	require.True(c.t, c.ledger.allSent(patience), "all events are accepted, and all contacts removed")
	store, err := c.config.open(c.t.Context())
	require.NoError(c.t, err)
	defer func() { require.NoError(c.t, store.Close()) }()
	require.NoError(c.t, awaitIdle(c.t.Context(), store, patience))
	for i := range c.nodes {
		c.stop(i)
	}
	c.ledger.report(c.t)
	problems := check(c.t.Context(), store, c.ledger)
	require.NoError(c.t, errors.Join(problems[:min(len(problems), 20)]...), "%d problems", len(problems))
}

// awaitIdle waits until no work is due any more.
func awaitIdle(ctx context.Context, store automation.Store, timeout time.Duration) error {
	late := time.After(timeout)
	for {
		due, err := store.NextDue(ctx)
		if err == nil && due.IsZero() {
			return nil
		}
		select {
		case <-late:
			return fmt.Errorf("after %s work is still due at %s: %w", timeout, due, errors.Join(err, context.DeadlineExceeded))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop stops a node in the way in which a host shuts down.
func (c *cluster) stop(i int) {
	c.t.Helper()
	p := c.nodes[i]
	require.NoError(c.t, p.stdin.Close())
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	select {
	case err := <-ended:
		require.NoError(c.t, err, "node %s", p.name)
		c.nodes[i] = nil
	case <-time.After(30 * time.Second):
		c.nodes[i] = nil
		require.NoError(c.t, errors.Join(p.cmd.Process.Kill(), <-ended))
		require.Fail(c.t, "the node does not stop", p.name)
	}
}

// report logs how much work the nodes did.
func (l *ledger) report(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	repeated := 0
	for _, d := range l.emails {
		repeated += d.times - 1
	}
	t.Logf("%d events accepted, %d contacts removed, %d emails arrived, %d of them again, %d runs retried, %d transitions refused, %d runs old enough to be pruned",
		len(l.events), len(l.left), len(l.emails), repeated, len(l.retries), len(l.refused), len(l.archive.runs))
}

// disturb disturbs the nodes the given number of times with do, each time in the middle of
// work.
func (c *cluster) disturb(times int, do func()) {
	for range times {
		c.ledger.grant(eventsPerBlow)
		c.ledger.activity(c.random.IntN(3 * eventsPerBlow))
		<-time.After(time.Duration(c.random.IntN(20)) * time.Millisecond)
		do()
	}
}

// eventsPerBlow is how many new events are sent between two disturbances.
const eventsPerBlow = 50

// blows returns how many disturbances a test has: short, or SOAK_KILLS if it is set.
func blows(t *testing.T, short int) int {
	t.Helper()
	text := os.Getenv("SOAK_KILLS")
	if text == "" {
		return short
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "SOAK_KILLS")
	return n
}
