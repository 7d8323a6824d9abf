package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// FuzzRequests sends arbitrary requests to an API that has an object of every kind. No
// request causes a failure of the server, and a refused request changes nothing.
func FuzzRequests(f *testing.F) {
	for _, seed := range [][3]string{
		{"POST", "/automations", welcome},
		{"POST", "/automations", `{"name": "x", "steps": null, "connections": [{}]}`},
		{"GET", "/automations?status=enabled&limit=1&after=x", ""},
		{"PATCH", "/automations/{automation}", `{"name": "x", "status": "disabled"}`},
		{"PATCH", "/automations/{automation}", `{"steps": [{"key": "a", "type": "trigger", "config": {"event_name": "x"}}], "connections": []}`},
		{"DELETE", "/automations/{automation}", ""},
		{"POST", "/automations/{automation}/stop", `{"cancel_runs": true}`},
		{"POST", "/automations/{automation}/duplicate", "null"},
		{"POST", "/automations/validate", `{"name": ""}`},
		{"GET", "/automations/{automation}/runs?status=running%2Cfailed", ""},
		{"GET", "/automations/{automation}/metrics", ""},
		{"GET", "/automations/{automation}/runs/{run}", ""},
		{"POST", "/automations/{automation}/runs/{run}/cancel", ""},
		{"POST", "/automations/{automation}/runs/{run}/retry", "{}"},
		{"POST", "/runs/retry", `{"created_from": "2026-03-02T09:00:00Z", "limit": 7, "dry_run": false, "after": null}`},
		{"POST", "/runs/cancel", `{"created_until": "2026-03-02T09:00:00Z", "version": 1, "limit": 7, "dry_run": false, "after": null}`},
		{"POST", "/events", `{"name": "y", "schema": {"a": "string"}}`},
		{"PATCH", "/events/x", `{"schema": {"type": "object", "properties": {"a": {"type": ["string"]}}}}`},
		{"POST", "/events/send", `{"event": "user.created", "email": "a@example.com", "payload": {"a": 1e999, "": [null]}}`},
		{"GET", "//events/..%2Fx/", ""},
		{"POST", "/contacts", `{"email": "b@example.com", "properties": {"a": 1}, "segments": ["s", {"id": "t"}]}`},
		{"PATCH", "/contacts/ada@example.com", `{"first_name": null, "properties": null}`},
		{"DELETE", "/contacts/ada%40example.com", ""},
		{"POST", "/segments", `{"name": "x"}`},
		{"GET", "/segments/s/contacts?limit=1", ""},
		{"GET", "/contacts/ada@example.com/segments?before=s", ""},
		{"POST", "/contacts/ada@example.com/segments/s", ""},
		{"DELETE", "/contacts/ada@example.com/segments/s", ""},
		{"POST", "/templates", `{"name": "x", "alias": "y", "html": "{{#A}}{{{B|c}}}{{/A}}", "variables": [{"key": "B", "type": "number", "fallback_value": 1e999}]}`},
		{"PATCH", "/templates/hello", `{"alias": null, "reply_to": ["a@example.com"], "text": "{{{contact.first_name}}}"}`},
		{"POST", "/templates/hello/publish", ""},
		{"POST", "/templates/billing%2Freceipt/duplicate", "{}"},
		{"DELETE", "/templates/receipt", ""},
		{"GET", "/openapi.json", ""},
		{"CONNECT", "*", ""},
	} {
		f.Add(seed[0], seed[1], []byte(seed[2]))
	}
	f.Fuzz(func(t *testing.T, method, target string, body []byte) {
		a := setup(t)
		a.must(http.StatusCreated, "POST", "/events", `{"name": "x"}`)
		a.must(http.StatusCreated, "POST", "/segments", `{"name": "Friends"}`)
		a.must(http.StatusCreated, "POST", "/templates", `{"name": "Hello", "alias": "hello", "html": "<p>Hello</p>"}`)
		id := a.create()
		run := a.start("ada@example.com")
		target = strings.NewReplacer("{automation}", id, "{run}", run).Replace(target)
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Skip("the server would not parse it")
		}
		r, err := http.NewRequestWithContext(t.Context(), method, "http://localhost/", strings.NewReader(string(body)))
		if err != nil {
			t.Skip("the server would not parse it")
		}
		r.URL, r.RequestURI = u, target
		r.Header.Set("Authorization", "Bearer "+fullKey)
		before := a.contents()
		got := a.do(r)
		assert.Less(t, got.status, 500, got.body)
		assert.GreaterOrEqual(t, got.status, 200)
		assert.NotEqual(t, 3, got.status/100, "a redirect")
		if got.status >= 400 {
			assert.Equal(t, before, a.contents(), "nothing changes")
			assert.NotEmpty(t, got.failure(t).Message)
		}
	})
}
