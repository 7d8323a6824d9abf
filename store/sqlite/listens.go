package sqlite

import (
	"context"
	"database/sql"
	"maps"
	"sync"

	"github.com/seed-b636437c/automation/store/internal/record"
)

// A run that listens to events has the number of a set of their names. There are as many sets
// as there are steps, of all versions, at which runs listen to different names. So an event
// costs a look-up for each set with its name, and a run costs one number, however many names
// it listens to. A set is never changed or removed.

// listenSets remembers the numbers of sets that the database has, by their names as
// record.EncodeNames has them. It is safe for concurrent use.
type listenSets struct {
	mu      sync.Mutex
	numbers map[string]int64
}

// maxListenSets bounds listenSets.
const maxListenSets = 1 << 16

func (l *listenSets) number(names string) (int64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	no, ok := l.numbers[names]
	return no, ok
}

func (l *listenSets) note(numbers map[string]int64) {
	if len(numbers) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.numbers == nil || len(l.numbers) >= maxListenSets {
		l.numbers = map[string]int64{}
	}
	maps.Copy(l.numbers, numbers)
}

const (
	// findListenSet relies on the unique index.
	findListenSet   = `SELECT no FROM automation_listen_sets WHERE names = ?`
	insertListenSet = `INSERT INTO automation_listen_sets (names) VALUES (?)`
	insertListens   = `INSERT INTO automation_listens (event_name, no) SELECT j.value, ?2 FROM json_each(?1) j`
	// listenedNames relies on the primary key.
	listenedNames = `(SELECT s.names FROM automation_listen_sets s WHERE s.no = r.listen_no)`
)

// listenNumber returns the number of a set of names for a column, NULL for no names. It
// inserts the set if it is new. The Store remembers the number once the transaction has
// committed.
func (tx *transaction) listenNumber(ctx context.Context, list []string) (any, error) {
	if len(list) == 0 {
		return nil, nil
	}
	names := record.EncodeNames(list)
	if no, ok := tx.s.listens.number(names); ok {
		return no, nil
	}
	if no, ok := tx.listens[names]; ok {
		return no, nil
	}
	var no int64
	found, err := first(ctx, tx, findListenSet, args(names), &no)
	if err == nil && !found {
		no, err = tx.insertListenSet(ctx, names)
	}
	if err != nil {
		return nil, failed("number what runs listen to", err)
	}
	tx.listens[names] = no
	return no, nil
}

func (tx *transaction) insertListenSet(ctx context.Context, names string) (no int64, err error) {
	var res sql.Result
	if res, err = tx.exec(ctx, insertListenSet, names); err == nil {
		no, err = res.LastInsertId()
	}
	if err == nil {
		_, err = tx.exec(ctx, insertListens, names, no)
	}
	return no, err
}
