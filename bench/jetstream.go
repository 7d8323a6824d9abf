package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/nats-io/nats.go"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/store/postgres"
)

// The stores of jetstreamContestants: one server; three servers that keep everything three
// times; and these with a catalog in Postgres.
const (
	onStream          = "jetstream"
	onCluster         = "jetstream-3"
	onClusterPostgres = "jetstream-3+postgres"
)

// streamPartitions is how many partitions the contacts are spread over.
const streamPartitions = 4

// jetstreamContestants are this library on its engine on NATS JetStream, with servers in
// processes of their own, and a worker in the process that sends the events.
func jetstreamContestants() []contestant {
	const settings = "4 partitions, sync_interval always; "
	sizes := map[string][]int{"w1": {10_000}, "w2": {100_000}, "w3": {1_000, 10_000, 100_000}, "w4": {100_000}, "w8": {3_000}, "w9": {3_000}, "w10": {20_000}}
	const catalogRemoves = "its catalog keeps the runs that have ended"
	lists := map[string]string{
		"w5": "its lists are those of its catalog", "w11": "its servers end with the process that is killed", "w12": catalogRemoves, "w13": catalogRemoves,
	}
	return []contestant{
		{
			Engine: "automation", Store: onStream, Settings: settings + "one server, a catalog in memory",
			Open: openOnStream(1), Sizes: sizes, Made: 1_500, Lacks: lists,
		},
		{
			Engine: "automation", Store: onCluster, Settings: settings + "three servers with three replicas, a catalog in memory",
			Open: openOnStream(3), Sizes: sizes, Made: 1_500, Lacks: lists,
		},
		{
			Engine: "automation", Store: onClusterPostgres, Settings: settings + "the same with a catalog in Postgres",
			Open: openOnStream(3), Sizes: map[string][]int{"w1": {10_000}, "w4": {20_000}, "w7": {1_000, 10_000, 100_000}}, Made: 500,
			Lacks: also(lists, catalogOnly, "w2", "w3", "w8", "w9", "w10"),
		},
	}
}

const catalogOnly = "only the catalog is another one"

// openOnStream returns what opens the engine on n servers.
func openOnStream(n int) func(context.Context, setting) (engine, error) {
	return func(ctx context.Context, s setting) (engine, error) {
		servers, err := startServers(filepath.Dir(s.File), n)
		if err != nil {
			return nil, err
		}
		release := func() error { return endServers(servers) }
		nc, err := nats.Connect(urls(servers))
		if err != nil {
			return nil, errors.Join(err, release())
		}
		catalog, closeCatalog, err := openCatalog(ctx, s)
		if err != nil {
			nc.Close()
			return nil, errors.Join(err, release())
		}
		h := engineHost{
			catalog: catalog,
			size:    func(context.Context) (int64, error) { return meanSize(servers) },
			memory:  func() (usage, error) { return meanMemory(servers) },
			release: func() error {
				nc.Close()
				return errors.Join(closeCatalog(), release())
			},
		}
		store, err := jetstream.New(ctx, nc, catalog, jetstream.Options{SyncedByHost: true, Partitions: streamPartitions, Replicas: n})
		if err != nil {
			return nil, errors.Join(err, h.release())
		}
		h.store = store
		h.work = func(ctx context.Context, r *automation.Runner) error {
			return jetstream.NewWorker(store, r, jetstream.WorkerOptions{}).Run(ctx)
		}
		return openHosted(ctx, h, s)
	}
}

// openCatalog returns a catalog in Postgres if there is a database, and else in memory.
func openCatalog(ctx context.Context, s setting) (catalog automation.Store, release func() error, err error) {
	if s.Postgres == "" {
		return memory.New(), func() error { return nil }, nil
	}
	pool, err := openPool(ctx, s.Postgres)
	if err != nil {
		return nil, nil, err
	}
	store, err := postgres.New(pool, postgres.Options{})
	if err == nil {
		err = store.Migrate(ctx)
	}
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	return store, func() error {
		defer pool.Close()
		return store.Close()
	}, nil
}

// meanMemory returns the mean memory of servers.
func meanMemory(servers []*natsServer) (mean usage, err error) {
	for _, s := range servers {
		u, err := s.memory()
		if err != nil {
			return mean, err
		}
		mean.Heap += u.Heap / float64(len(servers))
		mean.Resident += u.Resident / float64(len(servers))
	}
	return mean, nil
}

// meanSize returns the mean size of the data of servers.
func meanSize(servers []*natsServer) (mean int64, err error) {
	for _, s := range servers {
		size, err := folderSize(s.dir)
		if err != nil {
			return 0, err
		}
		mean += size / int64(len(servers))
	}
	return mean, nil
}
