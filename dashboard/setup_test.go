package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

// site is a dashboard of a world.
type site struct {
	*world.World
	handler *dashboard.Handler
}

// newSite returns a dashboard on which every person may do everything, unless opts has an Access.
func newSite(t testing.TB, opts dashboard.Options) *site {
	t.Helper()
	return newSiteOf(t, world.New(t, automation.Options{}), opts)
}

func newSiteOf(t testing.TB, w *world.World, opts dashboard.Options) *site {
	t.Helper()
	if opts.Access == nil {
		opts.AuthenticatedByHost = true
	}
	if opts.Clock == nil {
		opts.Clock = w.Clock
	}
	handler, err := dashboard.New(w.Runner, opts)
	require.NoError(t, err)
	return &site{w, handler}
}

// get requests a page.
func (s *site) get(path string) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	s.handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
	return answer
}

// post sends a form, whose arguments are names and values in turn.
func (s *site) post(path string, pairs ...string) *httptest.ResponseRecorder {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	s.handler.ServeHTTP(answer, r)
	return answer
}

// getWith requests a page with a header.
func (s *site) getWith(path, header, value string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set(header, value)
	answer := httptest.NewRecorder()
	s.handler.ServeHTTP(answer, r)
	return answer
}

// hiding returns an Options.Redact that hides the fields that end with a text.
func hiding(end string) func(field string, value any) any {
	return func(field string, value any) any {
		if strings.HasSuffix(field, end) {
			return "•••"
		}
		return value
	}
}
