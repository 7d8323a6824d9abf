package temporal

import (
	"log/slog"
	"regexp"
	"time"

	"github.com/seed-b636437c/automation"
)

// Options are the options of New. The zero value works.
type Options struct {
	// Name is the name of the task queue, and the prefix of the ids of all workflows, so that
	// applications can share a namespace: letters, digits, - and _. The default is
	// "automation".
	Name string
	// Timeout is how long a call of the server may take. The default is 10 seconds.
	Timeout time.Duration
	// Logger receives what no call returns. Nil discards it.
	Logger *slog.Logger
}

var nameFormat = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (o Options) withDefaults() (Options, error) {
	if o.Name == "" {
		o.Name = "automation"
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	var ps automation.Problems
	if !nameFormat.MatchString(o.Name) {
		ps.Add(automation.CodeInvalidOption, "name", "%q must have 1 to 64 letters, digits, - and _", o.Name)
	}
	if o.Timeout < 0 {
		ps.Add(automation.CodeInvalidOption, "timeout", "%s must not be negative", o.Timeout)
	}
	return o, ps.Err("options of the engine on Temporal")
}

// WorkerOptions are the options of NewWorker. The zero value works.
type WorkerOptions struct {
	// Concurrency is how many effects the worker performs at the same time. The default is
	// 64.
	Concurrency int
	// EffectDeadline is when the outcome of an effect that has begun counts as unknown,
	// although its worker is alive. It must be longer than automation.Options.EffectTimeout.
	// The default is 2 minutes.
	EffectDeadline time.Duration
	// LostAfter is how long a worker with an effect in flight may be silent. Then it counts as
	// lost, and the outcome as unknown. The default is 15 seconds.
	LostAfter time.Duration
	// ShutdownTimeout is how long Run waits for effects in flight after its context has
	// ended. The default is 20 seconds.
	ShutdownTimeout time.Duration
}

func (o WorkerOptions) withDefaults() WorkerOptions {
	if o.Concurrency <= 0 {
		o.Concurrency = 64
	}
	if o.EffectDeadline <= 0 {
		o.EffectDeadline = 2 * time.Minute
	}
	if o.LostAfter <= 0 {
		o.LostAfter = 15 * time.Second
	}
	if o.ShutdownTimeout <= 0 {
		o.ShutdownTimeout = 20 * time.Second
	}
	return o
}
