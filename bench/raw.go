package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// rawContestants are not engines, but the limit of an engine on this machine: the rows of a
// run, written by hand. A run is an event row, a run row that is written at its start and
// changed at the end of each step, and a change of the contact's row. There are no claims
// and no checks, and no other process could take a run over.
//
// "raw-step" writes each step in a transaction of its own: the start, the condition,
// the contact, the email. "raw-batch" writes the steps of up to 500 runs in one
// transaction each.
func rawContestants() []contestant {
	const noRemoval = "it is no engine: a DELETE would take the place of pruning"
	lacks := map[string]string{
		"w3": "it is no engine: nothing waits", "w4": "it is no engine: there are no timers", "w5": "it is no engine: there is no list",
		"w11": "it is no engine: nothing goes on after a restart", "w12": noRemoval, "w13": noRemoval,
	}
	one := map[string][]int{"w1": {5_000}, "w2": {10_000}}
	many := map[string][]int{"w1": {10_000}, "w2": {100_000}, "w8": {30_000}, "w9": {20_000}, "w10": {100_000}}
	step := also(lacks, "raw-batch is the limit", "w8", "w9", "w10")
	file := "WAL, synchronous=FULL, one connection"
	pool := "a pool of 20 connections"
	return []contestant{
		{Engine: "raw-step", Store: onSQLite, Settings: file, Open: rawOn(openRawSQLite, 1), Sizes: one, Lacks: step},
		{Engine: "raw-step", Store: onPostgres, Settings: pool, Open: rawOn(openRawPgx, 1), Sizes: one, Lacks: step},
		{Engine: "raw-batch", Store: onSQLite, Settings: file, Open: rawOn(openRawSQLite, rawBatch), Sizes: many, Lacks: lacks, Senders: 2 * rawBatch},
		{Engine: "raw-batch", Store: onPostgres, Settings: pool, Open: rawOn(openRawPgx, rawBatch), Sizes: many, Lacks: lacks, Senders: 2 * rawBatch},
	}
}

// rawBatch is how many runs share a transaction.
const rawBatch = 500

// raw writes the rows of runs.
type raw struct {
	rawStore
	sink *sink
	size int // how many runs share a transaction

	mu      sync.Mutex
	queue   []rawCall
	writing bool
}

// rawCall is a run that waits for its batch.
type rawCall struct {
	run  int
	done chan error
}

// rawStore writes the rows of some runs, in one transaction a call.
type rawStore interface {
	people
	// start keeps the events of runs, and the runs.
	start(ctx context.Context, runs []int, status string, due time.Time) error
	// step records that runs completed the step with this number.
	step(ctx context.Context, runs []int, step int, status string) error
	// change is step for the step that changes the contact.
	change(ctx context.Context, runs []int, step int) error
	standing(ctx context.Context, status string) (int, error)
	close() error
}

func rawOn(open func(context.Context, setting) (rawStore, error), size int) func(context.Context, setting) (engine, error) {
	return func(ctx context.Context, s setting) (engine, error) {
		store, err := open(ctx, s)
		if err != nil {
			return nil, err
		}
		return &raw{rawStore: store, sink: s.Sink, size: size}, nil
	}
}

// Close implements engine.
func (r *raw) Close() error { return r.close() }

// Flow implements engine: it returns when the run has ended.
func (r *raw) Flow(ctx context.Context, i int) error {
	if r.size == 1 {
		return r.take(ctx, []int{i})
	}
	call := rawCall{run: i, done: make(chan error, 1)}
	r.mu.Lock()
	r.queue = append(r.queue, call)
	write := !r.writing
	r.writing = true
	r.mu.Unlock()
	if write {
		r.writeQueue(ctx)
	}
	return <-call.done
}

// writeQueue writes the queued runs, a batch at a time, until the queue is empty.
func (r *raw) writeQueue(ctx context.Context) {
	for {
		r.mu.Lock()
		calls := r.queue[:min(r.size, len(r.queue))]
		r.queue = r.queue[len(calls):]
		r.writing = len(calls) > 0
		r.mu.Unlock()
		if len(calls) == 0 {
			return
		}
		runs := make([]int, len(calls))
		for i, c := range calls {
			runs[i] = c.run
		}
		err := r.take(ctx, runs)
		for _, c := range calls {
			c.done <- err
		}
	}
}

// take writes runs from their start to their end.
func (r *raw) take(ctx context.Context, runs []int) error {
	if err := r.start(ctx, runs, "running", time.Time{}); err != nil {
		return err
	}
	if err := r.step(ctx, runs, 1, "running"); err != nil {
		return err
	}
	if err := r.change(ctx, runs, 2); err != nil {
		return err
	}
	for _, i := range runs {
		r.sink.deliver(i)
	}
	return r.step(ctx, runs, 3, "completed")
}

// Finished implements engine.
func (r *raw) Finished(ctx context.Context) (int, error) { return r.standing(ctx, "completed") }

// Sleep implements sleeper.
func (r *raw) Sleep(ctx context.Context, from, to int, due time.Time) error {
	batches := (to - from + r.size - 1) / r.size
	return together(senders, 0, batches, func(b int) error {
		runs := numbers(to)[from+b*r.size : min(from+(b+1)*r.size, to)]
		return r.start(ctx, runs, "sleeping", due)
	})
}

// Sleeping implements sleeper.
func (r *raw) Sleeping(ctx context.Context) (int, error) { return r.standing(ctx, "sleeping") }

// The tables and the statements of both databases.
const (
	rawTables = `
CREATE TABLE IF NOT EXISTS raw_events (id text PRIMARY KEY, contact integer NOT NULL, payload text NOT NULL);
CREATE TABLE IF NOT EXISTS raw_runs (id text PRIMARY KEY, contact integer NOT NULL, step integer NOT NULL, status text NOT NULL, due bigint);
CREATE INDEX IF NOT EXISTS raw_runs_due ON raw_runs (due) WHERE due IS NOT NULL`
	rawCount = "SELECT count(*) FROM raw_runs WHERE status = $1"

	rawEventOne = "INSERT INTO raw_events VALUES (?1, ?2, ?3)"
	rawRunOne   = "INSERT INTO raw_runs VALUES (?1, ?2, 0, ?3, ?4)"
	rawStepOne  = "UPDATE raw_runs SET step = ?2, status = ?3 WHERE id = ?1"

	rawEventMany  = "INSERT INTO raw_events SELECT id, contact, $3 FROM unnest($1::text[], $2::int[]) AS x (id, contact)"
	rawRunMany    = "INSERT INTO raw_runs SELECT id, contact, 0, $3, $4::bigint FROM unnest($1::text[], $2::int[]) AS x (id, contact)"
	rawStepMany   = "UPDATE raw_runs SET step = $2, status = $3 WHERE id = ANY($1::text[])"
	rawChangeMany = "UPDATE bench_contacts SET first_name = 'Ada ' || id WHERE id = ANY($1::int[])"

	rawPayload = `{"plan":"pro","name":"Ada"}`
)

// dueAt returns the stored form of a time: microseconds, or NULL.
func dueAt(due time.Time) *int64 {
	if due.IsZero() {
		return nil
	}
	at := due.UnixMicro()
	return &at
}

// rawPgx is the store on Postgres: one statement for all rows of a table.
type rawPgx struct{ pgxPeople }

func openRawPgx(ctx context.Context, s setting) (rawStore, error) {
	p, err := openPgxPeople(ctx, s.Postgres)
	if err != nil {
		return nil, err
	}
	if _, err := p.pool.Exec(ctx, rawTables); err != nil {
		p.pool.Close()
		return nil, err
	}
	return rawPgx{p}, nil
}

func (r rawPgx) close() error {
	r.pool.Close()
	return nil
}

func (r rawPgx) standing(ctx context.Context, status string) (n int, err error) {
	err = r.pool.QueryRow(ctx, rawCount, status).Scan(&n)
	return n, err
}

func idsOf(runs []int) []string {
	ids := make([]string, len(runs))
	for i, run := range runs {
		ids[i] = idOf(run)
	}
	return ids
}

func (r rawPgx) start(ctx context.Context, runs []int, status string, due time.Time) error {
	ids := idsOf(runs)
	return r.transact(ctx, func(b *pgx.Batch) {
		b.Queue(rawEventMany, ids, runs, rawPayload)
		b.Queue(rawRunMany, ids, runs, status, dueAt(due))
	})
}

func (r rawPgx) step(ctx context.Context, runs []int, step int, status string) error {
	return r.transact(ctx, func(b *pgx.Batch) { b.Queue(rawStepMany, idsOf(runs), step, status) })
}

func (r rawPgx) change(ctx context.Context, runs []int, step int) error {
	return r.transact(ctx, func(b *pgx.Batch) {
		b.Queue(rawChangeMany, runs)
		b.Queue(rawStepMany, idsOf(runs), step, "running")
	})
}

// transact sends statements in one round trip and one transaction.
func (r rawPgx) transact(ctx context.Context, queue func(*pgx.Batch)) error {
	b := &pgx.Batch{}
	queue(b)
	return r.pool.SendBatch(ctx, b).Close()
}

// rawSQLite is the store on SQLite: prepared statements, in one transaction.
type rawSQLite struct {
	sqlPeople
	event, run, move, name *sql.Stmt
}

func openRawSQLite(ctx context.Context, s setting) (rawStore, error) {
	p, err := openSQLPeople(ctx, "sqlite3", s.File, 1)
	if err != nil {
		return nil, err
	}
	r := &rawSQLite{sqlPeople: p}
	if _, err := p.db.ExecContext(ctx, rawTables); err != nil {
		return nil, errors.Join(err, p.db.Close())
	}
	for _, st := range []struct {
		stmt **sql.Stmt
		text string
	}{{&r.event, rawEventOne}, {&r.run, rawRunOne}, {&r.move, rawStepOne}, {&r.name, renamePerson}} {
		if *st.stmt, err = p.db.PrepareContext(ctx, st.text); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", st.text, err), p.db.Close())
		}
	}
	return r, nil
}

func (r *rawSQLite) close() error { return r.db.Close() }

func (r *rawSQLite) standing(ctx context.Context, status string) (int, error) {
	return count(ctx, r.db, rawCount, status)
}

func (r *rawSQLite) start(ctx context.Context, runs []int, status string, due time.Time) error {
	return r.transact(ctx, runs, func(tx *sql.Tx, i int) error {
		_, err := tx.StmtContext(ctx, r.event).ExecContext(ctx, idOf(i), i, rawPayload)
		_, runErr := tx.StmtContext(ctx, r.run).ExecContext(ctx, idOf(i), i, status, dueAt(due))
		return errors.Join(err, runErr)
	})
}

func (r *rawSQLite) step(ctx context.Context, runs []int, step int, status string) error {
	return r.transact(ctx, runs, func(tx *sql.Tx, i int) error {
		_, err := tx.StmtContext(ctx, r.move).ExecContext(ctx, idOf(i), step, status)
		return err
	})
}

func (r *rawSQLite) change(ctx context.Context, runs []int, step int) error {
	return r.transact(ctx, runs, func(tx *sql.Tx, i int) error {
		_, err := tx.StmtContext(ctx, r.name).ExecContext(ctx, firstName(i), i)
		_, stepErr := tx.StmtContext(ctx, r.move).ExecContext(ctx, idOf(i), step, "running")
		return errors.Join(err, stepErr)
	})
}

// transact calls write for each run in one transaction.
func (r *rawSQLite) transact(ctx context.Context, runs []int, write func(tx *sql.Tx, i int) error) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, i := range runs {
		if err := write(tx, i); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}
