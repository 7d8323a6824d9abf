// Package sqlite keeps automations, events, contacts and runs in a SQLite
// database, in a file of their own or beside the application's tables. The names of
// its tables begin with automation_. It works with any driver, on a database that the
// application has opened. For an application without a driver, package sqlitefile
// opens one.
//
//	store := sqlite.New(db)
//	if err := store.Migrate(ctx); err != nil {
//		return err
//	}
//	runner, err := automation.New(store, mailer, automation.Options{})
//
// The database must be in WAL mode. When a call that writes returns, its data is on
// the disk, whatever the settings of the connections are. Any number of processes on
// one machine can share the file; one writes at a time.
//
// A process must not open one file with two drivers that contain a SQLite each: when
// one of them closes the file, the locks of the other are gone.
//
// # Sending inside the application's transaction
//
// Tx returns a writer that keeps events in a transaction of the application. The events
// take effect if and only if the transaction commits.
//
//	tx, err := db.BeginTx(ctx, nil)
//	…
//	_, err = runner.SendTo(ctx, store.Tx(tx), automation.Event{Name: "order.placed", ContactID: id})
//	…
//	err = tx.Commit()
//
// A contact directory in the same database reads through this transaction while SendTo
// executes. FindContact gets the transaction from its context, with TxFrom[*sql.Tx](ctx).
//
// All other writers wait until such a transaction ends, so it should be short.
//
// # Connections
//
// A call holds one connection at most, and none while it waits for its turn, so
// a pool of a single connection suffices. A Runner uses Watch to find work that other
// processes add. Watch needs a second connection for as long as it runs; without one
// the Runner polls.
package sqlite
