package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/store/postgres"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// stores are the stores by name. Each test or benchmark opens a store of its own.
var stores = map[string]func(tb testing.TB) automation.Store{
	"memory": func(testing.TB) automation.Store { return memory.New() },
	"sqlite": func(tb testing.TB) automation.Store {
		s, err := sqlitefile.Open(tb.Context(), filepath.Join(tb.TempDir(), "store.db"))
		require.NoError(tb, err)
		tb.Cleanup(func() { assert.NoError(tb, s.Close()) })
		return s
	},
	"postgres": func(tb testing.TB) automation.Store {
		pool, err := pgxpool.New(tb.Context(), pgtest.URL(tb))
		require.NoError(tb, err)
		tb.Cleanup(pool.Close)
		s, err := postgres.New(pool, postgres.Options{})
		require.NoError(tb, err)
		require.NoError(tb, s.Migrate(tb.Context()))
		return s
	},
}

// Databases refuse some texts that JSON and URLs can hold.
func TestTexts_ThatAreOddAreNoFailureOfTheServer(t *testing.T) {
	t.Parallel()
	odd := []string{
		"", " ", "\x00", "a\x00b", "\u200b", "\u2028", "\ufffd", "\ufffe", "\U0010ffff", "e\u0301", "\r\n", "'", "\"", "\\", "%", "_", "*", "?", "#", "/", "..", "../..",
		"null", "{}", "$1", ";--", "00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}", "urn:uuid:00000000-0000-0000-0000-000000000000",
		"\xff", "a\xc3@example.com", "a\x00@example.com", "\x1b", "@", "a@b@c", "ä@example.com", strings.Repeat("x", 255), strings.Repeat("ä", 3_000), strings.Repeat("@", 3_000),
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := setupOn(t, open(t), automation.Options{})
			id := a.create()
			a.must(http.StatusCreated, "POST", "/contacts", `{"email": "ada@example.com"}`)
			for _, text := range odd {
				for _, r := range requestsWith(t, id, text) {
					got := a.call(r[0], r[1], r[2])
					assert.Less(t, got.status, 500, "%s %s %s: %s\n%s", r[0], r[1], r[2], got.body, a.log)
				}
			}
			a.drain()
		})
	}
}

// requestsWith returns requests that have text in every place that takes one, as method,
// path and body.
func requestsWith(t *testing.T, id, text string) [][3]string {
	t.Helper()
	encoded, err := json.Marshal(text)
	require.NoError(t, err)
	value, segment, parameter := string(encoded), url.PathEscape(text), url.QueryEscape(text)
	requests := [][3]string{
		{"POST", "/automations", fmt.Sprintf(`{"name": %s, "steps": [{"key": "s", "type": "trigger", "config": {"event_name": "x"}}]}`, value)},
		{"POST", "/automations", fmt.Sprintf(`{"name": "x", "steps": [{"key": %s, "type": "trigger", "config": {"event_name": %s}}]}`, value, value)},
		{"POST", "/automations/validate", fmt.Sprintf(`{"name": "x", "steps": [{"key": %s, "type": %s, "config": {%s: 1}}]}`, value, value, value)},
		{"PATCH", "/automations/" + id, fmt.Sprintf(`{"name": %s}`, value)},
		{"PATCH", "/automations/" + id, fmt.Sprintf(`{"status": %s}`, value)},
		{"POST", "/events", fmt.Sprintf(`{"name": %s, "schema": {%s: "string"}}`, value, value)},
		{"POST", "/events/send", fmt.Sprintf(`{"event": %s, "email": "a@example.com", "payload": {%s: %s}}`, value, value, value)},
		{"POST", "/events/send", fmt.Sprintf(`{"event": "user.created", "email": %s}`, value)},
		{"POST", "/events/send", fmt.Sprintf(`{"event": "user.created", "contact_id": %s}`, value)},
		{"POST", "/contacts", fmt.Sprintf(`{"email": "a@example.com", "first_name": %s, "properties": {%s: %s}, "segments": [%s]}`, value, value, value, value)},
		{"POST", "/contacts", fmt.Sprintf(`{"email": %s}`, value)},
		{"PATCH", "/contacts/ada@example.com", fmt.Sprintf(`{"last_name": %s, "properties": {%s: %s}}`, value, value, value)},
		{"GET", "/contacts?segment_id=" + parameter, ""},
		{"GET", "/contacts?email_prefix=" + parameter, ""},
		{"POST", "/automations/" + id + "/runs/" + segment + "/retry", ""},
		{"POST", "/automations/" + segment + "/stop", ""},
		{"GET", "/audiences/" + segment + "/contacts/" + segment, ""},
		{"POST", "/segments", fmt.Sprintf(`{"name": %s}`, value)},
		{"GET", "/segments/" + segment + "/contacts", ""},
		{"POST", "/contacts/ada@example.com/segments/" + segment, ""},
		{"GET", "/contacts/ada@example.com/segments?after=" + parameter, ""},
		{"DELETE", "/contacts/ada@example.com/segments/" + segment, ""},
		{"POST", "/contact-properties", fmt.Sprintf(`{"key": %s, "type": %s, "fallback_value": %s}`, value, value, value)},
		{"POST", "/contact-properties", fmt.Sprintf(`{"key": "plan", "type": "string", "fallback_value": %s}`, value)},
		{"PATCH", "/contact-properties/plan", fmt.Sprintf(`{"fallback_value": %s}`, value)},
		{"GET", "/contacts/imports/" + segment, ""},
		{"POST", "/templates", fmt.Sprintf(`{"name": %s, "alias": %s, "html": %s, "variables": [{"key": "A", "type": "string", "fallback_value": %s}]}`, value, value, value, value)},
		{"POST", "/templates/" + segment + "/publish", ""},
	}
	for _, filter := range []string{"automation_id", "contact_id", "event", "step", "error_code", "version", "created_from", "completed_until"} {
		requests = append(requests, [3]string{"GET", "/runs?" + filter + "=" + parameter, ""})
	}
	for _, filter := range []string{"contact_id", "email", "event", "accepted_from"} {
		requests = append(requests, [3]string{"GET", "/received-events?accepted_from=2026-10-01T00:00:00Z&" + filter + "=" + parameter, ""})
	}
	for _, field := range []string{"automation_id", "contact_id", "event_name", "step", "error_code", "created_from", "completed_until", "after"} {
		requests = append(requests, [3]string{"POST", "/runs/retry", fmt.Sprintf(`{%q: %s}`, field, value)})
	}
	for _, list := range []string{"/automations", "/events", "/contacts", "/contact-properties", "/contacts/imports", "/segments", "/templates", "/runs", "/received-events", "/automations/" + id + "/versions", "/automations/" + id + "/runs", "/contacts/ada@example.com/runs"} {
		requests = append(requests, [3]string{"GET", list + "?after=" + parameter}, [3]string{"GET", list + "?before=" + parameter}, [3]string{"GET", list + "?status=" + parameter})
	}
	for _, item := range []string{"/automations/" + segment, "/events/" + segment, "/contacts/" + segment, "/segments/" + segment, "/contact-properties/" + segment, "/templates/" + segment, "/received-events/" + segment, "/audiences/" + segment, "/automations/" + id + "/versions/" + segment, "/automations/" + id + "/runs/" + segment, "/automations/" + segment + "/runs/" + segment} {
		requests = append(requests, [3]string{"GET", item}, [3]string{"DELETE", item}, [3]string{"PATCH", item, `{"name": "x"}`}, [3]string{"PATCH", item, `{"schema": null}`})
	}
	return requests
}
