package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"runtime/pprof"
	"strings"

	"github.com/jackc/pgx/v5"
)

// lockRate is the rate of mutex profiles: one in so many waits is recorded.
const lockRate = 5

// profiled calls do for n runs. If the cell has a folder for profiles, profiled writes the
// profiles of the processor, of allocations and of locks there, and a text with the cost of
// a run for this process and, on Postgres, for the server.
func (b *bench) profiled(ctx context.Context, n int, do func() error) (err error) {
	if b.cell.Profiles == "" {
		return do()
	}
	path := filepath.Join(b.cell.Profiles, strings.Join([]string{b.work, b.cell.Engine, b.cell.Store}, "-"))
	if err := b.watchStatements(ctx); err != nil {
		return fmt.Errorf("watching statements: %w", err)
	}
	cpu, err := os.Create(path + ".cpu")
	if err != nil {
		return err
	}
	runtime.SetMutexProfileFraction(lockRate)
	if err := writeProfile("allocs", path+".allocs-before"); err != nil {
		return err
	}
	before := readCosts()
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return err
	}
	err = do()
	pprof.StopCPUProfile()
	after := readCosts()
	err = errors.Join(err, cpu.Close(), writeProfile("allocs", path+".allocs"), writeProfile("mutex", path+".mutex"))
	if err != nil {
		return err
	}
	text, err := os.Create(path + ".txt")
	if err != nil {
		return err
	}
	after.write(text, before, b, n)
	return errors.Join(b.writeStatements(ctx, text, n), text.Close())
}

func writeProfile(name, path string) error {
	runtime.GC() // the profile of allocations is that of the last collection
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup(name).WriteTo(file, 0), file.Close())
}

// costs holds the resources that this process used since it began.
type costs struct {
	allocations, bytes, collections uint64
	all, collecting                 float64 // seconds of the processor, without idle time
}

func readCosts() costs {
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/cycles/total:gc-cycles"},
		{Name: "/cpu/classes/total:cpu-seconds"}, {Name: "/cpu/classes/idle:cpu-seconds"}, {Name: "/cpu/classes/gc/total:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/idle:cpu-seconds"},
	}
	runtime.GC() // updates the metrics
	metrics.Read(samples)
	idle := samples[4].Value.Float64()
	return costs{
		samples[0].Value.Uint64(), samples[1].Value.Uint64(), samples[2].Value.Uint64(),
		samples[3].Value.Float64() - idle, samples[5].Value.Float64() - samples[6].Value.Float64(),
	}
}

func (c costs) write(w io.Writer, before costs, b *bench, n int) {
	per := func(v float64) float64 { return v / float64(n) }
	fmt.Fprintf(w, "%s, %s on %s, %d runs\n", strings.ToUpper(b.work), b.cell.Engine, b.cell.Store, n)
	fmt.Fprintf(w, "this process, per run: %.1f allocations, %.0f bytes, %.1f us of the processor, of which %.1f us for collecting garbage (%d times in all)\n",
		per(float64(c.allocations-before.allocations)), per(float64(c.bytes-before.bytes)),
		per((c.all-before.all)*1e6), per((c.collecting-before.collecting)*1e6), c.collections-before.collections)
}

// statementsExtension is the extension that counts statements. The server loads its library
// at its start if there are profiles.
const statementsExtension = "pg_stat_statements"

// watchStatements makes the server count statements from now on.
func (b *bench) watchStatements(ctx context.Context) error {
	if b.cell.Store != onPostgres {
		return nil
	}
	return b.onServer(ctx, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS "+statementsExtension+" SCHEMA public"); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, "SELECT public.pg_stat_statements_reset()")
		return err
	})
}

// statementCosts are the statements of a database, the most expensive first.
const statementCosts = `
SELECT calls, rows, total_exec_time * 1000, wal_bytes::float8, (shared_blks_hit + shared_blks_read)::float8,
	left(regexp_replace(trim(query), '\s+', ' ', 'g'), 100)
FROM public.pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
WHERE d.datname = current_database() AND query NOT LIKE '%pg_stat_statements%'
ORDER BY total_exec_time DESC`

// shownStatements is how many statements are written separately.
const shownStatements = 24

func (b *bench) writeStatements(ctx context.Context, w io.Writer, n int) error {
	if b.cell.Store != onPostgres {
		return nil
	}
	return b.onServer(ctx, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, statementCosts)
		if err != nil {
			return err
		}
		defer rows.Close()
		fmt.Fprintf(w, "%8s %9s %8s %9s %10s  %s\n", "calls", "rows", "us/run", "WAL-B/run", "pages/run", "statement")
		var all struct {
			calls           int64
			us, wal, blocks float64
		}
		for i := 0; rows.Next(); i++ {
			var calls, count int64
			var us, wal, blocks float64
			var text string
			if err := rows.Scan(&calls, &count, &us, &wal, &blocks, &text); err != nil {
				return err
			}
			all.calls, all.us, all.wal, all.blocks = all.calls+calls, all.us+us, all.wal+wal, all.blocks+blocks
			if i < shownStatements {
				fmt.Fprintf(w, "%8d %9d %8.2f %9.0f %10.1f  %s\n", calls, count, us/float64(n), wal/float64(n), blocks/float64(n), text)
			}
		}
		fmt.Fprintf(w, "%8d %9s %8.2f %9.0f %10.1f  all statements: %.1f a run\n",
			all.calls, "", all.us/float64(n), all.wal/float64(n), all.blocks/float64(n), float64(all.calls)/float64(n))
		if err := rows.Err(); err != nil {
			return err
		}
		return writeSizes(ctx, conn, w, n)
	})
}

// relationSizes are the largest tables and indexes.
const relationSizes = `
SELECT c.relname, pg_table_size(c.oid)::float8 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'i') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY pg_table_size(c.oid) DESC LIMIT 16`

// writeSizes writes the sizes of tables and indexes after a vacuum, also divided by n, the
// number of all runs in them.
func writeSizes(ctx context.Context, conn *pgx.Conn, w io.Writer, n int) error {
	if _, err := conn.Exec(ctx, "VACUUM"); err != nil {
		return err
	}
	rows, err := conn.Query(ctx, relationSizes)
	if err != nil {
		return err
	}
	defer rows.Close()
	fmt.Fprintf(w, "%8s  table or index, after a vacuum\n", "B/run")
	for rows.Next() {
		var name string
		var size float64
		if err := rows.Scan(&name, &size); err != nil {
			return err
		}
		fmt.Fprintf(w, "%8.0f  %s\n", size/float64(n), name)
	}
	return rows.Err()
}

// onServer calls do with a connection of its own to the cell's database.
func (b *bench) onServer(ctx context.Context, do func(conn *pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, b.cell.Postgres)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return do(conn)
}
