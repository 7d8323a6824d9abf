package postgres

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// A run that listens to events has the number of a set of their names. There are as many sets
// as there are steps, of all versions, at which runs listen to different names. So an event
// costs a look-up for each set with its name, and a run costs one number, however many names
// it listens to. A set is never changed or removed.

// listenNumbers are the numbers of sets of names, by their names as record.EncodeNames has
// them.
type listenNumbers map[string]int32

// of returns the number of a set for a column, NULL for no names.
func (n listenNumbers) of(names []string) pgtype.Int4 {
	if len(names) == 0 {
		return pgtype.Int4{}
	}
	no, known := n[record.EncodeNames(names)]
	return pgtype.Int4{Int32: no, Valid: known}
}

// Both rely on listen_sets_digest. A process that inserts a set that another one is inserting
// waits for it, and then finds the set with findListenSets.
const (
	insertListenSets = `
WITH added AS (
	INSERT INTO automation.listen_sets (digest, names)
	SELECT u.digest, u.names FROM (SELECT unnest($1::bytea[]) AS digest, unnest($2::text[]) AS names) u
	WHERE NOT EXISTS (SELECT FROM automation.listen_sets s WHERE s.digest = ANY (ARRAY[u.digest]))
	ON CONFLICT DO NOTHING
	RETURNING no, names
)
INSERT INTO automation.listens (event_name, no) SELECT json_array_elements_text(names::json), no FROM added`

	findListenSets = `SELECT names, no FROM automation.listen_sets WHERE digest = ANY ($1::bytea[])`
)

// numberListens returns the numbers of what runs listen to. It inserts the sets that the
// database does not have, in a transaction of its own: a number that is remembered exists,
// whatever becomes of the transaction that uses it first.
func (s *Store) numberListens(ctx context.Context, sets map[string]struct{}) (listenNumbers, error) {
	if len(sets) == 0 {
		return nil, nil
	}
	numbers := make(listenNumbers, len(sets))
	others := s.listens.take(maps.Keys(sets), numbers)
	if len(others) == 0 {
		return numbers, nil
	}
	slices.Sort(others) // all transactions insert sets in this order
	digests := make([][]byte, len(others))
	for i, names := range others {
		digest := sha256.Sum256([]byte(names))
		digests[i] = digest[:]
	}
	found := listenNumbers{}
	err := s.transact(ctx, func(tx *transaction) error {
		clear(found)
		var sc script
		sc.exec(insertListenSets, digests, others)
		sc.query(func(scan scanFunc) error {
			var names string
			var no int32
			err := scan(&names, &no)
			found[names] = no
			return err
		}, findListenSets, digests)
		return tx.commit(ctx, sc)
	})
	if err == nil && len(found) < len(others) {
		err = fmt.Errorf("the database has %d of %d sets that it was given", len(found), len(others))
	}
	if err != nil {
		return nil, fmt.Errorf("number what runs listen to: %w", err)
	}
	s.listens.note(found)
	maps.Copy(numbers, found)
	return numbers, nil
}

// listenedTo adds to sets what the runs listen to.
func listenedTo(sets map[string]struct{}, runs []automation.RunChange) {
	for i := range runs {
		if len(runs[i].Listens) > 0 {
			sets[record.EncodeNames(runs[i].Listens)] = struct{}{}
		}
	}
}
