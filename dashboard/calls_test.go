package dashboard_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/observe"
)

// calls records the calls of a store.
type calls struct {
	mu      sync.Mutex
	methods []string
}

// take returns the calls since the last take.
func (c *calls) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	methods := c.methods
	c.methods = nil
	return methods
}

// hooks record the calls, except the read of the warning on every page: it is not made for
// each page.
func (c *calls) hooks() observe.StoreHooks {
	return observe.StoreHooks{Called: func(_ context.Context, method string, _ time.Duration, _ error) {
		if method == "Stats" {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.methods = append(c.methods, method)
	}}
}

// newCountedSite returns a dashboard, and the calls of its store.
func newCountedSite(t testing.TB, opts dashboard.Options) (*site, *calls) {
	t.Helper()
	c := &calls{}
	w := world.New(t, automation.Options{})
	w.Runner = w.On(observe.WrapStore(w.Store, c.hooks()), w.Opts)
	return newSiteOf(t, w, opts), c
}
