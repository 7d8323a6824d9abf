package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// retried is the answer to POST /runs/retry.
type retried struct {
	DryRun  bool   `json:"dry_run"`
	Retried int    `json:"retried"`
	HasMore bool   `json:"has_more"`
	After   string `json:"after"`
}

func (a *api) retryRuns(body string) (got retried) {
	a.t.Helper()
	require.NoError(a.t, json.Unmarshal([]byte(a.must(http.StatusOK, "POST", "/runs/retry", body).body), &got))
	return got
}

func TestRetryRuns_InPagesAfterADryRun(t *testing.T) {
	t.Parallel()
	a := setup(t)
	id := a.create()
	broken := true
	a.mailer.Respond = failWhile(&broken)
	for i := range 5 {
		a.start(fmt.Sprintf("%d@example.com", i))
	}
	broken = false
	assert.Equal(t, 0, a.retryRuns(`{"automation_id": "other"}`).Retried)
	assert.Equal(t, 0, a.retryRuns(`{"created_until": "2000-01-01T00:00:00Z"}`).Retried)
	all := `{"automation_id": "` + id + `", "event_name": "user.created", "created_from": "2000-01-01T00:00:00Z", "contact_id": null, "dry_run": true}`
	would := a.retryRuns(all)
	assert.Equal(t, retried{DryRun: true, Retried: 5, After: would.After}, would)
	a.drain()
	assert.Empty(t, a.mailer.Emails(), "a dry run retries nothing")

	first := a.retryRuns(`{"limit": 3}`)
	assert.Equal(t, retried{Retried: 3, HasMore: true, After: first.After}, first)
	rest := a.retryRuns(`{"limit": 3, "after": "` + first.After + `"}`)
	assert.Equal(t, retried{Retried: 2, After: rest.After}, rest)
	a.drain()
	assert.Len(t, a.mailer.Emails(), 5)
	assert.Equal(t, retried{}, a.retryRuns(`{}`))
}

func TestRetryRuns_RefusesWhatItWouldMisread(t *testing.T) {
	t.Parallel()
	a := setup(t)
	for body, want := range map[string]string{
		`{"automation": "x"}`:          "automation: there is no such field",
		`{"limit": 0}`:                 "limit: must be a whole number between 1 and 1000",
		`{"limit": 1001}`:              "limit: must be a whole number between 1 and 1000",
		`{"limit": 2.5}`:               "limit: must be a whole number",
		`{"created_from": "today"}`:    "created_from: must be a time, such as 2026-03-02T09:00:00Z",
		`{"created_until": 7}`:         "created_until: must be a string, not a number",
		`{"after": "x"}`:               `after: there is nothing with the id "x" in this list`,
		`{"dry_run": 1, "step": true}`: "2 problems",
	} {
		got := a.must(http.StatusUnprocessableEntity, "POST", "/runs/retry", body)
		assert.Contains(t, got.failure(t).Message, want, body)
	}
	a.must(http.StatusBadRequest, "POST", "/runs/retry", "")
	a.must(http.StatusUnauthorized, "POST", "/runs/retry", "{}", "Authorization", "Bearer "+sendingKey)
}

func TestAutomations_HaveARetryPolicy(t *testing.T) {
	t.Parallel()
	a := setup(t)
	const graph = `"steps": [{"key": "start", "type": "trigger", "config": {"event_name": "x"}},
		{"key": "mail", "type": "send_email", "config": {"template": {"id": "t"}, "retry": {"max_attempts": 2, "initial": "1 minute"}}}],
		"connections": [{"from": "start", "to": "mail"}]`
	id := a.must(http.StatusCreated, "POST", "/automations", `{"name": "x", "retry": {"for": "3 days"}, `+graph+`}`).id(t)
	path := "/automations/" + id
	stored := func() (b struct {
		Retry automation.RetryPolicy
		Steps []automation.Step
	}) {
		require.NoError(t, json.Unmarshal([]byte(a.must(http.StatusOK, "GET", path, "").body), &b))
		return b
	}
	text := a.must(http.StatusOK, "GET", path, "").body
	assert.Contains(t, text, `"retry":{"for":"3 days"}`)
	assert.Contains(t, text, `"retry":{"max_attempts":2,"initial":"1 minute"}`)

	a.must(http.StatusOK, "PATCH", path, `{"retry": {"max_attempts": 7}}`)
	assert.Equal(t, automation.RetryPolicy{MaxAttempts: 7}, stored().Retry)
	assert.Len(t, stored().Steps, 2)
	a.must(http.StatusOK, "PATCH", path, `{"name": "y"}`)
	assert.Equal(t, automation.RetryPolicy{MaxAttempts: 7}, stored().Retry)
	a.must(http.StatusOK, "PATCH", path, `{"retry": null}`)
	assert.Zero(t, stored().Retry)
	got := a.must(http.StatusUnprocessableEntity, "PATCH", path, `{"retry": {"initial": "2 hours", "max": "1 hour"}}`)
	assert.Contains(t, got.failure(t).Message, "retry.initial: 2h0m0s is longer than max, which is 1h0m0s: shorten it")
}
