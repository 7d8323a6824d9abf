package postgres

import (
	"slices"
	"sync"
)

// recentNames are the names of events that claims have brought of late. They are safe
// for concurrent use.
type recentNames struct {
	mu    sync.Mutex
	names []string // the latest first
}

// maxRecent bounds them: each costs a look at an index with every claim.
const maxRecent = 32

func (r *recentNames) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.names)
}

// add adds names that it does not have.
func (r *recentNames) add(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names = slices.DeleteFunc(r.names, func(name string) bool { return slices.Contains(names, name) })
	r.names = append(slices.Clone(names), r.names...)
	r.names = r.names[:min(len(r.names), maxRecent)]
}
