package main

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// sampling is the time between two looks at what a server's processes wait for.
const sampling = 10 * time.Millisecond

// sampleWaits counts, at one moment, whether a claim holds the lock that claims take in turns, how many
// claims wait for it, whether a process of the server writes or flushes the log, how many wait for that,
// how many wait for other locks, and how many for nothing.
const sampleWaits = `
WITH turn AS (SELECT hashtextextended('automation.leases', 0) AS key),
claims AS (
	SELECT count(*) FILTER (WHERE l.granted AND l.mode = 'ExclusiveLock') AS held, count(*) FILTER (WHERE NOT l.granted) AS waiting
	FROM pg_locks l, turn WHERE l.locktype = 'advisory' AND l.objsubid = 1
		AND l.classid::bigint = (turn.key >> 32) & 4294967295 AND l.objid::bigint = turn.key & 4294967295
), others AS (
	SELECT count(*) FILTER (WHERE wait_event_type = 'IO' AND wait_event IN ('WALSync', 'WALWrite')) AS log,
		count(*) FILTER (WHERE wait_event_type = 'LWLock' AND wait_event = 'WALWrite') AS log_waiting,
		count(*) FILTER (WHERE wait_event_type IN ('Lock', 'LWLock') AND wait_event NOT IN ('WALWrite', 'advisory')) AS locks,
		count(*) FILTER (WHERE wait_event IS NULL) AS busy
	FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()
)
SELECT held, waiting, log, log_waiting, locks, busy FROM claims, others`

// waitUnits are the units of the columns of sampleWaits: the time that a run has each of them.
var waitUnits = []string{"claim-held-µs/run", "claim-wait-µs/run", "log-held-µs/run", "log-wait-µs/run", "lock-wait-µs/run", "server-busy-µs/run"}

// writtenSoFar returns the bytes of log, the flushes of the log, and the transactions.
const writtenSoFar = `
SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8, coalesce((to_jsonb(w) ->> 'wal_sync')::float8, 0), d.xact_commit::float8
FROM pg_stat_wal w, pg_stat_database d WHERE d.datname = current_database()`

// writtenUnits are the units of the columns of writtenSoFar.
var writtenUnits = []string{"log-B/run", "syncs/run", "commits/run"}

// countsKept is how long a server's process may keep counts to itself.
const countsKept = 11 * time.Second

// waits is a watch over what a server does.
type waits struct {
	conn    *pgx.Conn
	before  [3]float64
	stop    context.CancelFunc
	ended   chan error
	samples float64
	sums    [6]float64
}

// watchWaits begins to watch the cell's database. It returns nil without one.
func (b *bench) watchWaits(ctx context.Context) (*waits, error) {
	if b.cell.Store != onPostgres {
		return nil, nil
	}
	conn, err := pgx.Connect(ctx, b.cell.Postgres)
	if err != nil {
		return nil, err
	}
	w := &waits{conn: conn, ended: make(chan error, 1)}
	if w.before, err = w.written(ctx); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	ctx, w.stop = context.WithCancel(ctx)
	go func() { w.ended <- w.watch(ctx) }()
	return w, nil
}

func (w *waits) written(ctx context.Context) (now [3]float64, err error) {
	err = w.conn.QueryRow(ctx, writtenSoFar).Scan(&now[0], &now[1], &now[2])
	return now, err
}

// watch takes samples until ctx ends.
func (w *waits) watch(ctx context.Context) error {
	for tick := time.NewTicker(sampling); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return nil
		case <-tick.C:
		}
		now, err := w.sample(context.WithoutCancel(ctx)) // to interrupt a query would close the connection
		if err != nil {
			return err
		}
		w.samples++
		for i, n := range now {
			w.sums[i] += n
		}
	}
}

func (w *waits) sample(ctx context.Context) (now [6]float64, err error) {
	err = w.conn.QueryRow(ctx, sampleWaits).Scan(&now[0], &now[1], &now[2], &now[3], &now[4], &now[5])
	return now, err
}

// perRun ends the watch, and returns what each of n runs took, which took so long together. By Little's
// law that is the mean number of processes in a state, times the time, divided by the runs.
func (w *waits) perRun(ctx context.Context, n int, took time.Duration) (values []value, err error) {
	if w == nil {
		return nil, nil
	}
	w.stop()
	defer w.conn.Close(ctx)
	if err := <-w.ended; err != nil {
		return nil, err
	}
	select {
	case <-time.After(countsKept):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	after, err := w.written(ctx)
	if err != nil {
		return nil, err
	}
	for i, unit := range waitUnits {
		values = append(values, value{w.sums[i] / max(1, w.samples) * took.Seconds() * 1e6 / float64(n), unit})
	}
	for i, unit := range writtenUnits {
		values = append(values, value{(after[i] - w.before[i]) / float64(n), unit})
	}
	return values, nil
}
