package browser_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

// site is a dashboard on a server, and the world that it shows.
type site struct {
	*world.World
	handler http.Handler
	url     string // without the slash at its end
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
	return &site{w, handler, server.URL + "/internal/automations"}
}

// pages are the paths of all pages, with what makes them look different.
func (s *site) pages() []string {
	return []string{
		"/", "/?status=disabled", "/no-such-page",
		"/new", "/a/welcome/edit", "/a/every/edit",
		"/a/welcome", "/a/welcome/funnel", "/a/welcome/versions", "/a/every", "/a/a%2Fb%3Fc%23d", "/a/rtl", "/a/emoji",
	}
}
