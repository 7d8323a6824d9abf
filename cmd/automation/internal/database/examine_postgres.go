package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Examine reads what Postgres knows about itself.
func (d *postgresDatabase) Examine(ctx context.Context, now func() time.Time) ([]Finding, error) {
	var all []Finding
	for _, check := range []func(context.Context) (Finding, error){
		func(ctx context.Context) (Finding, error) { return d.clock(ctx, now) },
		d.primary, d.indexes, d.autovacuum,
		func(ctx context.Context) (Finding, error) { return d.deadRows(ctx, manyDead) },
		func(ctx context.Context) (Finding, error) { return d.transactions(ctx, longTransaction) },
		d.connections, d.workers,
	} {
		f, err := check(ctx)
		if err != nil {
			return all, err
		}
		all = append(all, f)
	}
	return all, nil
}

// The clocks of nodes are compared with each other when a wait begins, and leases end by
// them. A lease lasts for a minute by default.
const (
	noticeable = 2 * time.Second
	tooMuch    = 30 * time.Second
)

func (d *postgresDatabase) clock(ctx context.Context, now func() time.Time) (Finding, error) {
	before := now()
	theirs, _, err := d.Now(ctx)
	after := now()
	difference := before.Add(after.Sub(before) / 2).Sub(theirs).Round(time.Millisecond)
	f := Finding{Check: "clock", State: OK, Message: fmt.Sprintf("the clock of this machine and that of Postgres differ by %s", difference.Abs())}
	if uncertain := after.Sub(before) / 2; difference.Abs() > noticeable+uncertain {
		f.State = Warning
		if difference.Abs() > tooMuch+uncertain {
			f.State = Problem
		}
		f.WayOut = "synchronise both clocks with NTP; if this is not a machine of the application, look at those"
	}
	return f, err
}

func (d *postgresDatabase) primary(ctx context.Context) (Finding, error) {
	f := Finding{Check: "server", State: OK}
	var standby, readOnly bool
	var version string
	err := d.pool.QueryRow(ctx, `SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only')::boolean, current_setting('server_version')`).
		Scan(&standby, &readOnly, &version)
	f.Message = "Postgres " + version + " takes writes"
	switch {
	case standby:
		f.State, f.Message = Problem, "this server is a standby, which takes no writes"
		f.WayOut = "give the URL of the primary, or add target_session_attrs=read-write to a URL with several hosts"
	case readOnly:
		f.State, f.Message = Problem, "transactions of this user or database are read-only by default"
		f.WayOut = "reset default_transaction_read_only for the user of the application"
	}
	return f, err
}

func (d *postgresDatabase) indexes(ctx context.Context) (Finding, error) {
	migrations, err := postgresMigrations(d.schema)
	if err != nil {
		return Finding{}, err
	}
	rows, err := d.pool.Query(ctx, `
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND i.indisvalid AND i.indisready`, d.schema)
	if err != nil {
		return Finding{}, err
	}
	usable, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return missingIndexes(indexesOf(migrations), usable), err
}

func (d *postgresDatabase) autovacuum(ctx context.Context) (Finding, error) {
	f := Finding{Check: "autovacuum", State: OK, Message: "autovacuum is on"}
	var on bool
	var off *string
	err := d.pool.QueryRow(ctx, `
SELECT current_setting('autovacuum')::boolean AND current_setting('track_counts')::boolean,
	(SELECT string_agg(relname, ', ' ORDER BY relname) FROM pg_class
	 WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND relkind = 'r' AND 'autovacuum_enabled=false' = ANY (reloptions))`, d.schema).
		Scan(&on, &off)
	switch {
	case !on:
		f.State, f.Message = Problem, "autovacuum or track_counts is off: dead rows are never removed, and claims get slower and slower"
		f.WayOut = "ALTER SYSTEM SET autovacuum = on; ALTER SYSTEM SET track_counts = on; SELECT pg_reload_conf()"
	case off != nil:
		f.State, f.Message = Problem, "autovacuum is off for "+*off
		f.WayOut = "ALTER TABLE … RESET (autovacuum_enabled)"
	}
	return f, err
}

// manyDead is how many dead rows of a table show that vacuum does not keep up. The tables
// of work in progress are vacuumed after 5,000.
const manyDead = 100_000

// deadRows looks for the table with the most dead rows, if these are more than the given
// number and more than half of the live ones.
func (d *postgresDatabase) deadRows(ctx context.Context, many int) (Finding, error) {
	f := Finding{Check: "dead rows", State: OK, Message: "vacuum keeps up with dead rows"}
	var table string
	var live, dead int64
	var last *time.Time
	err := d.pool.QueryRow(ctx, `
SELECT relname, n_live_tup, n_dead_tup, greatest(last_vacuum, last_autovacuum) FROM pg_stat_user_tables
WHERE schemaname = $1 AND n_dead_tup > $2 AND n_dead_tup > n_live_tup / 2 ORDER BY n_dead_tup DESC LIMIT 1`, d.schema, many).
		Scan(&table, &live, &dead, &last)
	if errors.Is(err, pgx.ErrNoRows) {
		return f, nil
	}
	vacuumed := "and was never vacuumed"
	if last != nil {
		vacuumed = "and was last vacuumed at " + last.UTC().Format(time.DateTime) + " UTC"
	}
	f.State, f.Message = Problem, fmt.Sprintf("table %s has %d dead rows beside %d live ones, %s", table, dead, live, vacuumed)
	f.WayOut = "end old transactions, which keep vacuum from removing rows, and execute: VACUUM " + d.table(table)
	return f, err
}

// longTransaction is how old a transaction is that harms: as long as it is open, no dead
// row of any transaction can be removed.
const longTransaction = 5 * time.Minute

func (d *postgresDatabase) transactions(ctx context.Context, long time.Duration) (Finding, error) {
	f := Finding{Check: "transactions", State: OK, Message: "no transaction has been open for long"}
	var kind, id, application string
	var open float64
	err := d.pool.QueryRow(ctx, `
SELECT * FROM (
	SELECT 'pid', pid::text, coalesce(application_name, ''), extract(epoch FROM clock_timestamp() - xact_start)::float8 AS open FROM pg_stat_activity
	WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
	UNION ALL
	SELECT 'prepared', gid, owner, extract(epoch FROM clock_timestamp() - prepared)::float8 FROM pg_prepared_xacts WHERE database = current_database()
) t WHERE open > $1 ORDER BY open DESC LIMIT 1`, long.Seconds()).Scan(&kind, &id, &application, &open)
	if errors.Is(err, pgx.ErrNoRows) {
		return f, nil
	}
	f.State, f.Message = Warning, fmt.Sprintf("a transaction of %q (%s %s) has been open for %s: vacuum cannot remove rows that died since", application, kind, id, time.Duration(open)*time.Second)
	f.WayOut = "end it in its application, or: SELECT pg_terminate_backend(" + id + ")"
	if kind == "prepared" {
		f.WayOut = "COMMIT PREPARED or ROLLBACK PREPARED '" + id + "'"
	}
	return f, err
}

func (d *postgresDatabase) connections(ctx context.Context) (Finding, error) {
	var used, most int
	err := d.pool.QueryRow(ctx, `
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
	current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int`).Scan(&used, &most)
	f := Finding{Check: "connections", State: OK, Message: fmt.Sprintf("%d of %d connections are in use", used, most)}
	if used*10 >= most*9 {
		f.State = Warning
		f.WayOut = "make the pools of the applications smaller, or raise max_connections"
	}
	return f, err
}

// workers counts the connections on which Watch listens. The server shows them to a user
// with the same role, or with the rights of pg_monitor.
func (d *postgresDatabase) workers(ctx context.Context) (Finding, error) {
	var n int
	err := d.pool.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = $1",
		"LISTEN "+pgx.Identifier{d.schema}.Sanitize()).Scan(&n)
	f := Finding{Check: "workers", State: OK, Message: fmt.Sprintf("%d processes listen for work", n)}
	switch n {
	case 0:
		f.Message = "no process listens for work that this user can see: none runs, or those that run poll"
	case 1:
		f.Message = "1 process listens for work"
	}
	return f, err
}
