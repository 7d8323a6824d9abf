package postgres_test

import (
	"context"
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
}
