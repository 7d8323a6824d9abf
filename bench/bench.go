package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// cell is one contestant that does one work once, or several works on the same store.
// Each cell is a process of its own, so that its memory is the contestant's alone, and so
// that a contestant that hangs can be killed.
type cell struct {
	Works         []string
	Engine, Store string
	Nodes         int
	Sizes         map[string][]int
	Rate          float64 // runs a second that w8 starts; 0 if w1 was not measured before
	Postgres      string  // URL of an empty database
	Folder        string  // an empty folder
	Await         int     // how many emails a node sends at least before it ends
	Profiles      string  // folder for profiles; "" writes none
	Timeout       time.Duration
}

// file is the path of the cell's SQLite file.
func (c cell) file() string { return filepath.Join(c.Folder, "bench.db") }

// needsPostgres reports whether the cell needs a database.
func (c cell) needsPostgres() bool { return c.Store == onPostgres || c.Store == onClusterPostgres }

// bench runs the works of a cell.
type bench struct {
	cell       cell
	contestant contestant
	setting    setting
	work       string
	engine     engine
	sink       *sink
	nodes      []*node

	made    int          // how many runs were started that wait
	chosen  map[int]bool // the runs that were chosen to be woken
	random  *rand.Rand   // chooses the same runs every time
	results []result
}

func newBench(c cell) *bench {
	return &bench{cell: c, sink: newSink(), chosen: map[int]bool{}, random: rand.New(rand.NewPCG(1, 1))}
}

// run does the works of a cell.
func (c cell) run(ctx context.Context) (results []result, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	b := newBench(c)
	if b.contestant, err = find(c.Engine, c.Store); err != nil {
		return nil, err
	}
	b.setting = setting{Work: c.Works[0], Postgres: c.Postgres, File: c.file(), Sink: b.sink}
	if b.engine, err = b.contestant.Open(ctx, b.setting); err != nil {
		return nil, fmt.Errorf("opening: %w", err)
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.startNodes(); err != nil {
		return nil, err
	}
	for _, b.work = range c.Works {
		if err := workNamed(b.work).do(ctx, b); err != nil {
			return b.results, fmt.Errorf("%s: %w", b.work, err)
		}
	}
	return b.results, nil
}

func (b *bench) close() error {
	err := b.collect()
	if b.engine != nil {
		err = errors.Join(err, b.engine.Close())
	}
	return err
}

// size is how many runs the work has.
func (b *bench) size() int { return b.cell.Sizes[b.work][0] }

func (b *bench) senders() int {
	if b.contestant.Senders > 0 {
		return b.contestant.Senders
	}
	return senders
}

// report adds a result.
func (b *bench) report(work string, l labels, n int, values ...value) {
	b.results = append(b.results, result{
		Work: work, Engine: b.cell.Engine, Store: b.cell.Store, Labels: l, N: n, Values: values,
	})
}

// note adds a note about the contestant in this work to the table.
func (b *bench) note(format string, args ...any) {
	b.results = append(b.results, result{
		Work: "W" + b.work[1:], Engine: b.cell.Engine, Store: b.cell.Store, Note: fmt.Sprintf(format, args...),
	})
}

// Latencies are measured until there are enough of them, or for this long if there are at
// least a few.
const (
	patience = 10 * time.Second
	few      = 10
)

// latencies calls do for each contact in turn and measures the time until the contact's
// email arrives. It may stop early: it has handled as many contacts as it returns
// latencies.
func (b *bench) latencies(ctx context.Context, contacts []int, do func(ctx context.Context, i int) error) (latencies, error) {
	var took latencies
	for first := time.Now(); len(took) < len(contacts) && (len(took) < few || time.Since(first) < patience); {
		i := contacts[len(took)]
		arrived, began := b.sink.expect(i), time.Now()
		if err := do(ctx, i); err != nil {
			return nil, err
		}
		select {
		case at := <-arrived:
			took = append(took, at.Sub(began))
		case <-ctx.Done():
			return nil, fmt.Errorf("the email to contact %d has not come: %w", i, ctx.Err())
		}
	}
	return took, nil
}

// numbers returns the numbers from 0 to n-1.
func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// senders is how many goroutines call an engine at the same time, like the requests of an
// application.
const senders = 64

// together calls do for all numbers from the first to the second, which is excluded, in
// several goroutines, until a call fails.
func together(goroutines, from, to int, do func(i int) error) error {
	var next atomic.Int64
	next.Store(int64(from))
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < to && failed.Load() == nil; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// until calls ask until the number is n. The calls take at most a tenth of the time, so
// that they do not influence the measurement.
func until(ctx context.Context, n int, ask func(context.Context) (int, error)) error {
	for {
		began := time.Now()
		got, err := ask(ctx)
		if err != nil {
			return err
		}
		if got >= n {
			return nil
		}
		select {
		case <-time.After(max(time.Millisecond, 10*time.Since(began))):
		case <-ctx.Done():
			return fmt.Errorf("there are %d instead of %d: %w", got, n, ctx.Err())
		}
	}
}

// latencies are measured times.
type latencies []time.Duration

// at returns a percentile, in milliseconds.
func (l latencies) at(percent int) float64 {
	slices.Sort(l)
	return float64(l[min(len(l)*percent/100, len(l)-1)].Nanoseconds()) / 1e6
}
