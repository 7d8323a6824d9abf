// Package migration reads the migrations of the SQL stores, and decides whether a
// process can work with the version of their tables. Each store embeds its migrations
// and applies them in its own way.
package migration

import (
	"fmt"
	"io/fs"
	"regexp"
	"strconv"

	"github.com/seed-b636437c/automation"
)

// Migration is one step from one version of the tables to the next.
type Migration struct {
	// Number counts from 1, without gaps.
	Number int
	// Name is its subject, in a word or two.
	Name string
	// SQL contains its statements, including the one that records in the store that the
	// migration was applied.
	SQL string
	// Floor is the number of the oldest migration that a process must have to work with
	// tables to which this migration was applied. It is below Number if older processes
	// can work with the change, so that they can go on while they are being replaced one
	// by one.
	Floor int
}

var (
	fileName  = regexp.MustCompile(`^(\d{4})_(\w+)\.sql$`)
	floorLine = regexp.MustCompile(`(?m)^-- floor: (\d+)$`)
)

// Read reads the migrations of a store from files named NNNN_name.sql. The floor of a
// migration is N if its file has a line "-- floor: N", and NNNN otherwise. finish
// returns the complete SQL of a migration, with the names that the host has chosen and
// with the statement that records it.
func Read(files fs.FS, finish func(m Migration) string) ([]Migration, error) {
	entries, err := fs.ReadDir(files, ".") // sorted by name
	if err != nil {
		return nil, err
	}
	all := make([]Migration, 0, len(entries))
	for _, e := range entries {
		parts := fileName.FindStringSubmatch(e.Name())
		if parts == nil {
			return nil, fmt.Errorf("migration %q: its name is not of the form 0001_name.sql", e.Name())
		}
		m := Migration{Name: parts[2]}
		m.Number, _ = strconv.Atoi(parts[1])
		if m.Number != len(all)+1 {
			return nil, fmt.Errorf("migration %q: number %d should come next", e.Name(), len(all)+1)
		}
		text, err := fs.ReadFile(files, e.Name())
		if err != nil {
			return nil, err
		}
		m.SQL, m.Floor = string(text), m.Number
		if f := floorLine.FindStringSubmatch(m.SQL); f != nil {
			m.Floor, _ = strconv.Atoi(f[1])
		}
		m.SQL = finish(m)
		all = append(all, m)
	}
	return all, nil
}

// Check returns nil if a process with the known migrations can work with tables to which
// the migrations up to number have were applied, and otherwise an error that wraps
// automation.ErrSchema. floor is the highest Floor of the applied migrations.
func Check(known []Migration, have, floor int) error {
	want := len(known)
	switch {
	case have < want:
		return fmt.Errorf("%w: the tables are at %d and this process needs %d: call Migrate, or apply the SQL of Migrations from number %d on",
			automation.ErrSchema, have, want, have+1)
	case floor > want:
		return fmt.Errorf("%w: the tables are at %d, and this process knows those up to %d only: upgrade it to a release of the library that knows %d",
			automation.ErrSchema, have, want, floor)
	default:
		return nil
	}
}
