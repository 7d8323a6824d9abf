package dashboard

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/seed-b636437c/automation/mail"
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

// MaxCopies is how many copies of emails are remembered.
const MaxCopies = maxCopies

// RememberedOf returns how many copies are remembered after n were read.
func RememberedOf(n int) int {
	var c copies
	for i := range n {
		_, _ = c.get(strconv.Itoa(i), time.Time{}, func(string) (mail.Message, error) { return mail.Message{}, nil })
	}
	return len(c.byID)
}
