package postgres

import (
	"slices"
	"sync"
)

// recentNames contains the names of events that recent claims have brought. It is safe
// for concurrent use.
type recentNames struct {
	mu    sync.Mutex
	names []string // the latest first
}

// maxRecent bounds recentNames, because each name costs every claim a look-up in an
// index.
const maxRecent = 32

func (r *recentNames) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.names)
}

// add puts names in front.
func (r *recentNames) add(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names = slices.DeleteFunc(r.names, func(name string) bool { return slices.Contains(names, name) })
	r.names = append(slices.Clone(names), r.names...)
	r.names = r.names[:min(len(r.names), maxRecent)]
}
