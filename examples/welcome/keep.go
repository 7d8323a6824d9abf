package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// state is the state of a scene: in memory, or in a file with which another process
// continues after this one was stopped or killed.
type state struct {
	automation.Store
	file  *sqlitefile.Store // nil: in memory
	began time.Time         // when the scene began, on the system's clock
	done  int               // how many lines were played
}

// The row of a scene is written at its beginning. The table is in the same file as the
// tables of the store.
const (
	createScene = `
CREATE TABLE IF NOT EXISTS scene (
	id INTEGER PRIMARY KEY CHECK (id = 1), start INTEGER, began INTEGER, real INTEGER, speed REAL, done INTEGER)`
	beginScene = `
INSERT INTO scene (id, start, began, real, speed, done) VALUES (1, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING`
	findScene   = `SELECT start, began, real, speed, done FROM scene`
	advanceLine = `UPDATE scene SET done = ?`
)

// open returns the state in the file that o names, or an empty state in memory. If the file
// was used before, o.start becomes the start of the scene in the file.
func open(ctx context.Context, o *options) (*state, error) {
	if o.store == "" {
		return &state{Store: memory.New(), began: time.Now()}, nil
	}
	file, err := sqlitefile.Open(ctx, o.store)
	if err != nil {
		return nil, err
	}
	st := &state{Store: file, file: file}
	if err := st.resume(ctx, file.DB(), o); err != nil {
		return nil, fmt.Errorf("%s: %w", o.store, errors.Join(err, st.close()))
	}
	return st, nil
}

func (st *state) resume(ctx context.Context, db *sql.DB, o *options) error {
	if _, err := db.ExecContext(ctx, createScene); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, beginScene, o.start.UnixMicro(), time.Now().UnixMicro(), o.real, o.speed); err != nil {
		return err
	}
	var start, began int64
	var was options
	if err := db.QueryRowContext(ctx, findScene).Scan(&start, &began, &was.real, &was.speed, &st.done); err != nil {
		return err
	}
	if was.real != o.real || was.speed != o.speed {
		return fmt.Errorf("the scene in it began with -real=%t -speed=%g: give the same flags again, or another file", was.real, was.speed)
	}
	o.start, st.began = time.UnixMicro(start).In(o.start.Location()), time.UnixMicro(began)
	return nil
}

// continues returns a message for the reader of a timeline that does not begin at the start,
// because the file was used before. It is empty for a new file.
func (st *state) continues(o options, lines int) string {
	if st.done == 0 {
		return ""
	}
	return fmt.Sprintf("%s: continues after %d of %d lines\n", o.store, st.done, lines)
}

// played records how many lines were played. If the process is killed before it records a
// line, the next process plays the line again, without effect: an event has an idempotency
// key, and a change leaves a changed contact as it is.
func (st *state) played(ctx context.Context, lines int) error {
	st.done = lines
	if st.file == nil {
		return nil
	}
	_, err := st.file.DB().ExecContext(ctx, advanceLine, lines)
	return err
}

func (st *state) close() error {
	if st.file == nil {
		return nil
	}
	return st.file.Close()
}
