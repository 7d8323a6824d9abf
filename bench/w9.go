package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"
)

// w9 is the complete runs of w1, started over HTTP: 64 clients send n requests through loopback, one
// request for each run. Clients keep their connections. They share the process of the engine, so the
// processor time of a run includes them.
//
// This library answers with package httpapi, which checks a key and the body. The peers have no
// such package: a handler by hand reads the same body and starts the run.
//
// Events: the clock starts before the first request and stops when the last response has come. The
// latency is that of a request.
//
// Throughput and processor: from the same start until the store counts all runs as finished.
//
// In the end each contact must have one email and its new name.
func w9(ctx context.Context, b *bench) (err error) {
	n := b.size()
	if err := b.engine.Populate(ctx, quiet+n); err != nil {
		return fmt.Errorf("making contacts: %w", err)
	}
	url, stop, err := serveHTTP(b.handler())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	c := newCaller(url, senders)
	defer c.close()
	if _, err := c.sendAll(ctx, 0, quiet); err != nil {
		return fmt.Errorf("before the clock starts: %w", err)
	}
	if err := b.ended(ctx, quiet); err != nil {
		return err
	}
	var requests latencies
	var answered time.Duration
	took, spent, err := b.clocked(ctx, n, func() (err error) {
		began := time.Now()
		if requests, err = c.sendAll(ctx, quiet, quiet+n); err != nil {
			return err
		}
		answered = time.Since(began)
		return b.ended(ctx, quiet+n)
	})
	if err != nil {
		return err
	}
	b.report("W9", nil, n, slices.Concat(
		[]value{{float64(n) / answered.Seconds(), "events/s"}, {float64(n) / took.Seconds(), "runs/s"}}, spent,
		[]value{{requests.at(50), "request-p50-ms"}, {requests.at(99), "request-p99-ms"}})...)
	return b.checkFlows(ctx, quiet+n)
}

// handler returns the engine's own handler, or else one by hand.
func (b *bench) handler() http.Handler {
	if w, ok := b.engine.(web); ok {
		return w.Handler()
	}
	return byHand{b.engine}
}

// serveHTTP serves a handler on loopback until stop is called.
func serveHTTP(h http.Handler) (url string, stop func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: h}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	return "http://" + listener.Addr().String(), func() error {
		err := server.Close()
		if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}, nil
}
