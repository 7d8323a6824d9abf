package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// everyStep is a graph whose optional fields are null.
const everyStep = `"steps": [
	{"key": "start", "type": "trigger", "config": {"event_name": "x"}},
	{"key": "wait", "type": "wait_for_event", "config": {"event_name": "y", "timeout": null, "filter_rule": null, "lookback": null}},
	{"key": "check", "type": "condition", "config": {"type": null, "field": "event.plan", "operator": "exists", "value": null, "rules": null}},
	{"key": "mail", "type": "send_email", "config": {"template": {"id": "t", "variables": null}, "from": null, "subject": null, "reply_to": null}},
	{"key": "change", "type": "contact_update", "config": {"first_name": "Ada", "properties": null}},
	{"key": "gone", "type": "contact_delete", "config": null}
], "connections": [
	{"from": "start", "to": "wait", "type": null}, {"from": "wait", "to": "check"}, {"from": "check", "to": "mail", "type": "condition_met"},
	{"from": "mail", "to": "change"}, {"from": "change", "to": "gone"}
]`

// Clients write null for a field that is unset (Rust), and [] for an empty object (PHP).
func TestRequests_InTheFormsOfClientsAreAccepted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status       int
		method, path string
		body         string
	}{
		"automation: nulls":         {201, "POST", "/automations", `{"name": "x", "status": null, ` + everyStep + `}`},
		"automation: empty objects": {201, "POST", "/automations", `{"name": "x", ` + strings.NewReplacer(`"variables": null`, `"variables": []`, `"properties": null`, `"properties": []`, `"config": null`, `"config": []`).Replace(everyStep) + `}`},
		"validate: empty objects":   {200, "POST", "/automations/validate", `{"name": "x", ` + strings.ReplaceAll(everyStep, `"variables": null`, `"variables": []`) + `}`},
		"update: nulls":             {200, "PATCH", "/automations/{id}", `{"name": "x", "status": null, "steps": null, "connections": null}`},
		"update: empty objects":     {200, "PATCH", "/automations/{id}", `{` + strings.ReplaceAll(everyStep, `"config": null`, `"config": []`) + `}`},
		"stop: null":                {200, "POST", "/automations/{id}/stop", `{"cancel_runs": null}`},
		"stop: empty":               {200, "POST", "/automations/{id}/stop", `[]`},
		"duplicate: empty":          {201, "POST", "/automations/{id}/duplicate", ` [] `},
		"event: null":               {201, "POST", "/events", `{"name": "x", "schema": null}`},
		"event: empty":              {201, "POST", "/events", `{"name": "x", "schema": []}`},
		"event update: empty":       {200, "PATCH", "/events/y", `{"schema": []}`},
		"send: nulls":               {202, "POST", "/events/send", `{"event": "x", "email": "ada@example.com", "contact_id": null, "payload": null}`},
		"send: empty":               {202, "POST", "/events/send", `{"event": "x", "email": "ada@example.com", "payload": []}`},
		"contact: nulls":            {201, "POST", "/contacts", `{"email": "b@example.com", "audience_id": null, "first_name": null, "last_name": null, "unsubscribed": null, "properties": null, "segments": null}`},
		"contact: empty":            {201, "POST", "/contacts", `{"email": "b@example.com", "properties": [], "segments": []}`},
		"contact: topics":           {201, "POST", "/contacts", `{"email": "b@example.com", "topics": null}`},
		"contact: no topics":        {201, "POST", "/contacts", `{"email": "b@example.com", "topics": []}`},
		"contact: audience":         {201, "POST", "/contacts", `{"email": "b@example.com", "audience_id": "{segment}"}`},
		"contact update: nulls":     {200, "PATCH", "/contacts/ada@example.com", `{"id": null, "audience_id": null, "email": null, "first_name": null, "last_name": null, "unsubscribed": null, "properties": null}`},
		"contact update: empty":     {200, "PATCH", "/contacts/ada@example.com", `{"properties": []}`},
		"contact update: nothing":   {200, "PATCH", "/contacts/ada@example.com", `[]`},
		"join: nothing":             {200, "POST", "/contacts/ada@example.com/segments/{segment}", `[]`},
		"join: Python, by email":    {200, "POST", "/contacts/ada@example.com/segments/{segment}", `{"email": "ada@example.com", "segment_id": "{segment}"}`},
		"join: Python, by id":       {200, "POST", "/contacts/{contact}/segments/{segment}", `{"contact_id": "{contact}", "segment_id": "{segment}"}`},
		"join: nulls":               {200, "POST", "/contacts/{contact}/segments/{segment}", `{"email": null, "contact_id": null, "segment_id": null}`},
		"template: nulls":           {201, "POST", "/templates", `{"name": "x", "html": "x", "alias": null, "from": null, "subject": null, "reply_to": null, "text": null, "variables": null, "status": null}`},
		"template: variable":        {201, "POST", "/templates", `{"name": "x", "html": "{{{A}}}", "variables": [{"key": "A", "type": "string", "fallback_value": null}]}`},
		"publish: empty":            {200, "POST", "/templates/receipt/publish", `[]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := setup(t)
			fill := a.fixture()
			if strings.Contains(tt.path, "receipt") {
				a.must(http.StatusCreated, "POST", "/templates", `{"name": "Hello", "alias": "mine", "html": "x"}`)
				tt.path = strings.ReplaceAll(tt.path, "receipt", "mine")
			}
			r := httptest.NewRequest(tt.method, fill.Replace(tt.path), strings.NewReader(fill.Replace(tt.body)))
			r.Header.Set("Authorization", "Bearer "+fullKey)
			got := a.do(r) // the document does not describe these forms for each field
			assert.Equal(t, tt.status, got.status, got.body)
		})
	}
}

// fixture creates an automation, an event, a contact and a segment, and returns what
// fills in their ids.
func (a *api) fixture() *strings.Replacer {
	a.t.Helper()
	contact := a.must(http.StatusCreated, "POST", "/contacts", `{"email": "ada@example.com"}`).id(a.t)
	segment := a.must(http.StatusCreated, "POST", "/segments", `{"name": "Friends"}`).id(a.t)
	a.must(http.StatusCreated, "POST", "/events", `{"name": "y"}`)
	return strings.NewReplacer("{id}", a.create(), "{contact}", contact, "{segment}", segment)
}

func TestContacts_NullLeavesWhatCannotBeCleared(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.must(http.StatusCreated, "POST", "/contacts", `{"email": "ada@example.com", "first_name": "Ada", "unsubscribed": true}`)
	a.must(http.StatusOK, "PATCH", "/contacts/ada@example.com", `{"email": null, "unsubscribed": null, "first_name": null}`)
	c, err := a.runner.GetContact(t.Context(), automation.ContactRef{Email: "ada@example.com"})
	require.NoError(t, err)
	assert.Equal(t, "ada@example.com", c.Email)
	assert.True(t, c.Unsubscribed)
	assert.Empty(t, c.FirstName, "null clears a name")
}

func TestEmptyArrays_AreObjectsOnlyWhereAnObjectBelongs(t *testing.T) {
	t.Parallel()
	a := setup(t)
	body := `{"name": "x", "steps": [
		{"key": "start", "type": "trigger", "config": {"event_name": "x"}},
		{"key": "mail", "type": "send_email", "config": {"template": {"id": "t", "variables": [ ]}}}
	], "connections": [{"from": "start", "to": "mail"}]}`
	r := httptest.NewRequest("POST", "/automations", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+fullKey)
	id := a.do(r).id(t)
	got, err := a.runner.GetAutomation(t.Context(), id)
	require.NoError(t, err)
	assert.Empty(t, got.Steps[1].Config.(automation.SendEmail).Template.Variables)
	for body, message := range map[string]string{
		`{"name": "x", "steps": [{"key": "a", "type": "trigger", "config": [1]}]}`:                       "steps[0].config: must be an object, not an array",
		`{"name": "x", "steps": [{"key": "a", "type": "trigger", "config": {"event_name": []}}]}`:        "steps[0].config.event_name: must be a string, not an array",
		`{"name": "x", "steps": [{"key": [], "type": "trigger", "config": []}]}`:                         "steps[0].key: must be a string, not an array",
		`{"name": "x", "steps": [{"key": "a", "type": "add_to_segment", "config": {"segment_id": []}}]}`: "steps[0].config.segment_id: must be a string, not an array",
	} {
		assert.Contains(t, a.call("POST", "/automations", body).failure(t).Message, message)
	}
}

func TestSegments_MembersLeaveWithADeletedSegment(t *testing.T) {
	t.Parallel()
	a := setup(t)
	segment := a.must(http.StatusCreated, "POST", "/segments", `{"name": "Friends"}`).id(t)
	a.must(http.StatusCreated, "POST", "/contacts", `{"email": "ada@example.com", "segments": ["`+segment+`"]}`)
	_, members := a.must(http.StatusOK, "GET", "/segments/"+segment+"/contacts", "").page(t)
	assert.Len(t, members, 1)
	a.must(http.StatusOK, "DELETE", "/segments/"+segment, "")
	a.must(http.StatusNotFound, "GET", "/segments/"+segment+"/contacts", "")
	for _, path := range []string{"/contacts?segment_id=" + segment, "/contacts/ada@example.com/segments"} {
		_, left := a.must(http.StatusOK, "GET", path, "").page(t)
		assert.Empty(t, left, path)
	}
	a.must(http.StatusNotFound, "POST", "/contacts/ada@example.com/segments/"+segment, "")
}
