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

	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/store/memory"
)

// script is what must never be on a page. The data of a populated site has another one.
const script = "<script>alert(2)</script>"

// hostile are values that no page expects.
var hostile = []string{
	script, `"><img src=x onerror=alert(1)>`, "none", "..", ".", "../..", "a/b", "%2F", "%", `"'`, "שלום\u202e", "\x00", "a\x00b", "\xff\xfe", "-1", "99999999999999999999",
	strings.Repeat("é", 3000), "javascript:alert(1)", "a@b@c", "@", "2026-99-99T00:00", " ",
}

// runFilter are the fields of a filter of runs.
const runFilter = "status automation version step event contact from until ended-from ended-until code"

// queries are the fields that the pages of each route read. All pages read q.
var queries = map[string]string{
	"GET /{$}": "status after before", "GET /a/{id}": "version", "GET /a/{id}/funnel": "version runs", "GET /a/{id}/edit": "version",
	"GET /a/{id}/versions": "after before", "GET /a/{id}/versions/{version}": "with", "GET /a/{id}/runs/{run}": "step",
	"GET /runs": runFilter + " after before", "GET /runs/bulk": runFilter + " action", "GET /jobs/{job}": runFilter + " action",
	"GET /contacts": "email segment after before done", "GET /contacts/{id}": "show after before",
	"GET /events": "name contact from until after before definitions done", "GET /events/log/{id}": "done", "GET /events/new": "name",
	"GET /events/{name}": "done", "GET /events/send": "name contact payload event run",
	"GET /templates": "after before", "GET /templates/{id}": "contact images show v.PLAN v.SEATS",
	"GET /templates/{id}/preview": "contact images v.PLAN v.SEATS", "GET /emails/{run}/{step}": "images", "GET /emails/{run}/{step}/html": "images copy",
}

// harmless fails the test if an answer shows that the input broke something.
func harmless(t *testing.T, what string, answer *httptest.ResponseRecorder) {
	t.Helper()
	body := answer.Body.String()
	if answer.Code >= http.StatusInternalServerError {
		t.Errorf("%q: status %d", what, answer.Code)
	}
	if !strings.Contains(answer.Header().Get("Content-Security-Policy"), "; sandbox") { // an email may have a script, which does not run
		body = strings.ReplaceAll(body, "alert(1)", "alert(2)")
	}
	for _, text := range []string{script, "<img src=x", `href="javascript:`, `src="javascript:`, "&lt;nil&gt;", "%!", "ZgotmplZ"} {
		if strings.Contains(body, text) {
			t.Errorf("%q: the page contains %s", what, text)
		}
	}
	if location := answer.Header().Get("Location"); strings.HasPrefix(location, "/") || strings.Contains(location, "://") {
		t.Errorf("%q: redirects out of the prefix, to %s", what, location)
	}
}

var wildcard = regexp.MustCompile(`\{[a-z]+\}`)

// paths returns paths for a route, in which each part is a hostile value in turn, with good
// values around it.
func (s *populatedSite) paths(route dashboard.Route, value string) (paths []string) {
	_, pattern, _ := strings.Cut(route.Pattern, " ")
	pattern = strings.TrimSuffix(pattern, "{$}")
	good := map[string]string{"{id}": "trial", "{run}": s.failed.ID, "{version}": "1", "{name}": "signup", "{step}": "decides", "{job}": "gone"}
	for _, part := range wildcard.FindAllString(pattern, -1) {
		paths = append(paths, wildcard.ReplaceAllStringFunc(pattern, func(p string) string {
			if p == part {
				return url.PathEscape(value)
			}
			return good[p]
		}))
	}
	return paths
}

// No value in a path breaks a page, on any store. Ids that do not exist are not found.
func TestPages_BearEveryPath(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPopulatedSite(t, open(t))
			before := s.snapshot()
			for _, route := range s.handler.Routes() {
				for _, value := range hostile {
					for _, path := range s.paths(route, value) {
						method, _, _ := strings.Cut(route.Pattern, " ")
						harmless(t, method+" "+path, s.request(method, path))
					}
				}
			}
			assert.Equal(t, before, s.snapshot(), "nothing was changed")
		})
	}
}

// request sends a request without a body.
func (s *site) request(method, path string) *httptest.ResponseRecorder {
	if method == http.MethodPost {
		return s.post(path, "revision", "1")
	}
	return s.get(path)
}

// No value of a field breaks a page, on any store.
func TestPages_BearEveryQuery(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPopulatedSite(t, open(t))
			for _, r := range s.onePageOfEachRoute() {
				path, _, _ := strings.Cut(r.path, "?")
				for _, value := range hostile {
					for _, field := range strings.Fields(queries[r.route] + " q") {
						query := path + "?" + field + "=" + url.QueryEscape(value)
						harmless(t, query, s.get(query))
						harmless(t, query, s.get(query+"&action=retry&automation=trial"))
					}
				}
				harmless(t, path, s.get(path+"?%zz&;&a=%ff&=&status"))
			}
		})
	}
}

func (s *populatedSite) onePageOfEachRoute() (all []request) {
	for _, r := range s.pages() {
		if !slices.ContainsFunc(all, func(other request) bool { return other.route == r.route }) {
			all = append(all, r)
		}
	}
	return all
}

// No value of a form breaks an answer, on any store.
func TestChanges_BearEveryForm(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPopulatedSite(t, open(t))
			for _, r := range s.changes() {
				for _, value := range hostile {
					for i := 0; i+1 < len(r.fields); i += 2 {
						form := slices.Clone(r.fields)
						form[i+1] = value
						harmless(t, r.path+" "+form[i]+"="+value, s.post(r.path, form...))
						s.handler.WaitForJobs() // only four are at work at once
					}
				}
			}
		})
	}
}

// A form that is no form, or has another type, changes nothing.
func TestChanges_RefuseWhatIsNoForm(t *testing.T) {
	t.Parallel()
	s := newPopulatedSite(t, memory.New())
	send := func(path, kind, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		answer := httptest.NewRecorder()
		s.handler.ServeHTTP(answer, r)
		return answer
	}
	for _, r := range s.changes() {
		answer := send(r.path, "application/x-www-form-urlencoded", "a=%zz")
		assert.Equal(t, http.StatusBadRequest, answer.Code, r.path)
		harmless(t, r.path, answer)
		for _, kind := range []string{"", "application/json", "multipart/form-data; boundary=x", "text/plain", "\x00"} {
			harmless(t, r.path+" "+kind, send(r.path, kind, `{"revision": 1}`))
		}
	}
}

// FuzzQueries looks for a query that a page cannot bear.
func FuzzQueries(f *testing.F) {
	f.Add(uint8(0), "status=x&status=failed")
	f.Add(uint8(7), "automation=a&version=1&step=%00&contact=a@b&from=2026-01-01&until=2026-01-01T09:30")
	f.Add(uint8(20), "after=none&before=none&definitions=none&done=none")
	f.Add(uint8(30), "q=%ff&v.PLAN=%3Cscript%3Ealert(1)%3C/script%3E&images=1&show=source")
	s := newPopulatedSite(f, memory.New())
	pages := s.onePageOfEachRoute()
	f.Fuzz(func(t *testing.T, which uint8, query string) {
		path, _, _ := strings.Cut(pages[int(which)%len(pages)].path, "?")
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.URL.RawQuery = query
		answer := httptest.NewRecorder()
		s.handler.ServeHTTP(answer, r)
		harmless(t, path+"?"+query, answer)
	})
}

// FuzzForms looks for a form that breaks the answer to a change.
func FuzzForms(f *testing.F) {
	f.Add(uint8(1), `document={"name":"A","steps":[{"key":"a","type":"trigger","config":{"event_name":"x"}}],"connections":[]}`)
	f.Add(uint8(2), "document=null&revision=1")
	f.Add(uint8(9), "action=retry&status=failed&version=1&automation=trial")
	f.Add(uint8(11), "confirm=%ff")
	f.Add(uint8(12), `name=%00&schema={"type":"object","properties":{"a":{"type":"<script>"}}}`)
	f.Add(uint8(15), "name=signup&contact=a@b.example&field.plan=%3Cscript%3E&field.seats=1e999&payload={}&key=a")
	s := newPopulatedSite(f, memory.New())
	changes := s.changes()
	f.Fuzz(func(t *testing.T, which uint8, form string) {
		path := changes[int(which)%len(changes)].path
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer := httptest.NewRecorder()
		s.handler.ServeHTTP(answer, r)
		harmless(t, path+" "+form, answer)
		s.handler.WaitForJobs()
	})
}
