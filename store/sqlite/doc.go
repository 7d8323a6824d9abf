// Package sqlite keeps automations, events, contacts and runs in a SQLite
// database, in a file of their own or beside the application's tables: their names
// begin with automation_. It works with any driver, on a database that the
// application has opened. Package sqlitefile opens one for those who bring none.
//
//	store := sqlite.New(db)
//	if err := store.Migrate(ctx); err != nil {
//		return err
//	}
//	runner, err := automation.New(store, mailer, automation.Options{})
//
// The database must be in WAL mode. What was written is on the disk when the call
// returns, whatever the connections are set to. Any number of processes on one
// machine can share the file; one writes at a time.
//
// A process must not open one file with two drivers that bring a SQLite of their own:
// when one closes it, locks of the other are gone.
//
// # Sending inside the application's transaction
//
// Tx returns a writer that keeps events in a transaction of the application: they
// take effect if and only if it commits.
//
//	tx, err := db.BeginTx(ctx, nil)
//	…
//	_, err = runner.SendTo(ctx, store.Tx(tx), automation.Event{Name: "order.placed", ContactID: id})
//	…
//	err = tx.Commit()
//
// Others wait until such a transaction ends: it should be short.
//
// # Connections
//
// A call holds one connection at most, and none while it waits for its turn, so
// that a pool of a single one will do. Watch, by which a Runner hears of work that
// other processes add, needs a second one for as long as it runs; without it the
// Runner polls.
package sqlite
