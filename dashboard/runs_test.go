package dashboard_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

// bounce makes the emails to addresses that contain "bounce" fail for good.
func bounce(_ context.Context, e automation.Email) error {
	if strings.Contains(e.To, "bounce") {
		return automation.Permanent(fmt.Errorf("550 5.1.1 <script>alert(1)</script> mailbox unavailable"))
	}
	return nil
}

// welcome is a flow whose runs send an email, and then sleep.
func welcome(id string) automation.Automation {
	a := world.Flow(id, "signup", world.Email("hello"), world.Pause("rest", "1 day"), world.Email("tips"))
	a.Name = "Welcome <b>everyone</b>"
	return a
}

// signUp lets people sign up for a flow.
func (s *site) signUp(emails ...string) {
	s.T.Helper()
	for _, email := range emails {
		s.Send(world.Signup(email))
	}
	s.Drain()
}

func TestRuns_ListsThemWithContactsErrorsAndAutomations(t *testing.T) {
	t.Parallel()
	s, store := newCountedSite(t, dashboard.Options{})
	s.Mailer.Respond = bounce
	s.Create(welcome("a/b"))
	s.signUp("ada@example.com", "bounce@example.com")
	store.take()
	answer := s.get("/runs")
	require.Equal(t, http.StatusOK, answer.Code)
	assert.Equal(t, []string{"ListRuns", "ListAutomations", "FindContacts"}, store.take())
	body := answer.Body.String()
	assert.Contains(t, body, "bounce@example.com")
	assert.Contains(t, body, "permanent_error")
	assert.Contains(t, body, "550 5.1.1 &lt;script&gt;")
	assert.Contains(t, body, "Welcome &lt;b&gt;everyone&lt;/b&gt;")
	assert.Contains(t, body, `href="./a/a%2Fb/runs/`+s.Runs()[0].ID+`"`)
	assert.NotContains(t, body, "<script>alert")
}

func TestRuns_FiltersAreTheQuery(t *testing.T) {
	t.Parallel()
	s, store := newCountedSite(t, dashboard.Options{})
	s.Mailer.Respond = bounce
	s.Create(welcome("first"))
	s.Create(world.Flow("second", "other", world.Email("hi")))
	s.signUp("ada@example.com", "bounce@example.com")
	s.Clock.Add(time.Hour)
	s.Send(automation.Event{Name: "other", Email: "grace@example.com"})
	s.Drain()
	ada := s.Contact("ada@example.com").ID
	event := s.RunOf(ada).EventID
	for query, emails := range map[string]string{
		"":                                  "grace bounce ada",
		"status=failed":                     "bounce",
		"status=failed&status=completed":    "grace bounce",
		"automation=first":                  "bounce ada",
		"automation=first&version=1":        "bounce ada",
		"automation=first&version=2":        "",
		"automation=first&step=rest":        "ada",
		"contact=ADA@example.com":           "ada",
		"contact=" + ada:                    "ada",
		"contact=ghost@example.com":         "",
		"event=" + event:                    "ada",
		"event=nonsense":                    "",
		"from=2026-03-02T10:00":             "grace",
		"until=2026-03-02T10:00":            "bounce ada",
		"from=2026-03-02&until=2026-03-03":  "grace bounce ada",
		"from=2026-03-02T10:00:00%2B01:00":  "grace bounce ada",
		"automation=gone":                   "",
		"status=&automation=&contact=&from": "grace bounce ada",
	} {
		store.take()
		answer := s.get("/runs?" + query)
		require.Equal(t, http.StatusOK, answer.Code, query)
		assert.LessOrEqual(t, len(store.take()), 4, query)
		var shown []string
		for _, line := range strings.Split(answer.Body.String(), "\n") {
			if _, row, ok := strings.Cut(line, `class="row"`); ok {
				email := row[strings.Index(row, "<bdi>")+5:]
				shown = append(shown, email[:strings.Index(email, "@")])
			}
		}
		assert.Equal(t, strings.Fields(emails), append([]string{}, shown...), query)
	}
}

// Runs are found by when they ended, and by the code of their error, in one go or page by
// page, and a question about them has their number.
func TestRuns_AreFoundByTheirEndAndTheirError(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Mailer.Respond = bounce
	s.Create(world.Flow("welcome", "signup", world.Email("hello")))
	s.signUp("ada@example.com", "bounce@example.com")
	s.Clock.Add(24 * time.Hour)
	s.signUp("ada@example.com", "bounce@example.com")
	for query, runs := range map[string]int{
		"code=permanent_error": 2, "code=effect_failed": 0, "ended-from=2026-03-03": 2, "ended-until=2026-03-03": 2,
		"ended-from=2026-03-03&code=permanent_error": 1, "automation=welcome&code=permanent_error&ended-until=2026-03-03T00:00": 1,
	} {
		answer := s.get("/runs?" + query)
		require.Equal(t, http.StatusOK, answer.Code, query)
		assert.Equal(t, runs, strings.Count(answer.Body.String(), `<tr id="run-`), query)
	}
	assert.Contains(t, s.get("/runs/bulk?action=retry&automation=welcome&ended-from=2026-03-03").Body.String(), "<h1>Retry 1 failed run?</h1>")
}

func TestRuns_RefusesFiltersThatMeanNothing(t *testing.T) {
	t.Parallel()
	s, store := newCountedSite(t, dashboard.Options{})
	for _, query := range []string{
		"status=sleepy", "status=failed&status=x", "automation=a&version=0", "automation=a&version=x", "automation=a&version=99999999999999999999",
		"version=1", "step=hello", "from=yesterday", "until=2026-13-45", "from=2026-03-03&until=2026-03-02",
		"contact=" + strings.Repeat("x", 256), "contact=%00", "event=%ff", "code=unlucky",
		"ended-from=later", "ended-from=2026-03-03&ended-until=2026-03-02", "from=2026-03-01&ended-from=2026-03-01",
	} {
		store.take()
		answer := s.get("/runs?" + query)
		assert.Equal(t, http.StatusBadRequest, answer.Code, query)
		assert.Empty(t, store.take(), query)
	}
	assert.Equal(t, http.StatusNotFound, s.get("/runs?after=gone").Code)
}

func TestRuns_NamesWhyTheListIsEmpty(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	assert.Contains(t, s.get("/runs").Body.String(), "There is no run yet")
	s.Create(welcome("a"))
	assert.Contains(t, s.get("/runs?contact=x@example.com").Body.String(), "No contact has this email or id")
	assert.Contains(t, s.get("/runs?automation=b").Body.String(), "No automation has this id")
	assert.Contains(t, s.get("/runs?status=failed").Body.String(), "No run matches this filter")
}

func TestRuns_PagesKeepTheFilter(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(welcome("a"))
	s.Send(world.Signups(60)...)
	s.Drain()
	next := func(body, rel string) string {
		_, link, _ := strings.Cut(body, `<a href="`+"?")
		for !strings.HasPrefix(link[strings.Index(link, `"`)+1:], ` rel="`+rel) {
			_, link, _ = strings.Cut(link, `<a href="`+"?")
		}
		return strings.ReplaceAll(link[:strings.Index(link, `"`)], "&amp;", "&")
	}
	first := s.get("/runs?status=running&automation=a").Body.String()
	assert.Equal(t, 50, strings.Count(first, `class="row"`))
	query := next(first, "next")
	assert.Contains(t, query, "status=running")
	second := s.get("/runs?" + query).Body.String()
	assert.Equal(t, 10, strings.Count(second, `class="row"`))
	assert.Equal(t, 50, strings.Count(s.get("/runs?"+next(second, "prev")).Body.String(), `class="row"`))
}

func TestRuns_OffersOnlyWhatALevelAllows(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{Access: func(*http.Request) dashboard.Access { return dashboard.AccessView }})
	s.Mailer.Respond = bounce
	s.Create(welcome("a"))
	s.signUp("ada@example.com", "bounce@example.com")
	for _, run := range s.Runs() {
		path := "/a/a/runs/" + run.ID
		assert.NotContains(t, s.get(path).Body.String(), `method="post"`)
		assert.NotContains(t, s.get(path).Body.String(), "Send the event again")
		assert.Equal(t, http.StatusForbidden, s.post(path+"/retry").Code)
		assert.Equal(t, http.StatusForbidden, s.post(path+"/cancel").Code)
	}
	assert.NotContains(t, s.get("/runs").Body.String(), "bulk?")
	assert.Equal(t, http.StatusForbidden, s.get("/runs/bulk?action=retry").Code)
	assert.Equal(t, http.StatusForbidden, s.post("/runs/bulk", "action", "retry").Code)
}

func TestRuns_FormShowsTheFilter(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(welcome("a"))
	q := url.Values{"status": {"failed"}, "automation": {"a"}, "step": {`"><script>`}, "from": {"2026-03-02T10:00:00Z"}}
	body := s.get("/runs?" + q.Encode()).Body.String()
	assert.Contains(t, body, `value="failed" checked`)
	assert.Contains(t, body, `<option value="a" selected>`)
	assert.Contains(t, body, `value="&#34;&gt;&lt;script&gt;"`)
	assert.Contains(t, body, `name="from" value="2026-03-02T10:00"`)
	assert.Contains(t, body, "<details open>")
}
