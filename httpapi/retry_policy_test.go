package httpapi_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

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
