package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	_ "github.com/dbos-inc/dbos-transact-golang/dbos/driver/sqlite" // the driver "sqlite"
)

// dbosContestants are DBOS Transact: a workflow with a step for the condition, a
// transaction for the contact and a step for the email. The contacts are in DBOS's system
// database, so that the transaction also contains the record of the step.
//
// Runs are started with RunWorkflow in the process that executes them. A queue would poll,
// and start them no faster. Each sleeping or waiting workflow is a goroutine.
func dbosContestants() []contestant {
	tooSlow := also(nil, tooManyRuns, "w12", "w13")
	return []contestant{
		{
			Engine: "dbos", Store: onPostgres, Settings: "a pool of 20 connections, RunAsTransaction on the system database",
			Open: openDBOSPgx, Made: 500,
			Sizes: map[string][]int{"w1": {5_000}, "w2": {5_000}, "w3": {1_000, 10_000}, "w4": {2_000}, "w5": {10_000}, "w8": {2_000}, "w9": {2_000}, "w10": {5_000}, "w11": {5_000}}, Lacks: tooSlow,
		},
		{
			Engine: "dbos", Store: onSQLite, Settings: "WAL, synchronous=FULL (its default is NORMAL), 8 connections as by default",
			Open: openDBOSSQLite, Made: 200,
			Sizes: map[string][]int{"w1": {5_000}, "w2": {5_000}, "w3": {1_000, 5_000}, "w4": {2_000}, "w5": {5_000}, "w8": {1_000}, "w9": {1_000}, "w10": {2_000}, "w11": {5_000}}, Lacks: tooSlow,
		},
	}
}

// dbosEngine is a DBOS context.
type dbosEngine struct {
	people
	ctx    dbos.Context
	source *dbos.DataSource
	sink   *sink
	count  func(ctx context.Context, query string) (int, error)
	close  func() error
}

func openDBOSPgx(ctx context.Context, s setting) (engine, error) {
	p, err := openPgxPeople(ctx, s.Postgres)
	if err != nil {
		return nil, err
	}
	e := &dbosEngine{people: p, sink: s.Sink, close: func() error { p.pool.Close(); return nil }}
	e.count = func(ctx context.Context, query string) (n int, err error) {
		err = p.pool.QueryRow(ctx, inDBOS(query, "dbos.")).Scan(&n)
		return n, err
	}
	e.ctx, err = dbos.NewContext(context.WithoutCancel(ctx), dbos.Config{AppName: "bench", SystemDBPool: p.pool, Logger: silent})
	if err == nil {
		e.source, err = dbos.NewDataSource(e.ctx, p.pool)
	}
	return e.launch(err)
}

func openDBOSSQLite(ctx context.Context, s setting) (engine, error) {
	p, err := openSQLPeople(ctx, "sqlite", s.File, 8)
	if err != nil {
		return nil, err
	}
	e := &dbosEngine{people: p, sink: s.Sink, close: p.db.Close}
	e.count = func(ctx context.Context, query string) (int, error) { return count(ctx, p.db, inDBOS(query, "")) }
	e.ctx, err = dbos.NewContext(context.WithoutCancel(ctx), dbos.Config{AppName: "bench", SQLiteSystemDB: p.db, Logger: silent})
	if err == nil {
		e.source, err = dbos.NewDataSource(e.ctx, p.db)
	}
	return e.launch(err)
}

// inDBOS returns a query for DBOS's schema.
func inDBOS(query, schema string) string { return fmt.Sprintf(query, schema) }

// launch registers the workflows and starts DBOS's work in the background.
func (e *dbosEngine) launch(err error) (engine, error) {
	if err == nil {
		dbos.RegisterWorkflow(e.ctx, e.flow)
		dbos.RegisterWorkflow(e.ctx, e.sleep)
		dbos.RegisterWorkflow(e.ctx, e.wait)
		err = dbos.Launch(e.ctx)
	}
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

// dbosInput is the input of a workflow.
type dbosInput struct {
	Contact int
	Plan    string
	Due     time.Time
}

func (e *dbosEngine) flow(ctx dbos.Context, in dbosInput) (string, error) {
	met, err := dbos.RunAsStep(ctx, func(context.Context) (bool, error) { return in.Plan == plan, nil }, dbos.WithStepName("condition"))
	if err != nil || !met {
		return "", err
	}
	if _, err := dbos.RunAsTransaction(ctx, e.source, func(ctx context.Context, tx dbos.Tx) (string, error) {
		_, err := tx.Exec(ctx, renamePerson, firstName(in.Contact), in.Contact)
		return "", err
	}, dbos.WithStepName("update")); err != nil {
		return "", err
	}
	return e.email(ctx, in)
}

func (e *dbosEngine) email(ctx dbos.Context, in dbosInput) (string, error) {
	return dbos.RunAsStep(ctx, func(context.Context) (string, error) {
		e.sink.deliver(in.Contact)
		return "sunk", nil
	}, dbos.WithStepName("email"))
}

func (e *dbosEngine) sleep(ctx dbos.Context, in dbosInput) (string, error) {
	if _, err := dbos.Sleep(ctx, time.Until(in.Due)); err != nil {
		return "", err
	}
	return e.email(ctx, in)
}

func (e *dbosEngine) wait(ctx dbos.Context, in dbosInput) (string, error) {
	if _, err := dbos.Recv[string](ctx, dbosTopic, forever); err != nil {
		return "", err
	}
	return e.email(ctx, in)
}

const dbosTopic = "user.active"

// Flow implements engine.
func (e *dbosEngine) Flow(_ context.Context, i int) error {
	_, err := dbos.RunWorkflow(e.ctx, e.flow, dbosInput{Contact: i, Plan: plan}, dbos.WithWorkflowID(dbosID("flow", i)))
	return err
}

// dbosID returns the id of the run of a contact. No id is the prefix of another id.
func dbosID(kind string, i int) string { return fmt.Sprintf("%s-%08d", kind, i) }

// Finished implements engine.
func (e *dbosEngine) Finished(ctx context.Context) (int, error) {
	return e.count(ctx, "SELECT count(*) FROM %sworkflow_status WHERE status = 'SUCCESS'")
}

// Sleep implements sleeper. Workflows are started one by one.
func (e *dbosEngine) Sleep(_ context.Context, from, to int, due time.Time) error {
	return together(senders, from, to, func(i int) error {
		_, err := dbos.RunWorkflow(e.ctx, e.sleep, dbosInput{Contact: i, Due: due}, dbos.WithWorkflowID(dbosID("sleep", i)))
		return err
	})
}

// Sleeping implements sleeper.
func (e *dbosEngine) Sleeping(ctx context.Context) (int, error) {
	return e.count(ctx, "SELECT count(*) FROM %soperation_outputs WHERE function_name = 'DBOS.sleep'")
}

// Wait implements waiter.
func (e *dbosEngine) Wait(_ context.Context, from, to int) error {
	return together(senders, from, to, func(i int) error {
		_, err := dbos.RunWorkflow(e.ctx, e.wait, dbosInput{Contact: i}, dbos.WithWorkflowID(dbosID("wait", i)))
		return err
	})
}

// Waiting implements waiter. The deadline of Recv is recorded as a sleep.
func (e *dbosEngine) Waiting(ctx context.Context) (int, error) { return e.Sleeping(ctx) }

// Signal implements waiter.
func (e *dbosEngine) Signal(_ context.Context, i int) error {
	return dbos.Send(e.ctx, dbosID("wait", i), "active", dbosTopic)
}

// ListRunning implements lister.
func (e *dbosEngine) ListRunning(context.Context) (int, error) {
	return e.list(dbos.WithFilterStatus(dbos.WorkflowStatusPending))
}

// ListOfContact implements lister. The id of a workflow begins with its contact.
func (e *dbosEngine) ListOfContact(_ context.Context, i int) (int, error) {
	return e.list(dbos.WithFilterWorkflowIDPrefix(dbosID("wait", i)))
}

func (e *dbosEngine) list(filter dbos.ListWorkflowsOption) (int, error) {
	workflows, err := dbos.ListWorkflows(e.ctx, filter, dbos.WithFilterLimit(page), dbos.WithFilterSortDesc(),
		dbos.WithFilterLoadInput(false), dbos.WithFilterLoadOutput(false))
	return len(workflows), err
}

// CountRuns implements lister.
func (e *dbosEngine) CountRuns(context.Context) (int, error) {
	rows, err := dbos.GetWorkflowAggregates(e.ctx, dbos.GetWorkflowAggregatesInput{GroupByStatus: true, SelectCount: true})
	n := 0
	for _, r := range rows {
		n += int(*r.Count)
	}
	return n, err
}

// Close implements engine. Sleeping workflows do not end in time, and stay as they are.
func (e *dbosEngine) Close() error {
	_ = dbos.Shutdown(e.ctx, 2*time.Second) // fails if a workflow sleeps
	return e.close()
}
