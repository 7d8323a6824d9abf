package jetstream

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/uuid"
)

// Worker executes the flows of a store. Any number of workers, in any number of processes, share
// the partitions: each owns some of them, and they take over those of a worker that is gone.
type Worker struct {
	*Store
	runner  *automation.Runner
	ids     *uuid.Source
	opts    WorkerOptions
	slots   chan struct{} // one for each effect in progress, or whose outcome is not written yet
	inLine  atomic.Int64  // effects in flight, or waiting for a place
	stopped chan struct{} // closed when Run's context has ended
}

// NewWorker returns a worker. runner must be a Runner on store: its mailer, custom steps,
// contact directory and options are those of the flows.
func NewWorker(store *Store, runner *automation.Runner, opts WorkerOptions) *Worker {
	opts = opts.withDefaults()
	return &Worker{Store: store, runner: runner, opts: opts, ids: uuid.NewSource(rand.Reader), slots: make(chan struct{}, opts.Concurrency)}
}

// Run executes flows until ctx ends, and returns the error of ctx, or ErrLeft when the engine was
// left: the host then calls Run of a Runner on the catalog. It then waits for effects in
// flight, up to WorkerOptions.ShutdownTimeout, writes their outcomes, and gives its partitions
// up. Call it once.
func (w *Worker) Run(ctx context.Context) error {
	w.stopped = make(chan struct{})
	defer context.AfterFunc(ctx, func() { close(w.stopped) })()
	alive, err := w.bucket(ctx)
	if err != nil {
		return err
	}
	owned := map[int]*ownership{}
	defer func() {
		for _, o := range owned {
			o.cancel()
		}
		for _, o := range owned {
			<-o.done
		}
		_ = alive.Delete(context.WithoutCancel(ctx), w.opts.ID)
	}()
	over := make(chan struct{})
	watching := make(chan struct{})
	watched, unwatch := context.WithCancel(ctx)
	go func() { defer close(watching); w.watchEnd(watched, over) }()
	defer func() { unwatch(); <-watching }()
	members := newMembership(w.opts.Heartbeat)
	for beats := 0; ; beats++ {
		if err := w.beat(ctx, alive, members); err != nil && ctx.Err() == nil {
			w.config.Logger.Warn("jetstream: cannot see the other workers", "error", err)
		} else if ctx.Err() == nil && beats > 0 { // workers that start together see each other first
			w.assign(ctx, members, owned)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over:
			return ErrLeft
		case <-time.After(w.opts.Heartbeat):
		}
	}
}

// bucket returns the bucket of the workers. It waits for servers that do not answer, because a
// cluster may be electing a leader. One that has just been elected may not know the bucket.
func (w *Worker) bucket(ctx context.Context) (jetstream.KeyValue, error) {
	for {
		alive, err := w.js.KeyValue(ctx, w.names.workers())
		if errors.Is(err, jetstream.ErrBucketNotFound) {
			if err = w.createBucket(ctx); err == nil {
				continue
			}
		}
		switch {
		case err == nil:
			return alive, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case !isUnavailable(err):
			return nil, fmt.Errorf("jetstream: bucket %s: %w", w.names.workers(), err)
		}
		w.config.Logger.Warn("jetstream: the servers do not answer", "error", err)
		select {
		case <-time.After(w.opts.Heartbeat):
		case <-ctx.Done():
		}
	}
}

// ownership is a partition that this worker works on.
type ownership struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// beat shows that this worker is alive, and looks at the others.
func (w *Worker) beat(ctx context.Context, alive jetstream.KeyValue, members *membership) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	return members.beat(ctx, alive, w.opts.ID)
}

// assign begins the partitions that this worker should own, and ends the others.
func (w *Worker) assign(ctx context.Context, members *membership, owned map[int]*ownership) {
	ids := members.alive()
	for p := range w.config.Partitions {
		o := owned[p]
		if o != nil && isClosed(o.done) {
			delete(owned, p)
			o = nil
		}
		mine := ownerOf(ids, p) == w.opts.ID
		switch {
		case mine && o == nil:
			owned[p] = w.own(ctx, p)
		case !mine && o != nil:
			o.cancel()
		}
	}
}

// own begins to work on a partition.
func (w *Worker) own(ctx context.Context, number int) *ownership {
	ctx, cancel := context.WithCancel(ctx)
	o := &ownership{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(o.done)
		defer cancel()
		var relaying sync.WaitGroup
		if number == 0 { // one worker relays for all
			relaying.Go(func() { w.relay(ctx) })
		}
		err := guard(func() error { return newPartition(w, number).run(ctx) })
		cancel()
		relaying.Wait()
		if err != nil && !errors.Is(err, ErrLeft) && !errors.Is(err, errNotOwner) && !errors.Is(err, context.Canceled) {
			w.config.Logger.Error("jetstream: partition left", "partition", number, "error", err)
		}
	}()
	return o
}

// guard returns a panic as an error: a mistake must not end the process of the host.
func guard(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("jetstream: panic: %v", p)
		}
	}()
	return call()
}
