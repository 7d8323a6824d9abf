package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/httpapi"
)

// shorter is a change of welcome to one email.
const shorter = `{"steps": [
	{"key": "start", "type": "trigger", "config": {"event_name": "user.created"}},
	{"key": "hello", "type": "send_email", "config": {"template": {"id": "hello"}}}
], "connections": [{"from": "start", "to": "hello"}]}`

func TestVersions_AreListedAndRead(t *testing.T) {
	t.Parallel()
	play(t, setup(t), []step{
		{name: "version_automation", method: "POST", path: "/automations", body: welcome, id: "automation"},
		{name: "version_update", method: "PATCH", path: "/automations/{automation}", body: shorter, before: func(a *api, _ map[string]string) { a.clock.Add(time.Hour) }},
		{name: "versions", method: "GET", path: "/automations/{automation}/versions"},
		{name: "versions_after", method: "GET", path: "/automations/{automation}/versions?after=2"},
		{name: "versions_before", method: "GET", path: "/automations/{automation}/versions?before=1&limit=1"},
		{name: "versions_cursor", method: "GET", path: "/automations/{automation}/versions?after=x"},
		{name: "versions_missing", method: "GET", path: "/automations/missing/versions?after=1"},
		{name: "version_get", method: "GET", path: "/automations/{automation}/versions/1"},
		{name: "version_missing", method: "GET", path: "/automations/{automation}/versions/3"},
		{name: "version_no_number", method: "GET", path: "/automations/{automation}/versions/99999999999"},
	})
}

func TestVersions_HaveTheirKeyAsAuthor(t *testing.T) {
	t.Parallel()
	byHost := func(o *httpapi.Options) { o.Keys, o.AuthenticatedByHost = nil, true }
	named := func(a *api) {
		next := a.Handler
		a.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(automation.WithActor(r.Context(), "ada@acme.test")))
		})
	}
	for name, tt := range map[string]struct {
		options func(*httpapi.Options)
		wrap    func(*api)
		want    string
	}{
		"a key":                     {func(*httpapi.Options) {}, func(*api) {}, "backend"},
		"a key, and a named person": {func(*httpapi.Options) {}, named, "ada@acme.test"},
		"the host's authentication": {byHost, func(*api) {}, ""},
		"a person the host named":   {byHost, named, "ada@acme.test"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := setup(t, tt.options)
			tt.wrap(a)
			v, err := a.runner.GetAutomationVersion(t.Context(), a.create(), 1)
			require.NoError(t, err)
			assert.Equal(t, tt.want, v.Author)
		})
	}
}

func TestRevision_RefusesAChangeThatIsBasedOnAnother(t *testing.T) {
	t.Parallel()
	a := setup(t)
	path := "/automations/" + a.create()
	assert.Contains(t, a.must(http.StatusOK, "GET", path, "").body, `"version":1,"revision":1,`)
	a.must(http.StatusOK, "PATCH", path, `{"name": "One", "revision": 1}`)

	before := a.must(http.StatusOK, "GET", path, "")
	refused := a.must(http.StatusConflict, "PATCH", path, `{"revision": 1, `+shorter[1:]).failure(t)
	assert.Equal(t, "validation_error", refused.Name)
	assert.Contains(t, refused.Message, "is at revision 2, and the change is based on revision 1: read the automation again, and send the change with revision 2")
	assert.Equal(t, before, a.must(http.StatusOK, "GET", path, ""))

	a.must(http.StatusOK, "PATCH", path, `{"revision": 2, `+shorter[1:])
	a.must(http.StatusOK, "PATCH", path, `{"revision": null, "name": "Two"}`)
	assert.Contains(t, a.must(http.StatusOK, "GET", path, "").body, `"version":2,"revision":4,`)
}
