package dashboard_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

// failedSite is a site on which nothing waits, unless opts has a clock. Its mailer is back after
// an outage in which n runs failed.
func failedSite(t *testing.T, n int, opts dashboard.Options) *site {
	t.Helper()
	w := world.New(t, automation.Options{})
	if opts.Clock == nil {
		opts.Clock = hurry{w.Clock}
	}
	s := newSiteOf(t, w, opts)
	s.Create(welcome("a"))
	s.Mailer.Respond = func(context.Context, automation.Email) error { return automation.Permanent(world.ErrOutage) }
	s.Send(world.Signups(n)...)
	s.Drain()
	s.Mailer.Respond = nil
	t.Cleanup(s.handler.Close)
	return s
}

// jobOf returns the path of the job that an answer leads to.
func jobOf(t *testing.T, location string) string {
	t.Helper()
	_, path, ok := strings.Cut(location, "jobs/")
	require.True(t, ok, location)
	return "/jobs/" + path
}

// finished waits until all jobs have ended, and returns the page of one.
func (s *site) finished(path string) string {
	s.T.Helper()
	s.handler.WaitForJobs()
	return s.get(path).Body.String()
}

// hurry is a clock on which nothing waits.
type hurry struct{ automation.Clock }

func (hurry) After(time.Duration) <-chan time.Time {
	at := make(chan time.Time, 1)
	at <- time.Time{}
	return at
}

func TestBulk_AsksWithTheNumber(t *testing.T) {
	t.Parallel()
	s := failedSite(t, 3, dashboard.Options{})
	for query, heading := range map[string]string{
		"action=retry":                                      "Retry 3 failed runs?",
		"action=retry&automation=a":                         "Retry 3 failed runs?",
		"action=retry&automation=a&step=hello&version=1":    "Retry 3 failed runs?",
		"action=retry&automation=a&step=rest":               "No failed run matches this filter",
		"action=retry&contact=1@example.com&status=failed":  "Retry 1 failed run?",
		"action=retry&contact=ghost@example.com":            "No failed run matches this filter",
		"action=cancel&automation=a":                        "No running run matches this filter",
		"action=retry&from=2026-03-02T08:00&status=failed":  "Retry 3 failed runs?",
		"action=retry&until=2026-03-02T08:00&automation=a":  "No failed run matches this filter",
		"action=cancel&until=2026-03-02T08:00&automation=a": "No running run matches this filter",
	} {
		assert.Contains(t, s.get("/runs/bulk?"+query).Body.String(), heading, query)
	}
	for _, query := range []string{"", "action=delete", "action=retry&status=running", "action=cancel&status=failed", "action=retry&status=x", "action=retry&action=cancel"} {
		assert.Equal(t, http.StatusBadRequest, s.get("/runs/bulk?"+query).Code, query)
	}
}

func TestBulk_CountsNoFurtherThanItMust(t *testing.T) {
	t.Parallel()
	s := failedSite(t, 301, dashboard.Options{})
	assert.Contains(t, s.get("/runs/bulk?action=retry").Body.String(), "Retry more than 300 failed runs?")
	assert.Contains(t, s.get("/runs/bulk?action=retry&automation=a").Body.String(), "Retry 301 failed runs?")
}

func TestBulk_RetriesAllThatMatch(t *testing.T) {
	t.Parallel()
	var audit []dashboard.AuditEntry
	s := failedSite(t, 250, dashboard.Options{Audit: func(e dashboard.AuditEntry) { audit = append(audit, e) }})
	answer := s.post("/runs/bulk", "action", "retry", "automation", "a", "status", "failed")
	require.Equal(t, http.StatusSeeOther, answer.Code)
	body := s.finished(jobOf(t, answer.Header().Get("Location")))
	assert.Contains(t, body, "Retried 250 runs")
	assert.Contains(t, body, "250 of 250")
	s.Drain()
	assert.Len(t, s.Sent(), 250, "each email once")
	require.Len(t, audit, 1)
	assert.Equal(t, "retry runs", audit[0].Action)
	assert.Equal(t, "automation=a&status=failed", audit[0].Target)
}

func TestBulk_CancelsAllThatMatch(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	t.Cleanup(s.handler.Close)
	s.Create(welcome("a"))
	s.Create(world.Flow("b", "signup", world.Pause("rest", "1 day")))
	s.signUp("ada@example.com", "grace@example.com")
	answer := s.post("/runs/bulk", "action", "cancel", "automation", "a")
	assert.Contains(t, s.finished(jobOf(t, answer.Header().Get("Location"))), "Cancelled 2 runs")
	s.Drain()
	for _, run := range s.Runs() {
		assert.Equal(t, run.AutomationID == "a", run.Status == automation.RunCancelled, run.AutomationID)
	}
}

func TestBulk_ASecondClickJoinsTheJob(t *testing.T) {
	t.Parallel()
	s := failedSite(t, 150, dashboard.Options{Clock: world.NewPacedClock()})
	first := s.post("/runs/bulk", "action", "retry", "automation", "a", "step", "hello").Header().Get("Location")
	again := s.post("/runs/bulk", "step", "hello", "automation", "a", "action", "retry").Header().Get("Location")
	other := s.post("/runs/bulk", "action", "retry", "automation", "a").Header().Get("Location")
	assert.Equal(t, first, again)
	assert.NotEqual(t, first, other)
}

func TestBulk_IsStoppedByAClick(t *testing.T) {
	t.Parallel()
	s := failedSite(t, 150, dashboard.Options{Clock: world.NewPacedClock()}) // pauses after the first hundred
	path := jobOf(t, s.post("/runs/bulk", "action", "retry").Header().Get("Location"))
	body := s.get(path).Body.String()
	assert.Contains(t, body, "<progress")
	assert.Contains(t, body, "Retrying 150 runs")
	assert.Contains(t, body, `<noscript><meta http-equiv="refresh"`)
	id, _, _ := strings.Cut(path, "?")
	assert.Equal(t, http.StatusSeeOther, s.post(id+"/stop").Code)
	body = s.finished(path)
	assert.Contains(t, body, "The job was stopped")
	assert.Contains(t, body, "Go on with the rest")
	s.Drain()
	sent := len(s.Sent())
	assert.Less(t, sent, 150)
	_, err := s.RetryRuns(s.Ctx, automation.RunQuery{}, automation.BulkOptions{})
	require.NoError(t, err)
	s.Drain()
	assert.Len(t, s.Sent(), 150, "each email once")
}

func TestBulk_CloseStopsJobs(t *testing.T) {
	t.Parallel()
	s := failedSite(t, 150, dashboard.Options{Clock: world.NewPacedClock()})
	path := jobOf(t, s.post("/runs/bulk", "action", "retry").Header().Get("Location"))
	s.handler.Close()
	s.handler.Close()
	assert.Contains(t, s.get(path).Body.String(), "The job was stopped")
	assert.Equal(t, http.StatusServiceUnavailable, s.post("/runs/bulk", "action", "retry").Code)
	assert.Equal(t, http.StatusOK, s.get("/runs").Code)
}

func TestJob_OfAnotherProcessIsExplained(t *testing.T) {
	t.Parallel()
	s := failedSite(t, 1, dashboard.Options{})
	path := jobOf(t, s.post("/runs/bulk", "action", "retry", "automation", "a").Header().Get("Location"))
	s.finished(path)
	restarted := newSiteOf(t, s.World, dashboard.Options{})
	answer := restarted.get(path)
	assert.Equal(t, http.StatusOK, answer.Code)
	assert.Contains(t, answer.Body.String(), "safe to start it again")
	assert.Contains(t, answer.Body.String(), `runs/bulk?action=retry&amp;automation=a"`)
	assert.Equal(t, http.StatusNotFound, restarted.get("/jobs/x").Code)
	assert.Equal(t, http.StatusNotFound, restarted.post("/jobs/x/stop").Code)
}

func TestJob_ThatFailsNamesWhatItDid(t *testing.T) {
	t.Parallel()
	s := failedSite(t, 150, dashboard.Options{})
	var mu sync.Mutex
	calls, fail := 0, func() error { return world.ErrOutage }
	s.Store.BeforeListRuns = func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls > 1 {
			return fail()
		}
		return nil
	}
	path := jobOf(t, s.post("/runs/bulk", "action", "retry", "automation", "a").Header().Get("Location"))
	body := s.finished(path)
	assert.Contains(t, body, "The job failed")
	assert.Contains(t, body, "100 of 150")
	assert.NotContains(t, body, world.ErrOutage.Error())

	mu.Lock()
	fail = func() error { panic("a store of the host") }
	mu.Unlock()
	path = jobOf(t, s.post("/runs/bulk", "action", "retry", "automation", "a").Header().Get("Location"))
	assert.Contains(t, s.finished(path), "The job failed")
}

func TestBulk_RefusesMoreJobsThanItCanDo(t *testing.T) {
	t.Parallel()
	s := failedSite(t, 150, dashboard.Options{Clock: world.NewPacedClock()})
	for i := range 5 {
		answer := s.post("/runs/bulk", "action", "retry", "until", fmt.Sprintf("2027-01-0%d", i+1))
		if i < 4 {
			assert.Equal(t, http.StatusSeeOther, answer.Code)
		} else {
			assert.Equal(t, http.StatusServiceUnavailable, answer.Code)
		}
	}
	assert.Equal(t, http.StatusBadRequest, s.post("/runs/bulk", "action", "retry", "contact", "ghost@example.com").Code)
}
