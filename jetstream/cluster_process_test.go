package jetstream_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/jetstream/embedded"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// child is the configuration of a child process: a server of a cluster, a worker, or both.
type child struct {
	Name   string
	Server *embedded.Options // nil: the process has no server
	Worker bool
	Files  clusterFiles
	URLs   string // of the servers, for a worker without one
}

// clusterFiles are files that all processes share.
type clusterFiles struct{ Catalog, Sent string }

// childVariable makes a process of the test binary such a child.
const childVariable = "JETSTREAM_TEST_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		var c child
		check(json.Unmarshal([]byte(text), &c))
		check(c.run())
		return
	}
	os.Exit(m.Run())
}

// run works until the process is killed, or its standard input ends: the parent is gone.
func (c child) run() error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _, _ = bufio.NewReader(os.Stdin).ReadByte(); cancel() }()
	connect := func() (*nats.Conn, error) { return patientClient(c.URLs) }
	if c.Server != nil {
		server, err := embedded.Start(*c.Server)
		if err != nil {
			return err
		}
		defer server.Close()
		connect = func() (*nats.Conn, error) { return server.Connect(nats.MaxReconnects(-1)) }
	}
	if !c.Worker {
		<-ctx.Done()
		return nil
	}
	nc, err := connect()
	if err != nil {
		return err
	}
	defer nc.Close()
	return c.work(ctx, nc)
}

// work runs a worker. It waits for the cluster, because the others need the server of this process
// while they elect a leader.
func (c child) work(ctx context.Context, nc *nats.Conn) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	store, runner, err := c.Files.open(ctx, nc, log)
	for err != nil && ctx.Err() == nil {
		log.Error("cannot open the store", "error", err)
		store, runner, err = c.Files.open(ctx, nc, log)
	}
	if err != nil {
		return err
	}
	err = jetstream.NewWorker(store, runner, jetstream.WorkerOptions{
		// The deadline is longer than an election takes: while there is no leader, outcomes
		// cannot be written, and only those of the process that was killed are lost.
		ID: c.Name, Heartbeat: 200 * time.Millisecond, EffectDeadline: 15 * time.Second, Concurrency: childConcurrency,
	}).Run(ctx)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

const clusterPartitions = 4

// childConcurrency is how many emails a child sends at the same time.
const childConcurrency = 8

// open returns a store on the cluster and the shared catalog, with a Runner whose mailer appends
// a line to the shared file: the key of the email, and the variables of trafficFlow.
func (f clusterFiles) open(ctx context.Context, nc *nats.Conn, log *slog.Logger) (*jetstream.Store, *automation.Runner, error) {
	catalog, err := sqlitefile.Open(ctx, f.Catalog)
	if err != nil {
		return nil, nil, err
	}
	store, err := jetstream.New(ctx, nc, catalog, jetstream.Options{
		SyncedByHost: true, Partitions: clusterPartitions, Replicas: 3, Timeout: clusterTimeout, Logger: log,
	})
	if err != nil {
		return nil, nil, errors.Join(err, catalog.Close())
	}
	sent, err := os.OpenFile(f.Sent, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	mailer := mailerFunc(func(e automation.Email) {
		_, err := fmt.Fprintln(sent, e.IdempotencyKey, e.Variables["N"], e.Variables["LAST"])
		check(err)
	})
	runner, err := automation.New(store, mailer, automation.Options{EffectTimeout: time.Second})
	return store, runner, err
}

// clusterTimeout is how long a call of the servers may take. An election can take longer: calls that
// fail meanwhile are made again.
const clusterTimeout = 5 * time.Second

// patientClient connects to servers, and again whenever they are gone. It keeps to these URLs, and
// finds out within seconds that a server has fallen silent.
func patientClient(urls string) (*nats.Conn, error) {
	return nats.Connect(urls, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.RetryOnFailedConnect(true),
		nats.IgnoreDiscoveredServers(), nats.PingInterval(time.Second), nats.MaxPingsOutstanding(2))
}

// cluster is a cluster of three servers and three workers, each in a child process.
type cluster struct {
	*testing.T
	dir      string
	files    clusterFiles
	servers  []embedded.Options
	children map[string]*childProcess
	// lost is how many workers have lost the outcomes of effects in flight.
	lost int
}

// childProcess is a child, and its process while it runs.
type childProcess struct {
	child
	cmd *exec.Cmd
}

// nodes is how many servers and workers a cluster has.
const nodes = 3

// newCluster returns a cluster of which nothing runs yet.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	dir := t.TempDir()
	c := &cluster{T: t, dir: dir, files: clusterFiles{filepath.Join(dir, "catalog.db"), filepath.Join(dir, "sent")}, children: map[string]*childProcess{}}
	for i := range nodes {
		name := fmt.Sprint("node", i)
		c.servers = append(c.servers, embedded.Options{
			Dir: filepath.Join(dir, name), Name: name, Listen: freeAddress(t), Cluster: embedded.Cluster{Name: "test", Listen: freeAddress(t)},
		})
	}
	for i := range c.servers {
		for _, other := range c.servers {
			c.servers[i].Cluster.Routes = append(c.servers[i].Cluster.Routes, "nats://"+other.Cluster.Listen)
		}
	}
	t.Cleanup(c.end)
	return c
}

// startTogether starts three processes, each a server and a worker.
func (c *cluster) startTogether() {
	for i := range nodes {
		c.start(child{Name: c.servers[i].Name, Server: &c.servers[i], Worker: true})
	}
}

// startApart starts three servers, and three workers in processes of their own.
func (c *cluster) startApart() {
	c.startServers()
	for i := range nodes {
		c.start(child{Name: fmt.Sprint("worker", i), Worker: true, URLs: c.urls()})
	}
}

// startServers starts three servers without workers.
func (c *cluster) startServers() {
	for i := range nodes {
		c.start(child{Name: c.servers[i].Name, Server: &c.servers[i]})
	}
}

func (c *cluster) start(ch child) {
	ch.Files = c.files
	c.children[ch.Name] = &childProcess{child: ch}
	c.restart(ch.Name)
}

// restart starts a child that does not run.
func (c *cluster) restart(name string) {
	p := c.children[name]
	text, err := json.Marshal(p.child)
	require.NoError(c, err)
	log, err := os.OpenFile(c.logOf(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(c, err)
	defer log.Close()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	p.cmd.Stdout, p.cmd.Stderr = log, log
	_, err = p.cmd.StdinPipe() // ends with this process
	require.NoError(c, err)
	require.NoError(c, p.cmd.Start())
}

// kill ends children with SIGKILL, all before it waits for any.
func (c *cluster) kill(names ...string) {
	for _, name := range names {
		if p := c.children[name]; p.cmd.Process.Kill() == nil && p.Worker {
			c.lost++
		}
	}
	for _, name := range names {
		_ = c.children[name].cmd.Wait()
	}
}

// names returns the names of the children that begin with a prefix, in order.
func (c *cluster) names(prefix string) (names []string) {
	for i := range nodes {
		if name := fmt.Sprint(prefix, i); c.children[name] != nil {
			names = append(names, name)
		}
	}
	return names
}

// end kills all children. What they have logged is shown if the test has failed.
func (c *cluster) end() {
	c.kill(append(c.names("node"), c.names("worker")...)...)
	for name := range c.children {
		if c.Failed() {
			lines := strings.Split(c.log(name), "\n")
			c.Logf("the last lines of %s:\n%s", name, strings.Join(lines[max(0, len(lines)-30):], "\n"))
		}
	}
}

func (c *cluster) logOf(name string) string { return filepath.Join(c.dir, name+".log") }

// log returns what a child has logged.
func (c *cluster) log(name string) string {
	text, err := os.ReadFile(c.logOf(name))
	require.NoError(c, err)
	return string(text)
}

// urls are the addresses of all servers for clients.
func (c *cluster) urls() string {
	var all []string
	for _, s := range c.servers {
		all = append(all, "nats://"+s.Listen)
	}
	return strings.Join(all, ",")
}

// connect returns a connection to servers that ends with the test.
func (c *cluster) connect(urls string) *nats.Conn {
	nc, err := patientClient(urls)
	require.NoError(c, err)
	c.Cleanup(nc.Close)
	return nc
}

// open returns a Runner on the cluster, once the cluster has a majority.
func (c *cluster) open(nc *nats.Conn) *automation.Runner {
	for until := time.Now().Add(time.Minute); ; {
		_, runner, err := c.files.open(c.Context(), nc, slog.New(slog.DiscardHandler))
		if err == nil {
			return runner
		}
		require.True(c, time.Now().Before(until), "the cluster does not start: %v", err)
	}
}
