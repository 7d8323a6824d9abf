package main

import (
	"context"
	"errors"
	"time"

	"github.com/seed-b636437c/automation"
)

// engineHost is what executes the flows of this library in place of Runner.Run: servers, and a store
// on them. Each is a file with contestants, such as jetstream.go.
type engineHost struct {
	store, catalog automation.Store
	// work executes the flows of a Runner on the store until ctx ends, and returns ctx's error.
	work func(ctx context.Context, r *automation.Runner) error
	// size returns the mean bytes on disk of the servers.
	size func(ctx context.Context) (replica int64, err error)
	// memory returns the mean memory of the servers.
	memory func() (usage, error)
	// release closes the store and ends the servers.
	release func() error
}

// hosted is this library on an engine of servers.
type hosted struct {
	*ours
	host engineHost
}

func openHosted(ctx context.Context, h engineHost, s setting) (engine, error) {
	e, err := openOurs(ctx, h.store, s, h.work, h.release)
	if err != nil {
		return nil, err
	}
	return &hosted{e, h}, nil
}

// Populate implements engine: it makes the contacts in the catalog, before any event.
func (e *hosted) Populate(ctx context.Context, n int) error {
	r, err := automation.New(e.host.catalog, e, e.options)
	if err != nil {
		return err
	}
	return populate(ctx, r, n)
}

// Flows implements batcher.
func (e *hosted) Flows(ctx context.Context, from, to int) error {
	events := make([]automation.Event, 0, to-from)
	for i := from; i < to; i++ {
		events = append(events, flowEvent(i))
	}
	_, err := e.runner.Send(ctx, events...)
	return err
}

// Sleep implements sleeper. As on the stores, runs that are due soon are started with a clock
// that stands 30 days earlier.
func (e *hosted) Sleep(ctx context.Context, from, to int, due time.Time) error {
	began := due.Add(-forever)
	if time.Since(began) < time.Minute {
		return e.send(ctx, e.runner, "user.left", from, to, nil)
	}
	options := e.options
	options.Clock = stopped(began)
	past, err := automation.New(e.store, e, options)
	if err != nil {
		return err
	}
	if err := e.halt(); err != nil {
		return err
	}
	e.serve(past)
	err = e.send(ctx, past, "user.left", from, to, nil)
	if err == nil {
		err = until(ctx, to, e.Sleeping)
	}
	if err := errors.Join(err, e.halt()); err != nil {
		return err
	}
	e.serve(e.runner)
	return nil
}

// Size implements server.
func (e *hosted) Size(ctx context.Context) (int64, error) { return e.host.size(ctx) }

// ServerMemory implements server.
func (e *hosted) ServerMemory() (usage, error) { return e.host.memory() }
