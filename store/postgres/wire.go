package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// wire executes scripts on one connection, as a batch of pgx does, with less work for each
// row: it knows the types that this package uses, and keeps its memory. It is no safer for
// concurrent use than the connection, and ends with it.
type wire struct {
	pg       *pgconn.PgConn
	prepared preparedStatements
	plan     []*preparedStatement // of the script that is executed
	encoder  encoder
	decoder  decoder
}

// wireOf returns the wire of a connection. It returns nil for a connection whose scripts are
// batches of pgx, because the host traces statements or has chosen how they are executed.
func (s *Store) wireOf(conn *pgx.Conn) *wire {
	data := conn.PgConn().CustomData()
	w, known := data[s.wireKey].(*wire)
	if !known {
		w = s.newWire(conn)
		data[s.wireKey] = w
	}
	return w
}

func (s *Store) newWire(conn *pgx.Conn) *wire {
	c := conn.Config()
	if c.Tracer != nil || c.DefaultQueryExecMode != pgx.QueryExecModeCacheStatement || c.StatementCacheCapacity <= 0 {
		return nil
	}
	types := conn.TypeMap()
	w := &wire{
		pg:       conn.PgConn(),
		prepared: preparedStatements{schema: s.schema, types: types, capacity: c.StatementCacheCapacity, bySQL: map[string]*preparedStatement{}},
		encoder:  encoder{types: types}, decoder: decoder{types: types},
	}
	w.decoder.scan = w.decoder.scanRow
	return w
}

// send executes a script. If the session turns out to have lost statements, as after DISCARD
// ALL or behind a proxy that has changed servers, or if a table has changed since they were
// prepared, send executes the script again. It returns the error instead if the script has had
// an effect: if a statement has returned rows, or if the script belongs to a transaction that
// began before and has failed as a whole.
func (w *wire) send(ctx context.Context, sc script) error {
	alone := w.pg.TxStatus() == 'I'
	returned, err := w.execute(ctx, sc)
	if !isOutdated(err) {
		return err
	}
	clear(w.prepared.bySQL)
	if returned || !alone {
		return err
	}
	if w.pg.TxStatus() != 'I' { // the script has begun a transaction
		if _, err := w.pg.Exec(ctx, "rollback").ReadAll(); err != nil {
			return err
		}
	}
	_, err = w.execute(ctx, sc)
	return err
}

// execute sends all statements of a script at once, and reads their results. It reports
// whether a statement has returned rows.
func (w *wire) execute(ctx context.Context, sc script) (returned bool, err error) {
	if w.plan, err = w.prepared.find(ctx, w.pg, sc, w.plan[:0]); err != nil {
		return false, err
	}
	var batch pgconn.Batch
	for i, st := range w.plan {
		if err := w.encoder.encode(st.ParamOIDs, sc[i].args); err != nil {
			return false, err
		}
		batch.ExecStatement(&st.StatementDescription, w.encoder.values, w.encoder.formats, st.formats)
	}
	w.encoder.trim()
	results := w.pg.ExecBatch(ctx, &batch)
	for i, st := range w.plan {
		rows, err := w.read(results, st, sc[i].row)
		returned = returned || rows
		if err != nil {
			_ = results.Close() // its error is that of the statement
			return returned, err
		}
	}
	return returned, results.Close()
}

// read reads the results of a statement, and reports whether it has returned rows.
func (w *wire) read(results *pgconn.MultiResultReader, st *preparedStatement, row func(scan scanFunc) error) (returned bool, err error) {
	if !results.NextResult() {
		if err := results.Close(); err != nil {
			return false, err
		}
		return false, errors.New("the server has not executed all statements")
	}
	rows := results.ResultReader()
	for row != nil && rows.NextRow() {
		returned = true
		w.decoder.columns, w.decoder.values = st, rows.Values()
		if err := row(w.decoder.scan); err != nil {
			return true, err
		}
	}
	_, err = rows.Close()
	return returned, err
}
