package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// w14 is the throughput of w1, and what a run takes of what runs share: what package model computes
// the rates on larger machines from.
//
// Throughput and processor: as in w1, on as many nodes.
//
// On Postgres, claim-held-µs/run is for how long a run's share of a claim holds the lock that claims take
// in turns, and claim-wait for how long claims wait for it; log-held for how long one process of the
// server at a time writes and flushes the log, and log-wait for how long others wait for that; lock-wait
// is for other locks, and server-busy for how long the server's processes wait for nothing. These come from samples of the server's own views, every 10 ms. The bytes and flushes of
// the log and the commits are the server's counts.
//
// Each run must have sent one email.
func w14(ctx context.Context, b *bench) error {
	n := b.size()
	if err := b.engine.Populate(ctx, quiet+n); err != nil {
		return fmt.Errorf("making contacts: %w", err)
	}
	if err := b.flows(ctx, 0, quiet); err != nil {
		return err
	}
	w, err := b.watchWaits(ctx)
	if err != nil {
		return fmt.Errorf("watching the server: %w", err)
	}
	took, spent, err := b.clocked(ctx, n, func() error { return b.flows(ctx, quiet, quiet+n) })
	shared, watchErr := w.perRun(ctx, n, took)
	if err := errors.Join(err, watchErr); err != nil {
		return err
	}
	b.report("W14", labels{"nodes", fmt.Sprint(b.cell.Nodes)}, n, slices.Concat([]value{{float64(n) / took.Seconds(), "runs/s"}}, spent, shared)...)
	return b.checkFlows(ctx, quiet+n)
}
