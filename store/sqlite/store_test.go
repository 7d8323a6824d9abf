package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite"
	"github.com/seed-b636437c/automation/store/storetest"
)

// TestStore runs the suite with two handles on one file, as two processes have.
func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(tb testing.TB) storetest.Target { return newTarget(tb, ncruces, 0) })
}

// TestStore_WithAnotherDriver runs the suite with a single connection in each pool.
func TestStore_WithAnotherDriver(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(tb testing.TB) storetest.Target { return newTarget(tb, modernc, 1) })
}

// newTarget returns a Target whose handles have pools of this size; 0 is the default.
func newTarget(tb testing.TB, d driverName, connections int) storetest.Target {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "store.db")
	return storetest.Target{Durable: true, Open: func(ctx context.Context) (automation.Store, error) {
		db := d.open(tb, path)
		db.SetMaxOpenConns(connections)
		s := sqlite.New(db)
		return s, s.Migrate(ctx)
	}, Dump: func(ctx context.Context) (string, error) { return dump(ctx, d.open(tb, path)) }}
}

// dump returns every column of every table as text.
func dump(ctx context.Context, db *sql.DB) (string, error) {
	tables, err := texts(ctx, db, `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, table := range tables {
		rows, err := texts(ctx, db, "SELECT * FROM "+table)
		if err != nil {
			return "", err
		}
		for _, row := range rows {
			fmt.Fprintf(&text, "%s: %s\n", table, row)
		}
	}
	return text.String(), nil
}

// texts returns the rows of a query, each as one text.
func texts(ctx context.Context, db *sql.DB, query string) (lines []string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		values, targets := make([][]byte, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		lines = append(lines, string(bytes.Join(values, []byte(" | "))))
	}
	return lines, rows.Err()
}
