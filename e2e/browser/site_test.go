package browser_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

// site is a dashboard on a server, and the world that it shows.
type site struct {
	*world.World
	url string // without the slash at its end
}

// newSite serves a dashboard under a prefix.
func newSite(t testing.TB) *site {
	t.Helper()
	w := world.New(t, automation.Options{})
	handler, err := dashboard.New(w.Runner, dashboard.Options{AuthenticatedByHost: true, Clock: w.Clock})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/internal/automations/", http.StripPrefix("/internal/automations", handler))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return &site{w, server.URL + "/internal/automations"}
}

// populate fills the world with automations, contacts and runs in every state.
func (s *site) populate() {
	s.Create(world.Flow("welcome", "signup", world.Email("hello")))
	s.Create(world.Flow("<b>שלום</b>/a long id, WithoutSpacesForAsLongAsItTakesToFillALineOfAPhone", "signup"))
	s.Mailer.Respond = func(_ context.Context, e automation.Email) error {
		if e.To == "1@example.com" {
			return automation.Permanent(errors.New("550 5.1.1 mailbox unavailable"))
		}
		return nil
	}
	s.Send(world.Signups(30)...)
	s.Drain()
	graph := world.Flow("", "signup", world.WaitUpTo("visits", "visited", "3 days"), world.Email("hello"))
	_, err := s.UpdateAutomation(s.Ctx, "welcome", automation.AutomationUpdate{Steps: graph.Steps, Connections: graph.Connections})
	require.NoError(s.T, err)
	s.Send(world.Signups(20)...)
	s.Drain()
}

// pages are the paths of all pages.
func (s *site) pages() []string {
	return []string{
		"/", "/?status=disabled", "/no-such-page", "/new", "/a/welcome/edit",
		"/a/welcome", "/a/welcome/funnel?version=1", "/a/welcome/versions", "/a/welcome/versions/2?with=1",
		"/a/welcome/stop", "/a/welcome/delete",
		"/a/" + url.PathEscape("<b>שלום</b>/a long id, WithoutSpacesForAsLongAsItTakesToFillALineOfAPhone"),
	}
}
