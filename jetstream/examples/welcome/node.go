package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/jetstream/embedded"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// node is the configuration of a process of the cluster.
type node struct {
	Server   embedded.Options
	Catalog  string // the SQLite file that all nodes share
	Replicas int
}

// nodeVariable has the node that a process is, as JSON.
const nodeVariable = "WELCOME_NODE"

// runNode runs a server and a worker until ctx ends, or until standard input does: the program has
// ended. It prints the key of each email.
func runNode(ctx context.Context, config string, stdout io.Writer) error {
	var n node
	if err := json.Unmarshal([]byte(config), &n); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { _, _ = bufio.NewReader(os.Stdin).ReadByte(); cancel() }()
	server, err := embedded.Start(n.Server)
	if err != nil {
		return err
	}
	defer server.Close()
	nc, err := server.Connect(nats.MaxReconnects(-1))
	if err != nil {
		return err
	}
	defer nc.Close()
	store, runner, err := n.open(ctx, nc, printer{stdout})
	if err != nil {
		return err
	}
	err = jetstream.NewWorker(store, runner, jetstream.WorkerOptions{
		ID: n.Server.Name, Heartbeat: 250 * time.Millisecond, EffectDeadline: 15 * time.Second,
	}).Run(ctx)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// open returns the store on the cluster, and a Runner. It waits until the cluster has a majority.
func (n node) open(ctx context.Context, nc *nats.Conn, mailer automation.Mailer) (*jetstream.Store, *automation.Runner, error) {
	catalog, err := sqlitefile.Open(ctx, n.Catalog)
	if err != nil {
		return nil, nil, err
	}
	store, err := n.store(ctx, nc, catalog)
	for errors.Is(err, jetstream.ErrUnavailable) && ctx.Err() == nil {
		store, err = n.store(ctx, nc, catalog)
	}
	if err != nil {
		return nil, nil, err
	}
	runner, err := automation.New(store, mailer, automation.Options{EffectTimeout: time.Second})
	return store, runner, err
}

// store returns a store. A call of the servers that is lost with one of them fails after a short
// Timeout, and is made again.
func (n node) store(ctx context.Context, nc *nats.Conn, catalog automation.Store) (*jetstream.Store, error) {
	return jetstream.New(ctx, nc, catalog, jetstream.Options{
		SyncedByHost: true, Partitions: partitions, Replicas: n.Replicas, Timeout: 2 * time.Second,
	})
}

// partitions is enough for five nodes.
const partitions = 8

// printer is a mailer that prints keys.
type printer struct{ to io.Writer }

func (p printer) SendEmail(_ context.Context, e automation.Email) (string, error) {
	_, err := fmt.Fprintln(p.to, e.IdempotencyKey)
	return e.IdempotencyKey, err
}
