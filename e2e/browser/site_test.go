package browser_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/mail/template"
)

// announcement is the config of a custom step type.
type announcement struct {
	Channel string              `json:"channel"`
	Text    automation.Value    `json:"text"`
	Urgent  bool                `json:"urgent,omitempty"`
	Every   automation.Duration `json:"every,omitzero"`
	Only    automation.Rule     `json:"only,omitzero"`
}

func (announcement) StepType() automation.StepType { return "acme.announce" }

// site is a dashboard on a server, and the world that it shows.
type site struct {
	*world.World
	library *template.Library
	handler http.Handler
	url     string // without the slash at its end
}

// newSite serves a dashboard on which nothing has happened yet.
func newSite(t testing.TB) *site {
	t.Helper()
	registry := automation.NewRegistry()
	automation.Handle(registry, announce, automation.StepOptions{})
	return serve(t, world.New(t, automation.Options{Registry: registry}), dashboard.Options{})
}

// serve serves the dashboard of a world under a prefix.
func serve(t testing.TB, w *world.World, opts dashboard.Options) *site {
	t.Helper()
	library, err := template.New(template.Options{From: "Shop <hello@example.com>", Clock: w.Clock})
	require.NoError(t, err)
	opts.AuthenticatedByHost, opts.Clock, opts.Templates = true, w.Clock, library
	handler, err := dashboard.New(w.Runner, opts)
	require.NoError(t, err)
	t.Cleanup(handler.Close)
	mux := http.NewServeMux()
	mux.Handle("/internal/automations/", http.StripPrefix("/internal/automations", handler))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return &site{w, library, handler, server.URL + "/internal/automations"}
}

// pages are the paths of all pages, with what makes them look different.
func (s *site) pages() []string {
	return []string{
		"/", "/?status=disabled", "/no-such-page",
		"/new", "/a/welcome/edit", "/a/every/edit",
		"/a/welcome", "/a/welcome/funnel", "/a/welcome/versions", "/a/welcome/versions/1?with=1", "/a/welcome/stop", "/a/welcome/delete",
		"/a/every", "/a/a%2Fb%3Fc%23d", "/a/rtl", "/a/emoji",
		"/templates", "/templates/hello", "/templates/hello?show=source", "/templates/billing%2Freceipt?show=text&contact=ada%40example.com",
	}
}

func announce(context.Context, automation.Call, announcement) (automation.Result, error) {
	return automation.Result{}, nil
}
