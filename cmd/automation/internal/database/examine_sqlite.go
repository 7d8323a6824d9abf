package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Examine reads what SQLite knows about the file.
func (d *sqliteDatabase) Examine(ctx context.Context, _ func() time.Time) ([]Finding, error) {
	var all []Finding
	for _, check := range []func(context.Context) (Finding, error){
		d.journal, d.indexes, d.damage,
		func(context.Context) (Finding, error) { return d.log(largeLog) },
	} {
		f, err := check(ctx)
		if err != nil {
			return all, err
		}
		all = append(all, f)
	}
	return all, nil
}

func (d *sqliteDatabase) journal(ctx context.Context) (Finding, error) {
	var mode string
	err := d.db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode)
	f := Finding{Check: "journal", State: OK, Message: "the file is in WAL mode"}
	if mode != "wal" {
		f.State, f.Message = Problem, fmt.Sprintf("the journal mode is %q, in which readers and the writer wait for each other; the store refuses it", mode)
		f.WayOut = "PRAGMA journal_mode = wal"
	}
	return f, err
}

func (d *sqliteDatabase) indexes(ctx context.Context) (Finding, error) {
	rows, err := d.db.QueryContext(ctx, "SELECT name FROM sqlite_schema WHERE type = 'index'")
	if err != nil {
		return Finding{}, err
	}
	defer rows.Close()
	var usable []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return Finding{}, err
		}
		usable = append(usable, name)
	}
	return missingIndexes(indexesOf(sqliteMigrations()), usable), rows.Err()
}

// largeLog is how large the log is that shows that it is not emptied. The store of
// sqlitefile empties it after 16 MB.
const largeLog = 256 << 20

// log looks at the write-ahead log, which SQLite cannot empty while a reader needs it.
func (d *sqliteDatabase) log(large int64) (Finding, error) {
	f := Finding{Check: "log", State: OK, Message: "the write-ahead log is small"}
	info, err := os.Stat(d.path + "-wal")
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	if info.Size() > large {
		f.State, f.Message = Warning, fmt.Sprintf("the write-ahead log %s has %d MB: reads get slower", d.path+"-wal", info.Size()>>20)
		f.WayOut = "end processes that keep a read transaction open; then it is emptied by PRAGMA wal_checkpoint(truncate)"
	}
	return f, nil
}

// damage reads the whole file.
func (d *sqliteDatabase) damage(ctx context.Context) (Finding, error) {
	var first string
	err := d.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&first)
	f := Finding{Check: "file", State: OK, Message: "the file is not damaged"}
	if first != "ok" {
		f.State, f.Message = Problem, "the file is damaged: "+first
		f.WayOut = "restore a backup, or recover what is left: sqlite3 FILE .recover"
	}
	return f, err
}
