package database

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/postgres"
)

// postgresDatabase is a Postgres database, with a pool of its own.
type postgresDatabase struct {
	pool   *pgxpool.Pool
	store  *postgres.Store
	schema string
}

// connections is how many connections the tool uses at most: a database in trouble has
// none to spare.
const connections = 3

// connectTimeout bounds the wait for a connection, if the URL does not.
const connectTimeout = 10 * time.Second

func openPostgres(ctx context.Context, t Target) (*postgresDatabase, error) {
	config, err := pgxpool.ParseConfig(t.URL)
	if err != nil {
		return nil, err // which does not contain the password
	}
	config.MaxConns = connections
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "automation command"
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	store, err := postgres.New(pool, postgres.Options{Schema: t.Schema, PollOnly: true})
	if err == nil {
		err = pool.Ping(ctx)
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &postgresDatabase{pool: pool, store: store, schema: cmp.Or(t.Schema, "automation")}, nil
}

func (d *postgresDatabase) Store() automation.Store { return d.store }

func (d *postgresDatabase) Migrate(ctx context.Context) error { return d.store.Migrate(ctx) }

func (d *postgresDatabase) Close() error {
	err := d.store.Close()
	d.pool.Close()
	return err
}

// table returns the name of a table for a statement.
func (d *postgresDatabase) table(name string) string {
	return pgx.Identifier{d.schema, name}.Sanitize()
}

func (d *postgresDatabase) Migrations(ctx context.Context) ([]Migration, error) {
	all, err := postgresMigrations(d.schema)
	if err != nil {
		return nil, err
	}
	var exists bool
	err = d.pool.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", d.table("migrations")).Scan(&exists)
	if err != nil || !exists {
		return all, err
	}
	rows, err := d.pool.Query(ctx, "SELECT number, name, applied_at FROM "+d.table("migrations")+" ORDER BY number")
	if err != nil {
		return nil, err
	}
	applied, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m Migration, err error) {
		err = row.Scan(&m.Number, &m.Name, &m.AppliedAt)
		return m, err
	})
	return mark(all, applied), err
}

func (d *postgresDatabase) Now(ctx context.Context) (now time.Time, own bool, err error) {
	err = d.pool.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now)
	return now, true, err
}

func (d *postgresDatabase) Prunable(ctx context.Context, before time.Time) (res automation.PruneResult, err error) {
	query := fmt.Sprintf(`SELECT (SELECT count(*) FROM %s WHERE completed_at < $1), (SELECT count(*) FROM %s WHERE handled_at < $1)`,
		d.table("ended_runs"), d.table("loose_events"))
	err = d.pool.QueryRow(ctx, query, before).Scan(&res.Runs, &res.Events)
	return res, err
}
