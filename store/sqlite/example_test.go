package sqlite_test

import (
	"context"
	"database/sql"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// One call, with a driver that needs no C compiler.
func Example_file() {
	open := func(ctx context.Context) (automation.Store, error) {
		store, err := sqlitefile.Open(ctx, "automation.db")
		return store, err
	}
	_ = open
}

// The application has opened the database itself, with any driver.
func Example() {
	open := func(ctx context.Context, db *sql.DB) (automation.Store, error) {
		store := sqlite.New(db)
		err := store.Migrate(ctx)
		return store, err
	}
	_ = open
}

// Either both the user and the event about the user exist, or neither does.
func ExampleStore_Tx() {
	signUp := func(ctx context.Context, db *sql.DB, store *sqlite.Store, email string) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, "INSERT INTO users (email) VALUES (?)", email); err != nil {
			return err
		}
		_, err = automation.Send(ctx, store.Tx(tx), automation.Event{Name: "user.created", Email: email})
		if err != nil {
			return err
		}
		return tx.Commit()
	}
	_ = signUp
}
