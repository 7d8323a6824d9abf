package jetstream

import (
	"log/slog"
	"regexp"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed-b636437c/automation"
)

// Options are the options of New. The zero value works on one server.
type Options struct {
	// Name is the prefix of all streams and subjects, so that applications can share a
	// cluster: letters, digits and underscores. The default is "automation".
	Name string
	// Partitions is how many partitions the contacts are spread over. It cannot change once
	// the streams exist. The default is 16. At most this many workers share the work.
	Partitions int
	// Replicas is how many servers keep each stream: 1, 3 or 5. The default is 1.
	Replicas int
	// System is a connection to the system account of the servers. Over it New checks that
	// they acknowledge a write only when it is on the disk. It is required unless SyncedByHost
	// is set.
	System *nats.Conn
	// SyncedByHost states that all servers have `jetstream { sync_interval: always }`, as those
	// of package embedded do. New then checks nothing.
	SyncedByHost bool
	// Timeout is how long a call of the servers may take. The default is 10 seconds.
	Timeout time.Duration
	// Logger receives what no call returns. Nil discards it.
	Logger *slog.Logger
}

var nameFormat = regexp.MustCompile(`^[A-Za-z0-9_]{1,32}$`)

// maxPartitions bounds the partitions: each of them is a stream.
const maxPartitions = 1024

func (o Options) withDefaults() (Options, error) {
	if o.Name == "" {
		o.Name = "automation"
	}
	if o.Partitions == 0 {
		o.Partitions = 16
	}
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	var ps automation.Problems
	if !nameFormat.MatchString(o.Name) {
		ps.Add(automation.CodeInvalidOption, "name", "%q must have 1 to 32 letters, digits and underscores", o.Name)
	}
	if o.Partitions < 1 || o.Partitions > maxPartitions {
		ps.Add(automation.CodeInvalidOption, "partitions", "%d must be between 1 and %d", o.Partitions, maxPartitions)
	}
	if o.Replicas != 1 && o.Replicas != 3 && o.Replicas != 5 {
		ps.Add(automation.CodeInvalidOption, "replicas", "%d must be 1, 3 or 5", o.Replicas)
	}
	if o.Timeout < 0 {
		ps.Add(automation.CodeInvalidOption, "timeout", "%s must not be negative", o.Timeout)
	}
	return o, ps.Err("options of the engine on JetStream")
}

// WorkerOptions are the options of NewWorker. The zero value works.
type WorkerOptions struct {
	// ID names the worker among all workers of the store: letters, digits, - and _. The
	// default is random.
	ID string
	// Concurrency is how many effects the worker performs at the same time. The default is
	// 64.
	Concurrency int
	// Heartbeat is how often the worker shows that it is alive. Workers that show nothing
	// for four heartbeats lose their partitions. The default is 1 second.
	Heartbeat time.Duration
	// EffectDeadline is for how long a call may not return, or the outcome of a worker that is
	// gone may be missing, until the outcome of the effect counts as unknown. It must be longer
	// than automation.Options.EffectTimeout. The default is 2 minutes.
	EffectDeadline time.Duration
	// ShutdownTimeout is how long Run waits for effects in flight after its context has
	// ended. The default is 20 seconds.
	ShutdownTimeout time.Duration
}

func (o WorkerOptions) withDefaults() WorkerOptions {
	if o.ID == "" {
		o.ID = newID()
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 64
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = time.Second
	}
	if o.EffectDeadline <= 0 {
		o.EffectDeadline = 2 * time.Minute
	}
	if o.ShutdownTimeout <= 0 {
		o.ShutdownTimeout = 20 * time.Second
	}
	return o
}
