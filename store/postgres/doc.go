// Package postgres keeps automations, events, contacts and runs in PostgreSQL, in
// a schema of their own beside the host's tables. Any number of processes share
// one database.
//
//	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
//	…
//	store, err := postgres.New(pool, postgres.Options{})
//	…
//	err = store.Migrate(ctx) // once, by every process that starts
//	…
//	runner, err := automation.New(store, mailer, automation.Options{})
//
// # Sending inside the host's transaction
//
// Tx and SQLTx return a writer that keeps events in a transaction of the host. The
// events take effect if and only if the transaction commits.
//
//	tx, err := pool.Begin(ctx)
//	…
//	_, err = runner.SendTo(ctx, store.Tx(tx), automation.Event{Name: "order.placed", ContactID: id})
//	…
//	err = tx.Commit(ctx)
//
// A contact directory in the same database reads through this transaction while SendTo
// executes. FindContact gets the transaction from its context, with TxFrom[pgx.Tx](ctx).
//
// # Requirements
//
// PostgreSQL 15 or newer. The user needs the right to create a schema, or a schema
// that was created for it. Behind a pooler that shares sessions between transactions,
// as PgBouncer does in its transaction mode, set Options.PollOnly, and configure the
// pool to send no prepared statements: pgx.QueryExecModeExec.
//
// The tables of work in progress are emptied as fast as they are filled, and are set
// to be vacuumed after every 5,000 dead rows. By default the server checks that once a
// minute. For thousands of runs a second over a long time set its autovacuum_naptime to
// 10s.
package postgres
