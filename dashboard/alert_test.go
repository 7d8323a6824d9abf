package dashboard_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestPages_WarnWhileNoRunnerIsAtWork(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	reads := 0
	s.Store.BeforeStats = func(context.Context) error { reads++; return nil }
	s.Send(world.Signup("ada@example.com"))
	s.Clock.Add(12 * time.Minute)
	for _, path := range []string{"/", "/a/none", "/nothing"} {
		assert.Contains(t, s.get(path).Body.String(), "No Runner is at work: something has been due for 12 min", path)
	}
	assert.Equal(t, 2, reads, "Lag and Health, once for several pages")
	s.Drain()
	s.Clock.Add(5 * time.Second)
	assert.NotContains(t, s.get("/").Body.String(), "No Runner is at work")
}

func TestPages_WarnOfRunnersThatAreBehind(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{MaxLag: time.Minute})
	s.Send(world.Signup("ada@example.com"), world.Signup("bob@example.com"))
	s.Clock.Add(2 * time.Minute)
	_, err := s.Store.Claim(s.Ctx, automation.ClaimParams{Now: s.Clock.Now(), Lease: time.Minute, Limit: 1, Events: 1, Runs: 1})
	assert.NoError(t, err)
	assert.Contains(t, s.get("/").Body.String(), "Runners are behind: something has been due for 2 min")
}

func TestPages_WarnOnlyThoseWhoMaySeeThem(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{Access: func(*http.Request) dashboard.Access { return dashboard.AccessNone }})
	s.Send(world.Signup("ada@example.com"))
	s.Clock.Add(time.Hour)
	assert.NotContains(t, s.get("/").Body.String(), "at work")
}

func TestPages_AreShownIfTheWarningCannotBeRead(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Store.BeforeStats = func(context.Context) error { return world.ErrOutage }
	assert.Equal(t, http.StatusOK, s.get("/").Code)
}
