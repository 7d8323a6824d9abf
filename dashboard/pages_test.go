package dashboard_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/observe"
	"github.com/seed-b636437c/automation/store/memory"
)

// Each page is the same on every store.
func TestPages_AreTheSameOnEveryStore(t *testing.T) {
	t.Parallel()
	want := mainParts(newPopulatedSite(t, memory.New()))
	for name, open := range stores {
		if name == "memory" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mainParts(newPopulatedSite(t, open(t)))
			for i, page := range got {
				assert.Equal(t, want[i], page)
			}
		})
	}
}

var (
	mainPart = regexp.MustCompile(`(?s)<main.*</main>`)
	// random are the parts of a page that differ each time.
	random = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|dashboard-[A-Z2-7]{26}|data-tag="[^"]*"|…[0-9a-f]{8}`)
)

// mainParts returns the main parts of all pages, in which random ids are numbered in the
// order in which they appear.
func mainParts(s *populatedSite) (parts []string) {
	for i, r := range s.pages() {
		answer := s.get(r.path)
		body := mainPart.FindString(answer.Body.String())
		if body == "" {
			body = answer.Body.String()
		}
		numbers := map[string]string{}
		body = random.ReplaceAllStringFunc(body, func(id string) string {
			if strings.HasPrefix(id, "data-tag") {
				return ""
			}
			if numbers[id] == "" {
				numbers[id] = "id-" + strconv.Itoa(len(numbers))
			}
			return numbers[id]
		})
		parts = append(parts, fmt.Sprintf("%d %s %d %d\n%s", i, r.route, answer.Code, len(answer.Header()), body))
	}
	return parts
}

// Each page makes at most four calls of the store, however many rows it has. The exceptions
// are what the Runner reads once for a version, and the page of an event.
func TestPages_MakeFourCallsOfTheStore(t *testing.T) {
	t.Parallel()
	s := newPopulatedSite(t, memory.New())
	for _, r := range s.pages() {
		s.get(r.path) // so that the Runner knows the graphs of versions
		s.calls.take()
		status, _ := s.do(r)
		made := s.calls.take()
		assert.Less(t, status, http.StatusBadRequest, r.path)
		most := 4
		if strings.HasPrefix(r.path, "/events/log/") {
			most = 5
		}
		assert.LessOrEqual(t, len(made), most, "%s: %v", r.path, made)
	}
}

// The first read of a run's version costs one more call.
func TestRunPage_ReadsAVersionOnce(t *testing.T) {
	t.Parallel()
	warm := newPopulatedSite(t, memory.New())
	w := *warm.World
	w.Runner = w.On(observe.WrapStore(w.Store, warm.calls.hooks()), w.Opts)
	cold := newSiteOf(t, &w, dashboard.Options{})
	path := "/a/emails/runs/" + warm.sent.ID
	for _, most := range []int{5, 4} {
		warm.calls.take()
		require.Equal(t, http.StatusOK, cold.get(path).Code)
		assert.Len(t, warm.calls.take(), most)
	}
}

// The question about all runs counts no further than three hundred, in pages of a hundred.
func TestBulkQuestion_MakesAtMostFourCalls(t *testing.T) {
	t.Parallel()
	s, calls := newCountedSite(t, dashboard.Options{})
	s.Create(welcome("a"))
	for range 4 {
		events := make([]automation.Event, 100)
		for i := range events {
			events[i] = automation.Event{Name: "signup", Email: "ada@example.com"}
		}
		s.Send(events...)
	}
	s.Drain()
	calls.take()
	answer := s.get("/runs/bulk?action=cancel&contact=ada%40example.com")
	require.Equal(t, http.StatusOK, answer.Code)
	assert.Contains(t, answer.Body.String(), "Cancel more than 300 running runs?")
	assert.Equal(t, []string{"FindContact", "ListRuns", "ListRuns", "ListRuns"}, calls.take())
}

// pagePolicy is the policy of all pages but those that show an email.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types lit-html dashboard"

// safe fails the test if an answer lacks a header that keeps browsers safe.
func safe(t *testing.T, name string, header http.Header) {
	t.Helper()
	assert.Equal(t, pagePolicy, header.Get("Content-Security-Policy"), name)
	assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"), name)
	assert.Equal(t, "same-origin", header.Get("Referrer-Policy"), name)
	assert.Equal(t, "no-store", header.Get("Cache-Control"), name)
}

// Every answer of every route has the headers that keep browsers safe.
func TestHeaders_AreOnEveryAnswer(t *testing.T) {
	t.Parallel()
	s := newPopulatedSite(t, memory.New())
	all := s.refusable()
	emails := []string{"GET /templates/{id}/preview", "GET /emails/{run}/{step}/html"}
	for _, r := range s.pages() {
		header := s.get(r.path).Header()
		if slices.Contains(emails, r.route) {
			assert.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'unsafe-inline'; img-src", r.path)
			assert.Contains(t, header.Get("Content-Security-Policy"), "; sandbox; frame-ancestors 'self'", r.path)
			header.Set("Content-Security-Policy", pagePolicy)
		}
		safe(t, r.path, header)
	}
	for _, r := range s.changes() {
		safe(t, r.path, s.post(r.path, r.fields...).Header())
		safe(t, r.path+" without a form", s.post(r.path).Header())
	}
	for _, path := range []string{
		"/nothing", "/a/none", "/a/none/runs/none", "/runs?status=x", "/templates/none/preview", "/emails/none/none/html", "/assets/none/none.js", "/a//x", "/../..",
	} {
		safe(t, path, s.get(path).Header())
	}
	s.level.Store(int32(dashboard.AccessNone))
	for _, r := range all {
		status, _ := s.do(r)
		require.Equal(t, http.StatusForbidden, status)
		safe(t, "403 of "+r.path, s.get(r.path).Header())
	}
}

// Answers that are no pages have the headers too.
func TestHeaders_AreOnAnswersThatAreNoPages(t *testing.T) {
	t.Parallel()
	s := newPopulatedSite(t, memory.New())
	tag := s.get("/runs").Header().Get("ETag")
	require.NotEmpty(t, tag)
	unchanged := s.getWith("/runs", "If-None-Match", tag)
	require.Equal(t, http.StatusNotModified, unchanged.Code)
	safe(t, "304", unchanged.Header())
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, http.MethodHead, "BREW"} {
		answer := httptest.NewRecorder()
		s.handler.ServeHTTP(answer, httptest.NewRequest(method, "/a/trial", nil))
		safe(t, method, answer.Header())
	}
	answer := httptest.NewRecorder()
	http.StripPrefix("/automations", s.handler).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/automations", nil))
	require.Equal(t, http.StatusMovedPermanently, answer.Code)
	safe(t, "the redirect to the slash", answer.Header())
	assert.Equal(t, "automations/", answer.Header().Get("Location"))
}

// Assets have the headers, and may be kept for a year.
func TestHeaders_AreOnAssets(t *testing.T) {
	t.Parallel()
	s := newPopulatedSite(t, memory.New())
	links := regexp.MustCompile(`assets/[0-9a-f]{12}/`).FindString(s.get("/").Body.String())
	require.NotEmpty(t, links)
	for _, name := range dashboard.AssetNames() {
		answer := s.get("/" + links + name)
		require.Equal(t, http.StatusOK, answer.Code, name)
		header := answer.Header()
		assert.Equal(t, "public, max-age=31536000, immutable", header.Get("Cache-Control"), name)
		header.Set("Cache-Control", "no-store")
		safe(t, name, header)
	}
}
