package jetstream_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/jetstream/embedded"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// crashNode is the configuration of a child process: a server of a cluster and a worker.
type crashNode struct {
	Name, Dir, Listen, Cluster string
	Routes                     []string
	Catalog, Sent              string // files that all processes share
}

// crashNodeVariable makes a process of the test binary such a child.
const crashNodeVariable = "JETSTREAM_CRASH_NODE"

func TestMain(m *testing.M) {
	if text := os.Getenv(crashNodeVariable); text != "" {
		var n crashNode
		check(json.Unmarshal([]byte(text), &n))
		check(n.run())
		return
	}
	os.Exit(m.Run())
}

// crashConcurrency is how many emails a child sends at the same time.
const crashConcurrency = 8

// run works until the process is killed, or its standard input ends: the parent is gone.
func (n crashNode) run() error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _, _ = bufio.NewReader(os.Stdin).ReadByte(); cancel() }()
	server, err := embedded.Start(embedded.Options{
		Dir: n.Dir, Name: n.Name, Listen: n.Listen,
		Cluster: embedded.Cluster{Name: "crash", Listen: n.Cluster, Routes: n.Routes},
	})
	if err != nil {
		return err
	}
	defer server.Close()
	nc, err := server.Connect(nats.MaxReconnects(-1))
	if err != nil {
		return err
	}
	store, runner, err := n.open(ctx, nc)
	for err != nil && ctx.Err() == nil { // the others need this server while they elect a leader
		store, runner, err = n.open(ctx, nc)
	}
	if err != nil {
		return err
	}
	err = jetstream.NewWorker(store, runner, jetstream.WorkerOptions{
		// The deadline is longer than an election takes: while there is no leader, outcomes
		// cannot be written, and only those of the process that was killed are lost.
		ID: n.Name, Heartbeat: 200 * time.Millisecond, EffectDeadline: 15 * time.Second, Concurrency: crashConcurrency,
	}).Run(ctx)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// open returns a store on the cluster and the shared catalog, with a Runner whose mailer appends
// to the shared file.
func (n crashNode) open(ctx context.Context, nc *nats.Conn) (*jetstream.Store, *automation.Runner, error) {
	catalog, err := sqlitefile.Open(ctx, n.Catalog)
	if err != nil {
		return nil, nil, err
	}
	store, err := jetstream.New(ctx, nc, catalog, jetstream.Options{SyncedByHost: true, Partitions: 4, Replicas: 3, Timeout: 20 * time.Second,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)).With("node", n.Name)})
	if err != nil {
		return nil, nil, err
	}
	sent, err := os.OpenFile(n.Sent, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	mailer := mailerFunc(func(e automation.Email) {
		_, err := sent.WriteString(e.IdempotencyKey + "\n")
		check(err)
	})
	runner, err := automation.New(store, mailer, automation.Options{EffectTimeout: time.Second})
	return store, runner, err
}

// crashCluster are three child processes.
type crashCluster struct {
	t        *testing.T
	nodes    []crashNode
	children []*exec.Cmd
	accepted atomic.Int64 // events
}

func newCrashCluster(t *testing.T) *crashCluster {
	t.Helper()
	dir := t.TempDir()
	c := &crashCluster{t: t, nodes: make([]crashNode, 3), children: make([]*exec.Cmd, 3)}
	var routes []string
	for i := range c.nodes {
		address := freeAddress(t)
		routes = append(routes, "nats://"+address)
		c.nodes[i] = crashNode{
			Name: fmt.Sprint("node", i), Dir: filepath.Join(dir, fmt.Sprint(i)), Listen: freeAddress(t), Cluster: address,
			Catalog: filepath.Join(dir, "catalog.db"), Sent: filepath.Join(dir, "sent"),
		}
	}
	for i := range c.nodes {
		c.nodes[i].Routes = routes
		c.start(i)
	}
	t.Cleanup(func() {
		for i := range c.children {
			c.kill(i)
		}
	})
	return c
}

func (c *crashCluster) start(i int) {
	text, err := json.Marshal(c.nodes[i])
	require.NoError(c.t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashNodeVariable+"="+string(text))
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	_, err = cmd.StdinPipe() // ends with this process
	require.NoError(c.t, err)
	require.NoError(c.t, cmd.Start())
	c.children[i] = cmd
}

// kill ends a child with SIGKILL.
func (c *crashCluster) kill(i int) {
	_ = c.children[i].Process.Kill()
	_ = c.children[i].Wait()
}

// killAtRandom kills n children, one after the other, and starts each again. After each it waits
// until the cluster has accepted an event: NATS elects a leader within 4 to 9 seconds, and accepts
// nothing if leaders die faster than that.
func (c *crashCluster) killAtRandom(ctx context.Context, n int) {
	for range n {
		for before := c.accepted.Load(); c.accepted.Load() == before && ctx.Err() == nil; {
			time.Sleep(10 * time.Millisecond)
		}
		select {
		case <-time.After(time.Second + rand.N(2*time.Second)):
		case <-ctx.Done():
			return
		}
		i := rand.IntN(len(c.children))
		c.kill(i)
		time.Sleep(rand.N(500 * time.Millisecond)) // for so long two servers are the majority
		c.start(i)
	}
}

func (c *crashCluster) urls() string {
	var all []string
	for _, n := range c.nodes {
		all = append(all, "nats://"+n.Listen)
	}
	return strings.Join(all, ",")
}

// kills is how many processes the test kills. Each costs the election of leaders, so that many are
// for make soak.
func kills() int {
	if n, err := strconv.Atoi(os.Getenv("JETSTREAM_KILLS")); err == nil {
		return n
	}
	return 1
}

// Each child is a server and a worker. One after the other is killed at a random moment, while
// events come.
func TestKills_LoseNothing(t *testing.T) {
	c := newCrashCluster(t)
	nc, err := nats.Connect(c.urls(), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.RetryOnFailedConnect(true))
	require.NoError(t, err)
	defer nc.Close()
	_, runner, err := c.nodes[0].open(t.Context(), nc)
	require.NoError(t, err)
	_, err = runner.CreateAutomation(t.Context(), flow(email("hello"), automation.Step{Key: "rest", Config: automation.Delay{Duration: automation.DurationOf(time.Second)}}, email("tips")))
	require.NoError(t, err)

	killing := make(chan struct{})
	go func() {
		defer close(killing)
		c.killAtRandom(t.Context(), kills())
	}()
	t.Cleanup(func() { <-killing })
	accepted := c.sendWhile(runner, killing)
	t.Logf("%d events were accepted during %d kills", accepted, kills())
	assert.Eventually(t, func() bool {
		return completed(t, runner) >= accepted
	}, 3*time.Minute, 100*time.Millisecond)
	logRunning(t, runner)
	assertSent(t, c.nodes[0].Sent, accepted)
}

// logRunning logs the runs that have not ended.
func logRunning(t *testing.T, r *automation.Runner) {
	t.Helper()
	page, err := r.ListRuns(t.Context(), automation.RunQuery{Statuses: []automation.RunStatus{automation.RunRunning}})
	require.NoError(t, err)
	for _, run := range page.Data {
		t.Logf("run %s of contact %s, begun at %s, is at %q until %s", run.ID, run.ContactID, run.StartedAt, run.Step, run.DueAt)
	}
}

// sendWhile sends events, each again until it is accepted, and returns how many there are.
func (c *crashCluster) sendWhile(runner *automation.Runner, until <-chan struct{}) (n int) {
	t := c.t
	for {
		select {
		case <-until:
			return n
		default:
		}
		e := automation.Event{Name: "signup", Email: fmt.Sprintf("%d@example.com", n), IdempotencyKey: strconv.Itoa(n)}
		var err error
		for deadline := time.Now().Add(2 * time.Minute); ; {
			if _, err = runner.Send(t.Context(), e); err == nil || time.Now().After(deadline) {
				break
			}
		}
		require.NoError(t, err, "a cluster of which two servers live accepts events")
		n++
		c.accepted.Add(1)
	}
}

// assertSent asserts that both emails of each of n runs were sent, and no others. A kill repeats at
// most the emails that the worker had a place for.
func assertSent(t *testing.T, path string, n int) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	times := map[string]int{}
	for key := range strings.FieldsSeq(string(text)) {
		times[key]++
	}
	repeated := 0
	for _, count := range times {
		repeated += count - 1
	}
	t.Logf("%d emails, %d of them again", len(times), repeated)
	assert.LessOrEqual(t, repeated, kills()*crashConcurrency)
	assert.Equal(t, 2*n, len(times), "each email of each run, and no other run")
}
