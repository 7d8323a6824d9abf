package dashboard_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/observe"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

// A live page is read again every two seconds for each person who looks at it.
func TestLivePages_MakeFourCallsAtMost(t *testing.T) {
	t.Parallel()
	s, c := newCountedSite(t, dashboard.Options{})
	s.Create(world.Flow("welcome", "signup", world.Email("hello"), world.Wait("setup", "setup.done")))
	s.Send(automation.Event{Name: "signup", Email: "ada@example.com"})
	s.Drain()
	runs, err := s.Runner.ListRuns(t.Context(), automation.RunQuery{})
	require.NoError(t, err)
	run := "/a/welcome/runs/" + runs.Data[0].ID
	c.take()
	for path, most := range map[string]int{"/": 2, "/a/welcome": 4, "/runs": 3, "/runs?contact=ada@example.com": 4, run: 4, run + "?step=hello": 4} {
		require.Equal(t, http.StatusOK, s.get(path).Code, path)
		assert.Len(t, c.take(), most, path)
	}
}
