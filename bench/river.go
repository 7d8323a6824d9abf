package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
)

// riverContestants are River, with one job for each step: each job performs its step and
// inserts the next job.
//
// In "river" River's completer completes jobs, many at a time. A crash before that repeats
// the step, and with it the rest of the run: an email may be sent twice. "river-tx" inserts
// the next job and completes the job in one transaction, which also changes the contact, as
// River's manual advises for work that must not be repeated.
//
// More workers or shorter cooldowns made River slower on this machine, because River then
// fetches more often than there is work.
//
// A scheduled job represents a sleeping run. River has no events that a job could wait for.
func riverContestants() []contestant {
	noWait := "River has no events that a job could wait for"
	settings := "MaxWorkers 64, FetchPollInterval 10 ms, JobTimeout none, completed jobs are not removed, "
	lacks := map[string]string{"w3": noWait}
	return []contestant{
		{
			Engine: "river", Store: onPostgres, Settings: settings + "FetchCooldown 2 ms, a pool of 20 connections",
			Open: openRiverPgx, Made: 5_000, Lacks: lacks,
			Sizes: map[string][]int{"w1": {10_000}, "w2": {100_000}, "w4": {20_000}, "w5": {100_000}, "w8": {5_000}, "w9": {5_000}, "w10": {20_000}, "w11": {1_000_000}, "w12": {1_000_000}, "w13": {100_000, 10_000_000}},
		},
		{
			Engine: "river-tx", Store: onPostgres, Settings: settings + "FetchCooldown 2 ms, a pool of 20 connections, JobCompleteTx with InsertTx",
			Open: openRiverTx, Sizes: map[string][]int{"w1": {5_000}, "w8": {3_000}},
			Lacks: also(lacks, "as river", "w2", "w4", "w5", "w9", "w10", "w11", "w12", "w13"),
		},
		{
			Engine: "river", Store: onSQLite, Settings: settings + "FetchCooldown 5 ms, one connection as its manual says, WAL, synchronous=FULL",
			Open: openRiverSQLite, Made: 500, Lacks: lacks,
			Sizes: map[string][]int{"w1": {2_000}, "w2": {10_000}, "w4": {2_000}, "w5": {10_000}, "w8": {1_000}, "w9": {1_000}, "w10": {2_000}, "w11": {100_000}, "w12": {100_000}, "w13": {100_000, 1_000_000}},
		},
	}
}

// riverFlow holds the arguments of a job: its run, and the data of the condition.
type riverFlow struct {
	Contact int    `json:"contact"`
	Plan    string `json:"plan"`
}

// The kinds of job: the steps of w1's flow, and the email after a sleep.
type (
	conditionJob struct{ riverFlow }
	updateJob    struct{ riverFlow }
	emailJob     struct{ riverFlow }
	lateJob      struct{ riverFlow }
)

func (conditionJob) Kind() string { return "condition" }
func (updateJob) Kind() string    { return "update" }
func (emailJob) Kind() string     { return "email" }
func (lateJob) Kind() string      { return "late" }

// riverClient is the part of River's client that bench uses, for every type of transaction.
type riverClient interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Insert(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) (*rivertype.JobInsertResult, error)
	InsertManyFast(ctx context.Context, params []river.InsertManyParams) (int, error)
	JobDeleteMany(ctx context.Context, params *river.JobDeleteManyParams) (*river.JobDeleteManyResult, error)
	JobList(ctx context.Context, params *river.JobListParams) (*river.JobListResult, error)
}

// riverEngine is a River client with its workers.
type riverEngine struct {
	people
	cooldown time.Duration // the least time between two fetches
	client   riverClient
	sink     *sink
	count    func(ctx context.Context, query string) (int, error)
	// end adds the jobs of runs that ended, with the statement of the database.
	end   func(ctx context.Context, from, to, contacts int, ended time.Time) error
	close func() error
	// ofContact adds a filter to a list of jobs, in the syntax of the database.
	ofContact func(p *river.JobListParams, i int) *river.JobListParams
}

func openRiverPgx(ctx context.Context, s setting) (engine, error) {
	e, err := newRiverPgx(ctx, s)
	if err != nil {
		return nil, err
	}
	return e.start(ctx, e.workers())
}

func openRiverTx(ctx context.Context, s setting) (engine, error) {
	e, err := newRiverPgx(ctx, s)
	if err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(e.conditionTx))
	river.AddWorker(workers, river.WorkFunc(e.updateTx))
	river.AddWorker(workers, river.WorkFunc(e.emailTx))
	return e.start(ctx, workers)
}

// riverPgx is River on Postgres.
type riverPgx struct {
	*riverEngine
	pgxPeople
}

func newRiverPgx(ctx context.Context, s setting) (riverPgx, error) {
	p, err := openPgxPeople(ctx, s.Postgres)
	if err != nil {
		return riverPgx{}, err
	}
	e := &riverEngine{people: p, sink: s.Sink, cooldown: 2 * time.Millisecond, close: func() error { p.pool.Close(); return nil }}
	e.count = func(ctx context.Context, query string) (n int, err error) {
		err = p.pool.QueryRow(ctx, query).Scan(&n)
		return n, err
	}
	e.end = func(ctx context.Context, from, to, contacts int, ended time.Time) error {
		_, err := p.pool.Exec(ctx, riverEndedPgx, from, to, contacts, ended)
		return err
	}
	e.ofContact = func(q *river.JobListParams, i int) *river.JobListParams {
		return q.Where("args @> @args::jsonb", river.NamedArgs{"args": fmt.Sprintf(`{"contact": %d}`, i)})
	}
	return riverPgx{riverEngine: e, pgxPeople: p}, nil
}

func (e riverPgx) start(ctx context.Context, workers *river.Workers) (engine, error) {
	return startRiver(ctx, e.riverEngine, riverpgxv5.New(e.pool), workers)
}

func openRiverSQLite(ctx context.Context, s setting) (engine, error) {
	p, err := openSQLPeople(ctx, "sqlite", s.File, 1)
	if err != nil {
		return nil, err
	}
	e := &riverEngine{people: p, sink: s.Sink, cooldown: 5 * time.Millisecond, close: p.db.Close}
	e.count = func(ctx context.Context, query string) (int, error) { return count(ctx, p.db, query) }
	e.end = func(ctx context.Context, from, to, contacts int, ended time.Time) error {
		_, err := p.db.ExecContext(ctx, riverEndedSQLite, from, to, contacts, riverMoment(ended))
		return err
	}
	e.ofContact = func(q *river.JobListParams, i int) *river.JobListParams {
		return q.Where("args ->> '$.contact' = @contact", river.NamedArgs{"contact": i})
	}
	return startRiver(ctx, e, riversqlite.New(p.db), e.workers())
}

// startRiver migrates River's tables and starts a client.
func startRiver[TTx any](ctx context.Context, e *riverEngine, driver riverdriver.Driver[TTx], workers *river.Workers) (engine, error) {
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: silent})
	if err == nil {
		_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	}
	if err == nil {
		e.client, err = river.NewClient(driver, &river.Config{
			Logger:            silent,
			Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 64}},
			FetchCooldown:     e.cooldown,
			FetchPollInterval: 10 * time.Millisecond,
			JobTimeout:        -1,
			// The works remove ended jobs themselves, or not at all.
			CompletedJobRetentionPeriod: -1,
			Workers:                     workers,
		})
	}
	if err == nil {
		err = e.client.Start(context.WithoutCancel(ctx))
	}
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

// silent is a logger without output, for engines that log by default.
var silent = slog.New(slog.DiscardHandler)

// workers perform a step and insert the job of the next step.
func (e *riverEngine) workers() *river.Workers {
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[conditionJob]) error {
		if job.Args.Plan != plan {
			return nil
		}
		return e.insert(ctx, updateJob(job.Args))
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[updateJob]) error {
		if err := e.rename(ctx, job.Args.Contact); err != nil {
			return err
		}
		return e.insert(ctx, emailJob(job.Args))
	}))
	river.AddWorker(workers, river.WorkFunc(func(_ context.Context, job *river.Job[emailJob]) error {
		e.sink.deliver(job.Args.Contact)
		return nil
	}))
	river.AddWorker(workers, river.WorkFunc(func(_ context.Context, job *river.Job[lateJob]) error {
		e.sink.deliver(job.Args.Contact)
		return nil
	}))
	return workers
}

func (e *riverEngine) insert(ctx context.Context, args river.JobArgs) error {
	_, err := e.client.Insert(ctx, args, nil)
	return err
}

// completing performs a step, inserts the job of the next step and completes the job, in one
// transaction.
func completing[T river.JobArgs](ctx context.Context, e riverPgx, job *river.Job[T], next river.JobArgs, step func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, e.pool, func(tx pgx.Tx) error {
		if err := step(tx); err != nil {
			return err
		}
		if next != nil {
			if _, err := river.ClientFromContext[pgx.Tx](ctx).InsertTx(ctx, tx, next, nil); err != nil {
				return err
			}
		}
		_, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
		return err
	})
}

func (e riverPgx) conditionTx(ctx context.Context, job *river.Job[conditionJob]) error {
	var next river.JobArgs
	if job.Args.Plan == plan {
		next = updateJob(job.Args)
	}
	return completing(ctx, e, job, next, func(pgx.Tx) error { return nil })
}

func (e riverPgx) updateTx(ctx context.Context, job *river.Job[updateJob]) error {
	return completing(ctx, e, job, emailJob(job.Args), func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, renamePerson, firstName(job.Args.Contact), job.Args.Contact)
		return err
	})
}

// emailTx writes no rows of its own, so River completes the job.
func (e riverPgx) emailTx(_ context.Context, job *river.Job[emailJob]) error {
	e.sink.deliver(job.Args.Contact)
	return nil
}

// Close implements engine.
func (e *riverEngine) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return errors.Join(e.client.Stop(ctx), e.close())
}

// Flow implements engine.
func (e *riverEngine) Flow(ctx context.Context, i int) error {
	return e.insert(ctx, conditionJob{riverFlow{Contact: i, Plan: plan}})
}

// Finished implements engine.
func (e *riverEngine) Finished(ctx context.Context) (int, error) {
	return e.count(ctx, "SELECT count(*) FROM river_job WHERE kind = 'email' AND state = 'completed'")
}

// Campaign implements campaigner.
func (e *riverEngine) Campaign(ctx context.Context, n int) error {
	return e.insertMany(ctx, 0, n, func(i int) river.InsertManyParams {
		return river.InsertManyParams{Args: conditionJob{riverFlow{Contact: i, Plan: plan}}}
	})
}

// Sleep implements sleeper.
func (e *riverEngine) Sleep(ctx context.Context, from, to int, due time.Time) error {
	return e.insertMany(ctx, from, to, func(i int) river.InsertManyParams {
		return river.InsertManyParams{Args: lateJob{riverFlow{Contact: i, Plan: plan}}, InsertOpts: &river.InsertOpts{ScheduledAt: due}}
	})
}

// insertMany inserts the jobs of the numbers from the first to the second, which is excluded.
func (e *riverEngine) insertMany(ctx context.Context, from, to int, job func(i int) river.InsertManyParams) error {
	for at := from; at < to; at += eventBatch {
		jobs := make([]river.InsertManyParams, 0, eventBatch)
		for i := at; i < min(at+eventBatch, to); i++ {
			jobs = append(jobs, job(i))
		}
		if _, err := e.client.InsertManyFast(ctx, jobs); err != nil {
			return err
		}
	}
	return nil
}

// Sleeping implements sleeper.
func (e *riverEngine) Sleeping(ctx context.Context) (int, error) {
	return e.count(ctx, "SELECT count(*) FROM river_job WHERE state = 'scheduled'")
}

// ListRunning implements lister.
func (e *riverEngine) ListRunning(ctx context.Context) (int, error) {
	return e.list(ctx, river.NewJobListParams().States(rivertype.JobStateScheduled))
}

// ListOfContact implements lister.
func (e *riverEngine) ListOfContact(ctx context.Context, i int) (int, error) {
	return e.list(ctx, e.ofContact(river.NewJobListParams(), i))
}

func (e *riverEngine) list(ctx context.Context, params *river.JobListParams) (int, error) {
	jobs, err := e.client.JobList(ctx, params.First(page).OrderBy(river.JobListOrderByID, river.SortOrderDesc))
	if err != nil {
		return 0, err
	}
	return len(jobs.Jobs), nil
}

// CountRuns implements lister.
func (e *riverEngine) CountRuns(context.Context) (int, error) { return 0, errNoCall }
