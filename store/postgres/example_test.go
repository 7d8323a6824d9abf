package postgres_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/postgres"
)

func Example() {
	open := func(ctx context.Context, pool *pgxpool.Pool) (automation.Store, error) {
		store, err := postgres.New(pool, postgres.Options{})
		if err != nil {
			return nil, err
		}
		err = store.Migrate(ctx)
		return store, err
	}
	_ = open
}

// Either both the user and the event about the user exist, or neither does.
func ExampleStore_Tx() {
	signUp := func(ctx context.Context, tx pgx.Tx, store *postgres.Store, email string) error {
		_, err := tx.Exec(ctx, "INSERT INTO users (email) VALUES ($1)", email)
		if err != nil {
			return err
		}
		_, err = automation.Send(ctx, store.Tx(tx), automation.Event{Name: "user.created", Email: email})
		if err != nil {
			return err
		}
		return tx.Commit(ctx)
	}
	_ = signUp
}

// usersTable is a table of the host.
type usersTable struct{ pool *pgxpool.Pool }

// FindContact is the method of a contact directory. SendTo calls it while the host's
// transaction is open, which may have inserted the user.
func (u usersTable) FindContact(ctx context.Context, ref automation.ContactRef) (c automation.Contact, err error) {
	query := u.pool.QueryRow
	if tx, ok := postgres.TxFrom[pgx.Tx](ctx); ok {
		query = tx.QueryRow
	}
	err = query(ctx, "SELECT id::text, email FROM users WHERE id::text = $1 OR lower(email) = lower($2)", ref.ID, ref.Email).Scan(&c.ID, &c.Email)
	if errors.Is(err, pgx.ErrNoRows) {
		err = automation.ErrNotFound
	}
	return c, err
}

// Users are the contacts. The transaction inserts a user and sends an event by its id.
func ExampleTxFrom() {
	signUp := func(ctx context.Context, pool *pgxpool.Pool, store *postgres.Store, runner *automation.Runner, email string) error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			var id string
			err := tx.QueryRow(ctx, "INSERT INTO users (email) VALUES ($1) RETURNING id::text", email).Scan(&id)
			if err != nil {
				return err
			}
			// SendTo calls FindContact of usersTable.
			_, err = runner.SendTo(ctx, store.Tx(tx), automation.Event{Name: "user.created", ContactID: id})
			return err
		})
	}
	_, _ = signUp, usersTable.FindContact
}

// A team can apply migrations with a tool of its own.
func ExampleMigrations() {
	migrations, err := postgres.Migrations("automation")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range migrations {
		_ = m.SQL
		fmt.Printf("%04d_%s.sql\n", m.Number, m.Name)
	}
	// Output:
	// 0001_init.sql
	// 0002_segments.sql
	// 0003_owners.sql
	// 0004_begun.sql
	// 0005_stopped.sql
	// 0006_outcomes.sql
	// 0007_contact_properties.sql
	// 0008_outputs.sql
	// 0009_version_authors.sql
	// 0010_completed.sql
	// 0011_error_codes.sql
	// 0012_projections.sql
	// 0013_listens.sql
	// 0014_sent_events.sql
	// 0015_entries.sql
	// 0016_fences.sql
	// 0017_hot_leases.sql
	// 0018_places.sql
	// 0019_bulks.sql
	// 0020_event_rows.sql
}
