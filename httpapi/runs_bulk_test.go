package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// requested is the answer to POST /runs/retry and POST /runs/cancel.
type requested struct {
	DryRun    bool   `json:"dry_run"`
	Retried   int    `json:"retried"`
	Cancelled int    `json:"cancelled"`
	Skipped   int    `json:"skipped"`
	HasMore   bool   `json:"has_more"`
	After     string `json:"after"`
}

func (a *api) retryRuns(body string) requested {
	a.t.Helper()
	return a.request("/runs/retry", body)
}

func (a *api) cancelRuns(body string) requested {
	a.t.Helper()
	return a.request("/runs/cancel", body)
}

func (a *api) request(path, body string) (got requested) {
	a.t.Helper()
	require.NoError(a.t, json.Unmarshal([]byte(a.must(http.StatusOK, "POST", path, body).body), &got))
	return got
}

// onEachStore runs a test on an API on each store.
func onEachStore(t *testing.T, test func(t *testing.T, a *api)) {
	t.Helper()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, setupOn(t, open(t), automation.Options{}))
		})
	}
}

func TestRetryRuns_InPagesAfterADryRun(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, a *api) {
		id := a.create()
		broken := true
		a.mailer.Respond = failWhile(&broken)
		for i := range 5 {
			a.start(fmt.Sprintf("%d@example.com", i))
		}
		broken = false
		assert.Equal(t, 0, a.retryRuns(`{"automation_id": "other"}`).Retried)
		assert.Equal(t, 0, a.retryRuns(`{"version": 2}`).Retried)
		assert.Equal(t, 0, a.retryRuns(`{"created_until": "2000-01-01T00:00:00Z"}`).Retried)
		all := `{"automation_id": "` + id + `", "version": 1, "event_name": "user.created", "created_from": "2000-01-01T00:00:00Z", "contact_id": null, "dry_run": true}`
		would := a.retryRuns(all)
		assert.Equal(t, requested{DryRun: true, Retried: 5, After: would.After}, would)
		a.drain()
		assert.Empty(t, a.mailer.Emails(), "a dry run retries nothing")

		first := a.retryRuns(`{"limit": 3}`)
		assert.Equal(t, requested{Retried: 3, HasMore: true, After: first.After}, first)
		rest := a.retryRuns(`{"limit": 3, "after": "` + first.After + `"}`)
		assert.Equal(t, requested{Retried: 2, After: rest.After}, rest)
		a.drain()
		assert.Len(t, a.mailer.Emails(), 5)
		assert.Equal(t, requested{}, a.retryRuns(`{}`))
	})
}

func TestCancelRuns_InPagesAfterADryRun(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, a *api) {
		id := a.create()
		for i := range 5 {
			a.start(fmt.Sprintf("%d@example.com", i))
		}
		running := func() int {
			page, err := a.runner.ListRuns(t.Context(), automation.RunQuery{Statuses: []automation.RunStatus{automation.RunRunning}})
			require.NoError(t, err)
			return len(page.Data)
		}
		all := `{"automation_id": "` + id + `", "version": 1, "event_name": "user.created", "step": "rest", "created_from": "2000-01-01T00:00:00Z", "contact_id": null, "dry_run": true}`
		would := a.cancelRuns(all)
		assert.Equal(t, requested{DryRun: true, Cancelled: 5, After: would.After}, would)
		a.drain()
		assert.Equal(t, 5, running(), "a dry run cancels nothing")

		first := a.cancelRuns(`{"limit": 3}`)
		assert.Equal(t, requested{Cancelled: 3, HasMore: true, After: first.After}, first)
		rest := a.cancelRuns(`{"limit": 3, "after": "` + first.After + `"}`)
		assert.Equal(t, requested{Cancelled: 2, After: rest.After}, rest)
		a.drain()
		assert.Zero(t, running())
		assert.Equal(t, requested{}, a.cancelRuns(`{}`), "what is cancelled needs nothing")
		a.clock.Add(48 * time.Hour)
		a.drain()
		assert.Len(t, a.mailer.Emails(), 5, "no run reaches its second email")
	})
}

func TestCancelRuns_CancelsOnlyWhatAllFieldsSelect(t *testing.T) {
	t.Parallel()
	a := setup(t)
	first := a.create()
	run, err := a.runner.GetRun(t.Context(), a.start("ada@example.com"))
	require.NoError(t, err)
	second := a.create()
	a.start("bob@example.com")
	for body, want := range map[string]int{
		`{"dry_run": true}`: 3,
		`{"dry_run": true, "automation_id": "` + second + `"}`:                                               1,
		`{"dry_run": true, "automation_id": "other"}`:                                                        0,
		`{"dry_run": true, "version": 2}`:                                                                    0,
		`{"dry_run": true, "contact_id": "` + run.ContactID + `"}`:                                           1,
		`{"dry_run": true, "contact_id": "` + run.ContactID + `", "automation_id": "` + second + `"}`:        0,
		`{"dry_run": true, "event_name": "other"}`:                                                           0,
		`{"dry_run": true, "step": "rest"}`:                                                                  3,
		`{"dry_run": true, "step": "tips"}`:                                                                  0,
		`{"dry_run": true, "created_until": "2000-01-01T00:00:00Z"}`:                                         0,
		`{"dry_run": true, "created_from": "2000-01-01T00:00:00Z", "created_until": "2100-01-01T00:00:00Z"}`: 3,
	} {
		assert.Equal(t, want, a.cancelRuns(body).Cancelled, body)
	}
	assert.Equal(t, 2, a.cancelRuns(`{"automation_id": "`+first+`"}`).Cancelled)
	a.drain()
	assert.Equal(t, 1, a.cancelRuns(`{"dry_run": true}`).Cancelled)
}

func TestCancelRuns_LeavesRunsThatHaveEnded(t *testing.T) {
	t.Parallel()
	a := setup(t)
	broken := true
	a.mailer.Respond = failWhile(&broken)
	a.create()
	a.start("ada@example.com")
	assert.Equal(t, requested{}, a.cancelRuns(`{}`))
	assert.Equal(t, 1, a.retryRuns(`{"dry_run": true}`).Retried, "the failed run stays failed")
}

func TestRequestsAboutManyRuns_RefuseWhatTheyWouldMisread(t *testing.T) {
	t.Parallel()
	a := setup(t)
	misread := map[string]string{
		`{"automation": "x"}`:          "automation: there is no such field",
		`{"status": "running"}`:        "status: there is no such field",
		`{"before": "x"}`:              "before: there is no such field",
		`{"limit": 0}`:                 "limit: must be a whole number between 1 and 1000",
		`{"limit": 1001}`:              "limit: must be a whole number between 1 and 1000",
		`{"limit": 2.5}`:               "limit: must be a whole number",
		`{"limit": "5"}`:               "limit: must be a number, not a string",
		`{"version": 0}`:               "version: must be a whole number",
		`{"version": 1e99}`:            "version: must be a whole number",
		`{"created_from": "today"}`:    "created_from: must be a time, such as 2026-03-02T09:00:00Z",
		`{"created_until": 7}`:         "created_until: must be a string, not a number",
		`{"after": "x"}`:               `after: there is nothing with the id "x" in this list`,
		`{"dry_run": 1, "step": true}`: "2 problems",
		`{"step": "a", "step": "b"}`:   "step: the object has this key more than once",
		`[1]`:                          "must be an object, not an array",
		`null`:                         "must be an object, not null",
	}
	for _, path := range []string{"/runs/retry", "/runs/cancel"} {
		for body, want := range misread {
			got := a.must(http.StatusUnprocessableEntity, "POST", path, body)
			assert.Contains(t, got.failure(t).Message, want, "%s %s", path, body)
		}
		a.must(http.StatusBadRequest, "POST", path, "")
		a.must(http.StatusBadRequest, "POST", path, "{} {}")
		a.must(http.StatusMethodNotAllowed, "GET", path, "")
		a.must(http.StatusForbidden, "POST", path, "{}", "Authorization", "Bearer wrong")
		a.must(http.StatusUnauthorized, "POST", path, "{}", "Authorization", "Bearer "+sendingKey)
	}
}

// A running run has neither ended nor failed.
func TestCancelRuns_HasNoFieldsOfRunsThatHaveEnded(t *testing.T) {
	t.Parallel()
	a := setup(t)
	for _, name := range []string{"completed_from", "completed_until", "error_code"} {
		got := a.must(http.StatusUnprocessableEntity, "POST", "/runs/cancel", `{"`+name+`": "2026-03-02T09:00:00Z"}`)
		assert.Contains(t, got.failure(t).Message, name+": there is no such field: the fields here are automation_id, version, contact_id, event_name, step, created_from, created_until, after, limit, dry_run")
	}
}
