package dashboard

import (
	"maps"
	"slices"
)

// AssetNames returns the names of all assets.
func AssetNames() []string { return slices.Sorted(maps.Keys(assets().files)) }

// WaitForJobs waits until no job is at work.
func (h *Handler) WaitForJobs() { h.jobs.atWork.Wait() }

// Route is a route of a Handler.
type Route struct {
	Pattern string
	Needs   Access
	Action  string
}

// Routes returns all routes of a Handler.
func (h *Handler) Routes() []Route {
	var all []Route
	for _, r := range h.routes() {
		all = append(all, Route{r.pattern, r.needs, r.action})
	}
	return all
}
