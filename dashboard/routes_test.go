package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/store/memory"
)

// levels are all levels of access.
var levels = []dashboard.Access{dashboard.AccessNone, dashboard.AccessView, dashboard.AccessOperate, dashboard.AccessEdit}

// withoutSample are the routes for which a populated site has no request that it fulfils.
var withoutSample = []string{"/", "POST /check", "POST /jobs/{job}/stop"}

// refusable returns a request for each route, also for those without a sample.
func (s *populatedSite) refusable() []request {
	return append(append(s.pages(), s.changes()...), request{"POST /check", "/check", nil}, request{"POST /jobs/{job}/stop", "/jobs/gone/stop", nil})
}

// Every route has a request in the tests that walk all of them.
func TestRoutes_AreAllTested(t *testing.T) {
	t.Parallel()
	s := newPopulatedSite(t, memory.New())
	tested := slices.Clone(withoutSample)
	for _, r := range append(s.pages(), s.changes()...) {
		tested = append(tested, r.route)
	}
	for _, route := range s.handler.Routes() {
		assert.Contains(t, tested, route.Pattern)
		changes := strings.HasPrefix(route.Pattern, "POST ") && route.Pattern != "POST /check"
		assert.Equal(t, changes, route.Action != "", "%s has the name of an action", route.Pattern)
	}
}

// needs returns the level that each route needs.
func (s *populatedSite) needs() map[string]dashboard.Access {
	levels := map[string]dashboard.Access{}
	for _, route := range s.handler.Routes() {
		levels[route.Pattern] = route.Needs
	}
	return levels
}

// A request is refused below the level of its route, and changes nothing.
func TestAccess_RefusesWhatALevelMayNotDo(t *testing.T) {
	t.Parallel()
	for _, level := range levels {
		t.Run(level.String(), func(t *testing.T) {
			t.Parallel()
			s := newPopulatedSite(t, memory.New())
			needs, before := s.needs(), s.snapshot()
			s.level.Store(int32(level))
			for _, r := range s.refusable() {
				if level.May(needs[r.route]) {
					continue
				}
				status, body := s.do(r)
				assert.Equal(t, http.StatusForbidden, status, "%s %s", r.route, r.path)
				assert.NotContains(t, body, "example.com", r.path)
			}
			assert.Equal(t, before, s.snapshot())
		})
	}
}

// A request is fulfilled at the level of its route, and above.
func TestAccess_AllowsWhatALevelMayDo(t *testing.T) {
	t.Parallel()
	s := newPopulatedSite(t, memory.New())
	needs := s.needs()
	for _, level := range levels[1:] {
		s.level.Store(int32(level))
		for _, r := range s.pages() {
			if level.May(needs[r.route]) {
				status, _ := s.do(r)
				assert.Less(t, status, http.StatusBadRequest, "%s as %s", r.path, level)
			}
		}
	}
	for i, r := range s.changes() {
		s := newPopulatedSite(t, memory.New())
		r = s.changes()[i]
		before := s.snapshot()
		s.level.Store(int32(needs[r.route]))
		status, body := s.do(r)
		assert.Equal(t, http.StatusSeeOther, status, "%s: %s", r.route, body)
		assert.NotEqual(t, before, s.snapshot(), "%s %v changes something", r.route, r.fields)
	}
}

// Links and forms lead only to what the level may do, and edit finds a way to everything.
func TestAccess_DrawsOnlyWhatALevelMayDo(t *testing.T) {
	t.Parallel()
	s := newPopulatedSite(t, memory.New())
	needs := s.needs()
	which := http.NewServeMux()
	for pattern := range needs {
		which.Handle(pattern, http.NotFoundHandler())
	}
	for _, level := range levels[1:] {
		s.level.Store(int32(level))
		drawn := map[string]bool{}
		for _, r := range append(s.pages(), request{"/", "/nothing", nil}) {
			if !level.May(needs[r.route]) {
				continue
			}
			_, body := s.do(r)
			for _, target := range targets(t, r.path, body) {
				_, pattern := which.Handler(target)
				drawn[pattern] = true
				assert.True(t, level.May(needs[pattern]), "%s may not %s, which is on %s", level, pattern, r.path)
			}
		}
		for pattern, needed := range needs {
			elsewhere := slices.Contains([]string{"/", "POST /jobs/{job}/stop", "POST /examples"}, pattern) // on pages that this site has not
			if level.May(needed) && !elsewhere {
				assert.True(t, drawn[pattern], "%s finds no way to %s", level, pattern)
			}
		}
	}
}

var (
	linkOn = regexp.MustCompile(`(?:href|src|data-pick)="([^"]*)"`)
	formOn = regexp.MustCompile(`<form[^>]*method="(get|post)" action="([^"]*)"`)
	postOn = regexp.MustCompile(`(data-check|data-save)="([^"]*)"`)
)

// targets returns the requests that a page can make, except those for assets and for other
// hosts.
func targets(t *testing.T, page, body string) (all []*http.Request) {
	t.Helper()
	base, err := url.Parse("http://dashboard" + page)
	require.NoError(t, err)
	add := func(method, link string) {
		target, err := base.Parse(strings.ReplaceAll(link, "&amp;", "&"))
		require.NoError(t, err, "%s on %s", link, page)
		if target.Host == "dashboard" && !strings.HasPrefix(target.Path, "/assets/") {
			all = append(all, httptest.NewRequest(method, target.String(), nil))
		}
	}
	for _, found := range linkOn.FindAllStringSubmatch(body, -1) {
		add(http.MethodGet, found[1])
	}
	for _, found := range formOn.FindAllStringSubmatch(body, -1) {
		add(strings.ToUpper(found[1]), found[2])
	}
	for _, found := range postOn.FindAllStringSubmatch(body, -1) {
		add(http.MethodPost, found[2])
	}
	return all
}

// A person loses the access between the page and the click.
func TestAccess_IsCheckedAgainAtTheClick(t *testing.T) {
	t.Parallel()
	for _, now := range []dashboard.Access{dashboard.AccessNone, dashboard.AccessView} {
		s := newPopulatedSite(t, memory.New())
		before := s.snapshot()
		for _, r := range s.changes() {
			s.level.Store(int32(now))
			status, body := s.do(r)
			assert.Equal(t, http.StatusForbidden, status, r.path)
			if now == dashboard.AccessView {
				assert.Contains(t, body, "You may not do this", r.path)
			}
			entries := s.audited()
			if assert.Len(t, entries, 1, r.path) {
				assert.ErrorContains(t, entries[0].Err, "You", r.path)
			}
		}
		assert.Equal(t, before, s.snapshot())
	}
}

// Each change has exactly one entry for its action, with its target.
func TestAudit_HasEveryChange(t *testing.T) {
	t.Parallel()
	targets := map[string]string{
		"POST /a/{id}/save": "trial", "POST /a/{id}/start": strange, "POST /a/{id}/stop": "trial", "POST /a/{id}/delete": strange,
		"POST /contacts/{id}/erase": odd.ID, "POST /events/{name}": "signup", "POST /events/delete/{name}": "signup", "POST /events/send": "signup",
		"POST /runs/bulk": "automation=trial", "POST /events": "<script>alert(1)</script>",
	}
	actions := map[string]string{}
	sample := newPopulatedSite(t, memory.New())
	for _, route := range sample.handler.Routes() {
		actions[route.Pattern] = route.Action
	}
	for i := range sample.changes() {
		s := newPopulatedSite(t, memory.New())
		r := s.changes()[i]
		want, target := actions[r.route], targets[r.route]
		switch r.route {
		case "POST /runs/bulk":
			want = r.fields[1] + " runs"
		case "POST /a/{id}/runs/{run}/retry":
			target = s.failed.ID
		case "POST /a/{id}/runs/{run}/cancel":
			target = s.waiting.ID
		}
		s.do(r)
		entries := s.audited()
		require.NotEmpty(t, entries, r.route)
		assert.Equal(t, want, entries[0].Action, r.route)
		require.NoError(t, entries[0].Err, r.route)
		if target != "" {
			assert.Equal(t, target, entries[0].Target, r.route)
		} else {
			assert.NotEmpty(t, entries[0].Target, r.route)
		}
		if r.route == "POST /a/{id}/stop" { // and cancels the runs
			require.Len(t, entries, 2)
			assert.Equal(t, "cancel runs of automation", entries[1].Action)
			continue
		}
		assert.Len(t, entries, 1, r.route)
	}
}

// What the Runner or the dashboard refuses has an entry too.
func TestAudit_HasEveryRefusal(t *testing.T) {
	t.Parallel()
	s := newPopulatedSite(t, memory.New())
	before := s.snapshot()
	for _, r := range []struct {
		path   string
		status int
		fields []string
	}{
		{"/examples", 400, []string{"example", "none"}},
		{"/new", 422, []string{"document", `{"name": ""}`}},
		{"/new", 422, []string{"document", `{`}},
		{"/a/trial/save", 409, []string{"document", document, "revision", "1"}},
		{"/a/trial/save", 400, []string{"document", document}},
		{"/a/none/save", 404, []string{"document", document, "revision", "1"}},
		{"/a/trial/start", 409, []string{"revision", "1"}},
		{"/a/trial/stop", 409, []string{"revision", "1"}},
		{"/a/none/duplicate", 404, nil},
		{"/a/trial/delete", 409, []string{"revision", "1"}},
		{"/a/none/delete", 404, []string{"revision", "1"}},
		{"/a/trial/runs/none/retry", 404, nil},
		{"/a/trial/runs/none/cancel", 404, nil},
		{"/a/none/runs/" + s.failed.ID + "/retry", 404, nil},
		{"/runs/bulk", 400, []string{"action", "delete"}},
		{"/runs/bulk", 400, []string{"action", "retry", "status", "running"}},
		{"/runs/bulk", 400, []string{"action", "retry", "contact", "ghost@example.com"}},
		{"/jobs/gone/stop", 404, nil},
		{"/contacts/none/erase", 404, []string{"confirm", "x"}},
		{oddPath + "/erase", 422, []string{"confirm", "x"}},
		{"/events", 409, []string{"name", "signup"}},
		{"/events", 422, []string{"name", "", "schema", "{"}},
		{"/events/signup", 409, []string{"schema", "{}", "seen", "2001-01-01T00:00:00Z"}},
		{"/events/none", 404, []string{"schema", "{}"}},
		{"/events/delete/none", 404, nil},
		{"/events/send", 422, []string{"name", "", "contact", "x"}},
		{"/events/send", 404, []string{"event", "none", "key", "x"}},
	} {
		answer := s.post(r.path, r.fields...)
		assert.Equal(t, r.status, answer.Code, "%s %v", r.path, r.fields)
		entries := s.audited()
		if assert.Len(t, entries, 1, "%s %v", r.path, r.fields) {
			assert.Error(t, entries[0].Err, "%s %v", r.path, r.fields)
			assert.NotEmpty(t, entries[0].Action)
		}
	}
	assert.Equal(t, before, s.snapshot())
}

// A form of 10 MB is refused on every route before anything is changed.
func TestChanges_RefuseLargeForms(t *testing.T) {
	t.Parallel()
	s := newPopulatedSite(t, memory.New())
	before := s.snapshot()
	large := strings.Repeat("a", 10<<20)
	for _, r := range append(s.changes(), request{"POST /jobs/{job}/stop", "/jobs/gone/stop", nil}) {
		answer := s.post(r.path, append(slices.Clone(r.fields), "large", large)...)
		assert.Equal(t, http.StatusRequestEntityTooLarge, answer.Code, r.path)
		assert.Contains(t, answer.Body.String(), "Nothing was changed", r.path)
		assert.Less(t, answer.Body.Len(), 1<<20, r.path)
		assert.Len(t, s.audited(), 1, r.path)
	}
	assert.Equal(t, before, s.snapshot())
}
