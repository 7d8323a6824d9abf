package memory

import (
	"slices"

	"github.com/seed-b636437c/automation/store/internal/record"
)

// listenSet is a set of names of events that runs listen to. Runs that listen to the same
// names share it: a million sleeping runs have as many sets as there are waits in all
// versions.
type listenSet struct {
	names []string // sorted
}

// list returns the names, nil for no set.
func (l *listenSet) list() []string {
	if l == nil {
		return nil
	}
	return l.names
}

// listenSet returns the set of these names, nil for none.
func (s *Store) listenSet(names []string) *listenSet {
	if len(names) == 0 {
		return nil
	}
	key := record.EncodeNames(names)
	l := s.listens[key]
	if l == nil {
		l = &listenSet{slices.Clone(names)}
		s.listens[key] = l
	}
	return l
}
