package main

import (
	"context"
	"fmt"
	"time"
)

// w7 is sleeping runs as they grow, for each of the contestant's sizes: what package model fits.
//
// Rate: how fast the runs that were added since the last size were started, until the store counted
// them as sleeping.
//
// Disk: the size of the tables and indexes of Postgres after a vacuum, and of the folder of a NATS
// server once it does not shrink any more. A catalog in Postgres has a column of its own.
//
// Memory: the heap of a NATS server and of the worker's process, after garbage collections.
func w7(ctx context.Context, b *bench) error {
	s, made := b.engine.(sleeper), 0
	for _, n := range b.cell.Sizes["w7"] {
		began := time.Now()
		if err := s.Sleep(ctx, made, n, time.Now().Add(forever)); err != nil {
			return fmt.Errorf("starting runs: %w", err)
		}
		if err := until(ctx, n, s.Sleeping); err != nil {
			return err
		}
		rate := value{float64(n-made) / time.Since(began).Seconds(), "made/s"}
		made = n
		values, err := b.weigh(ctx)
		if err != nil {
			return fmt.Errorf("with %d runs: %w", n, err)
		}
		b.report("W7", labels{"sleeping", fmt.Sprint(n)}, n, append([]value{rate}, values...)...)
	}
	return nil
}

// weigh returns what the store of an open engine takes.
func (b *bench) weigh(ctx context.Context) (values []value, err error) {
	megabytes := func(bytes float64, unit string) { values = append(values, value{bytes / 1e6, unit}) }
	tables := "disk-MB"
	if s, ok := b.engine.(server); ok {
		size, err := settledSize(ctx, s)
		if err != nil {
			return nil, err
		}
		memory, err := s.ServerMemory()
		if err != nil {
			return nil, err
		}
		megabytes(float64(size), "disk-MB")
		megabytes(memory.Heap, "server-heap-MB")
		megabytes(memory.Resident, "server-rss-MB")
		tables = "catalog-MB"
	}
	if b.cell.Postgres != "" {
		size, err := tablesSize(ctx, b.cell.Postgres)
		if err != nil {
			return nil, err
		}
		megabytes(float64(size), tables)
	}
	megabytes(processMemory().Heap, "heap-MB")
	return values, nil
}
