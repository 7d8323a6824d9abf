// Package jetstream runs automations on NATS JetStream instead of one database. Events, runs in
// progress and their timers are in replicated streams; there is no single point of failure. The
// flows, mailers, custom steps, HTTP API and dashboard of an application stay as they are.
//
//	store, err := jetstream.New(ctx, nc, catalog, jetstream.Options{Replicas: 3})
//	runner, err := automation.New(store, mailer, automation.Options{})
//	err = jetstream.NewWorker(store, runner, jetstream.WorkerOptions{}).Run(ctx) // instead of runner.Run
//
// The catalog is any Store that is an automation.Projector. It keeps automations, definitions,
// contacts and segments, and copies of events and runs, from which these are read and listed. A
// worker writes the copies a moment later.
//
// # How it works
//
// Contacts are spread over partitions by a hash. A partition has a log of what happens to its
// contacts: events, requests, changes. The worker that owns a partition reads the log in order,
// plans turns with Runner.Plan, and writes what changed as one atomic batch: the new states of
// the contacts, their timers, and the checkpoint of the partition, which names the position in
// the log. The checkpoint is also the fence: a batch of a worker that is not the owner any more
// is refused as a whole. After a crash the next owner goes on from the checkpoint, so each event
// takes effect exactly once, and effects are performed as Delivery promises.
//
// Timers are messages in buckets of a minute. The owner reads each bucket before its minute
// begins, so timers are as precise as the clock of the worker.
package jetstream
