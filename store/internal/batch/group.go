// Package batch lets concurrent calls share one write.
package batch

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Group gathers the calls that are made while a write is in progress, and writes them
// together. The latency stays that of one write, and the throughput becomes that of the
// batch. A Group has no goroutine of its own: a call that finds no write in progress
// writes for all calls that wait. It is safe for concurrent use.
type Group[T any] struct {
	max   int
	write func(ctx context.Context, items []T)

	mu      sync.Mutex
	writing bool
	waiting []*call[T]
}

// call is one call of Do.
type call[T any] struct {
	ctx  context.Context
	item T
	// turn receives true when the caller has to write, and is closed when the item was
	// written.
	turn    chan bool
	elected bool // to write; guarded by the group's mutex
}

// NewGroup returns a Group whose writes contain up to max items. write sets the outcome
// of each item in the item. One goroutine at a time calls it. Its context ends when the
// contexts of all the callers have ended.
func NewGroup[T any](max int, write func(ctx context.Context, items []T)) *Group[T] {
	return &Group[T]{max: max, write: write}
}

// Do returns when item was written. If ctx ends before the item's turn has come, Do
// returns ctx.Err() and the item is not written.
func (g *Group[T]) Do(ctx context.Context, item T) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := &call[T]{ctx: ctx, item: item, turn: make(chan bool, 1)}
	lead := g.enter(c)
	if !lead {
		select {
		case lead = <-c.turn:
		case <-ctx.Done():
			if g.withdraw(c) {
				return ctx.Err()
			}
			lead = <-c.turn
		}
	}
	if lead {
		g.lead(c)
	}
	return nil
}

// enter adds c to the calls that wait, and reports whether c has to write because no
// call does.
func (g *Group[T]) enter(c *call[T]) (lead bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, c)
	lead, g.writing = !g.writing, true
	return lead
}

// withdraw removes a call whose turn has not come. It reports false for a call that was
// elected to write, because other calls wait for that one.
func (g *Group[T]) withdraw(c *call[T]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.waiting, c)
	if i < 0 || c.elected {
		return false
	}
	g.waiting = slices.Delete(g.waiting, i, i+1)
	return true
}

// lead writes c and calls that wait, and passes the lead on.
func (g *Group[T]) lead(c *call[T]) {
	runtime.Gosched() // lets goroutines that are about to call join, above all those whose call has just returned
	taken := g.take(c)
	items := make([]T, len(taken))
	for i := range taken {
		items[i] = taken[i].item
	}
	ctx, stop := shared(taken)
	defer stop()
	defer g.pass(taken) // also if write panics, so that the other calls do not wait for ever
	g.write(ctx, items)
}

// take removes c, and as many other calls as fit into a write, from the calls that wait.
func (g *Group[T]) take(c *call[T]) []*call[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	taken := make([]*call[T], 1, min(len(g.waiting), g.max))
	taken[0] = c
	rest := g.waiting[:0]
	for _, w := range g.waiting {
		switch {
		case w == c:
		case len(taken) < g.max:
			taken = append(taken, w)
		default:
			rest = append(rest, w)
		}
	}
	clear(g.waiting[len(rest):])
	g.waiting = rest
	return taken
}

// shared returns a context that ends when the contexts of all calls have ended.
func shared[T any](calls []*call[T]) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(calls[0].ctx))
	var left atomic.Int64
	left.Store(int64(len(calls)))
	stops := make([]func() bool, len(calls))
	for i, c := range calls {
		stops[i] = context.AfterFunc(c.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		})
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}

// pass lets the other callers return, and elects the first call that waits to write
// next.
func (g *Group[T]) pass(taken []*call[T]) {
	for _, w := range taken[1:] {
		close(w.turn)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.writing = len(g.waiting) > 0
	if g.writing {
		g.waiting[0].elected = true
		g.waiting[0].turn <- true
	}
}
