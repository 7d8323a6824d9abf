package jetstream

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
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
	slots   chan struct{} // one for each effect in progress
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
	members := membership{}
	for beats := 0; ; beats++ {
		if err := w.beat(ctx, alive, members); err != nil && ctx.Err() == nil {
			w.config.Logger.Warn("jetstream: cannot see the other workers", "error", err)
		} else if ctx.Err() == nil && beats > 0 { // workers that start together see each other first
			w.assign(ctx, members, owned)
		}
		if w.seesEnd(ctx) {
			return ErrLeft
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(w.opts.Heartbeat):
		}
	}
}

// bucket returns the bucket of the workers. It waits for servers that do not answer, because a
// cluster may be electing a leader.
func (w *Worker) bucket(ctx context.Context) (jetstream.KeyValue, error) {
	for {
		alive, err := w.js.KeyValue(ctx, w.names.workers())
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

// isRunning reports whether Run's context has not ended.
func (w *Worker) isRunning() bool {
	select {
	case <-w.stopped:
		return false
	default:
		return true
	}
}

// membership is what a worker knows of the others: the last beat of each, and when it saw that.
type membership map[string]*member

type member struct {
	beat uint64
	seen time.Time
}

// deadAfter is after how many heartbeats without a sign a worker counts as gone.
const deadAfter = 4

// beat shows that this worker is alive, and updates what it knows of the others. It compares
// their beats with its own clock, so the clocks of the workers may differ.
func (w *Worker) beat(ctx context.Context, alive jetstream.KeyValue, members membership) error {
	ctx, cancel := context.WithTimeout(ctx, w.config.Timeout)
	defer cancel()
	if _, err := alive.Put(ctx, w.opts.ID, []byte(`{}`)); err != nil {
		return err
	}
	keys, err := alive.ListKeys(ctx)
	if err != nil {
		return err
	}
	present := map[string]bool{}
	for id := range keys.Keys() {
		e, err := alive.Get(ctx, id)
		if err != nil {
			continue // it has just ended
		}
		present[id] = true
		m := members[id]
		if m == nil {
			m = &member{}
			members[id] = m
		}
		if m.beat != e.Revision() {
			m.beat, m.seen = e.Revision(), time.Now()
		}
		if time.Since(m.seen) > 10*deadAfter*w.opts.Heartbeat {
			_ = alive.Delete(ctx, id, jetstream.LastRevision(m.beat))
		}
	}
	for id := range members {
		if !present[id] {
			delete(members, id)
		}
	}
	return nil
}

// alive returns the workers that have shown themselves lately.
func (m membership) alive(heartbeat time.Duration) (ids []string) {
	for id, member := range m {
		if time.Since(member.seen) <= deadAfter*heartbeat {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// ownerOf returns the worker that should own a partition: the one with the highest hash. When a
// worker comes or goes, only its own partitions move.
func ownerOf(ids []string, partition int) (owner string) {
	best := uint64(0)
	for _, id := range ids {
		h := fnv.New64a()
		fmt.Fprintf(h, "%s/%d", id, partition)
		score := h.Sum64() * 0x9E3779B97F4A7C15
		if owner == "" || score > best {
			owner, best = id, score
		}
	}
	return owner
}

// ownership is a partition that this worker works on.
type ownership struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// assign begins the partitions that this worker should own, and ends the others.
func (w *Worker) assign(ctx context.Context, members membership, owned map[int]*ownership) {
	ids := members.alive(w.opts.Heartbeat)
	for p := range w.config.Partitions {
		o := owned[p]
		if o != nil && o.hasEnded() {
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

func (o *ownership) hasEnded() bool {
	select {
	case <-o.done:
		return true
	default:
		return false
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
