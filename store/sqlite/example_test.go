package sqlite_test

import (
	"context"
	"database/sql"
	"errors"

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

// usersTable is a table of the application.
type usersTable struct{ db *sql.DB }

// FindContact is the method of a contact directory. SendTo calls it while the
// application's transaction is open, which may have inserted the user.
func (u usersTable) FindContact(ctx context.Context, ref automation.ContactRef) (c automation.Contact, err error) {
	query := u.db.QueryRowContext
	if tx, ok := sqlite.TxFrom[*sql.Tx](ctx); ok {
		query = tx.QueryRowContext
	}
	err = query(ctx, "SELECT id, email FROM users WHERE id = ? OR lower(email) = lower(?)", ref.ID, ref.Email).Scan(&c.ID, &c.Email)
	if errors.Is(err, sql.ErrNoRows) {
		err = automation.ErrNotFound
	}
	return c, err
}

// Users are the contacts. The transaction inserts a user and sends an event by its id.
func ExampleTxFrom() {
	signUp := func(ctx context.Context, tx *sql.Tx, store *sqlite.Store, runner *automation.Runner, email string) error {
		var id string
		err := tx.QueryRowContext(ctx, "INSERT INTO users (email) VALUES (?) RETURNING id", email).Scan(&id)
		if err != nil {
			return err
		}
		// SendTo calls FindContact of usersTable.
		_, err = runner.SendTo(ctx, store.Tx(tx), automation.Event{Name: "user.created", ContactID: id})
		if err != nil {
			return err
		}
		return tx.Commit()
	}
	_, _ = signUp, usersTable.FindContact
}
