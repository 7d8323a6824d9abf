package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// step is one call of a story. In paths and bodies {name} stands for the id that
// an earlier step returned under that name.
type step struct {
	name         string // of the golden file
	method, path string
	body         string
	id           string // names the id in the answer
	before       func(a *api, ids map[string]string)
}

// play makes the calls in turn and compares each answer with its golden file.
func play(t *testing.T, a *api, story []step) {
	t.Helper()
	ids := map[string]string{}
	fill := func(text string) string {
		for name, id := range ids {
			text = strings.ReplaceAll(text, "{"+name+"}", id)
		}
		return text
	}
	for _, s := range story {
		if s.before != nil {
			s.before(a, ids)
		}
		got := a.call(s.method, fill(s.path), fill(s.body))
		golden(t, s.name, got)
		if s.id != "" {
			ids[s.id] = got.id(t)
		}
	}
}

func TestAutomations_AnswerAsResendDoes(t *testing.T) {
	t.Parallel()
	play(t, setup(t), []step{
		{name: "automations_empty", method: "GET", path: "/automations"},
		{name: "automation_create", method: "POST", path: "/automations", body: welcome, id: "automation"},
		{name: "automation_get", method: "GET", path: "/automations/{automation}"},
		{name: "automation_update", method: "PATCH", path: "/automations/{automation}", body: `{"name": "Hello & <welcome>"}`, before: func(a *api, _ map[string]string) { a.clock.Add(1500 * time.Millisecond) }},
		{name: "automation_duplicate", method: "POST", path: "/automations/{automation}/duplicate", id: "copy"},
		{name: "automations", method: "GET", path: "/automations"},
		{name: "automations_enabled", method: "GET", path: "/automations?status=enabled"},
		{name: "automation_stop", method: "POST", path: "/automations/{automation}/stop"},
		{name: "automation_delete", method: "DELETE", path: "/automations/{copy}"},
		{name: "automation_missing", method: "GET", path: "/automations/missing"},
		{name: "automation_invalid", method: "POST", path: "/automations", body: `{"name": "", "steps": [{"key": "start", "type": "trigger", "config": {}}, {"key": "rest", "type": "delay", "config": {}}]}`},
		{name: "validation_valid", method: "POST", path: "/automations/validate", body: welcome},
		{name: "validation_warning", method: "POST", path: "/automations/validate", body: `{"name": "Wait", "steps": [
			{"key": "start", "type": "trigger", "config": {"event_name": "a"}}, {"key": "wait", "type": "wait_for_event", "config": {"event_name": "b"}}],
			"connections": [{"from": "start", "to": "wait"}]}`},
		{name: "validation_invalid", method: "POST", path: "/automations/validate", body: `{"name": "Bad", "steps": [{"key": "start", "type": "trigger", "config": {}}], "connections": [{"from": "start", "to": "nowhere"}]}`},
		{name: "validation_unknown_field", method: "POST", path: "/automations/validate", body: `{"name": "Bad", "setps": []}`},
	})
}

func TestRuns_AnswerAsResendDoes(t *testing.T) {
	t.Parallel()
	a := setup(t)
	play(t, a, []step{
		{name: "run_automation", method: "POST", path: "/automations", body: welcome, id: "automation"},
		{name: "runs_empty", method: "GET", path: "/automations/{automation}/runs"},
		{name: "metrics_empty", method: "GET", path: "/automations/{automation}/metrics"},
		{name: "event_send", method: "POST", path: "/events/send", body: `{"event": "user.created", "email": "ada@example.com", "payload": {"plan": "pro", "number": 12345678901234567890}}`},
		{name: "runs", method: "GET", path: "/automations/{automation}/runs", before: func(a *api, ids map[string]string) {
			a.drain()
			ids["waiting"] = a.start("bob@example.com")
			a.clock.Add(2 * 24 * time.Hour)
			a.drain()
			ids["running"] = a.start("cat@example.com")
		}},
		{name: "runs_completed", method: "GET", path: "/automations/{automation}/runs?status=completed%2Cfailed&limit=1"},
		{name: "run_running", method: "GET", path: "/automations/{automation}/runs/{running}"},
		{name: "run_completed", method: "GET", path: "/automations/{automation}/runs/{waiting}"},
		{name: "contact_runs", method: "GET", path: "/contacts/CAT@example.com/runs"},
		{name: "run_cancel", method: "POST", path: "/automations/{automation}/runs/{running}/cancel"},
		{name: "run_cancelled", method: "GET", path: "/automations/{automation}/runs/{running}"},
		{name: "run_retry_conflict", method: "POST", path: "/automations/{automation}/runs/{running}/retry"},
		{name: "metrics", method: "GET", path: "/automations/{automation}/metrics"},
		{name: "run_missing", method: "GET", path: "/automations/{automation}/runs/missing"},
	})
}

func TestEvents_AnswerAsResendDoes(t *testing.T) {
	t.Parallel()
	play(t, setup(t), []step{
		{name: "events_empty", method: "GET", path: "/events"},
		{name: "event_create", method: "POST", path: "/events", body: `{"name": "user.created", "schema": {"plan": "string", "age": "number"}}`, id: "event"},
		{name: "event_create_bare", method: "POST", path: "/events", body: `{"name": "user.gone"}`},
		{name: "event_create_conflict", method: "POST", path: "/events", body: `{"name": "user.gone", "schema": null}`},
		{name: "events", method: "GET", path: "/events"},
		{name: "event_get", method: "GET", path: "/events/{event}"},
		{name: "event_get_by_name", method: "GET", path: "/events/user%2Ecreated"},
		{name: "event_send_mismatch", method: "POST", path: "/events/send", body: `{"event": "user.created", "email": "ada@example.com", "payload": {"plan": [7], "age": "x"}}`},
		{name: "event_update", method: "PATCH", path: "/events/user.created", body: `{"schema": null}`, before: func(a *api, _ map[string]string) { a.clock.Add(time.Second) }},
		{name: "event_without_schema", method: "GET", path: "/events/{event}"},
		{name: "event_delete", method: "DELETE", path: "/events/user.created"},
		{name: "event_missing", method: "GET", path: "/events/user.created"},
	})
}

func TestContacts_AnswerAsResendDoes(t *testing.T) {
	t.Parallel()
	play(t, setup(t), []step{
		{name: "contacts_empty", method: "GET", path: "/contacts"},
		{name: "contact_segment", method: "POST", path: "/segments", body: `{"name": "S1"}`, id: "s1"},
		{name: "contact_segment_2", method: "POST", path: "/segments", body: `{"name": "S2"}`, id: "s2"},
		{name: "contact_create", method: "POST", path: "/contacts", body: `{"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace", "unsubscribed": true,
			"properties": {"plan": "pro", "age": 36, "big": 12345678901234567890, "vip": true, "none": null}, "segments": ["{s1}", {"id": "{s2}"}, "{s1}"]}`, id: "contact"},
		{name: "contact_create_conflict", method: "POST", path: "/contacts", body: `{"email": "ADA@example.com"}`},
		{name: "contact_create_bare", method: "POST", path: "/contacts", body: `{"email": "bob@example.com", "properties": null, "segments": null, "first_name": null}`},
		{name: "contacts", method: "GET", path: "/contacts"},
		{name: "contacts_in_segment", method: "GET", path: "/contacts?segment_id={s2}"},
		{name: "contact_get", method: "GET", path: "/contacts/{contact}"},
		{name: "contact_update", method: "PATCH", path: "/contacts/ada@example.com", body: `{"id": "{contact}", "email": "a@example.com", "first_name": null, "unsubscribed": false, "properties": {"plan": null, "age": 37}}`},
		{name: "contact_updated", method: "GET", path: "/contacts/{contact}"},
		{name: "contact_clear", method: "PATCH", path: "/contacts/{contact}", body: `{"properties": null}`},
		{name: "contact_cleared", method: "GET", path: "/contacts/a%40example.com"},
		{name: "contact_update_conflict", method: "PATCH", path: "/contacts/{contact}", body: `{"email": "bob@example.com"}`},
		{name: "contact_delete", method: "DELETE", path: "/contacts/A@example.com"},
		{name: "contact_missing", method: "GET", path: "/contacts/{contact}"},
	})
}

func TestContactProperties_AnswerAsResendDoes(t *testing.T) {
	t.Parallel()
	play(t, setup(t), []step{
		{name: "properties_empty", method: "GET", path: "/contact-properties"},
		{name: "property_create", method: "POST", path: "/contact-properties", body: `{"key": "plan", "type": "string", "fallback_value": "free & <easy>"}`, id: "plan"},
		{name: "property_create_number", method: "POST", path: "/contact-properties", body: `{"key": "seats", "type": "number", "fallback_value": 12345678901234567890.50}`, id: "seats"},
		{name: "property_create_bare", method: "POST", path: "/contact-properties", body: `{"key": "Plan", "type": "string", "fallback_value": null}`},
		{name: "property_create_conflict", method: "POST", path: "/contact-properties", body: `{"key": "plan", "type": "number"}`},
		{name: "properties", method: "GET", path: "/contact-properties"},
		{name: "properties_after", method: "GET", path: "/contact-properties?limit=1&after={seats}"},
		{name: "property_get", method: "GET", path: "/contact-properties/{plan}"},
		{name: "property_get_by_key", method: "GET", path: "/contact-properties/seats"},
		{name: "property_update", method: "PATCH", path: "/contact-properties/{plan}", body: `{"id": "{plan}", "fallback_value": "basic"}`},
		{name: "property_updated", method: "GET", path: "/contact-properties/plan"},
		{name: "property_clear", method: "PATCH", path: "/contact-properties/plan", body: `{"fallback_value": null}`},
		{name: "property_cleared", method: "GET", path: "/contact-properties/plan"},
		{name: "property_contact_invalid", method: "POST", path: "/contacts", body: `{"email": "ada@example.com", "properties": {"plan": 5, "seats": {"type": "string", "value": "5"}, "vip": true}}`},
		{name: "property_contact", method: "POST", path: "/contacts", body: `{"email": "ada@example.com", "properties": {"plan": "pro", "seats": {"type": "number", "value": 5}, "vip": true}}`},
		{name: "property_delete", method: "DELETE", path: "/contact-properties/{plan}"},
		{name: "property_missing", method: "GET", path: "/contact-properties/{plan}"},
	})
}

func TestStop_CanCancelRunsToo(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ body, want string }{
		"no body":   {``, "running"},
		"null":      {`null`, "running"},
		"no fields": {`{}`, "running"},
		"no":        {`{"cancel_runs": false}`, "running"},
		"yes":       {`{"cancel_runs": true}`, "cancelled"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := setup(t)
			id := a.create()
			run := a.start("ada@example.com")
			a.must(http.StatusOK, "POST", "/automations/"+id+"/stop", tt.body, "Content-Type", "application/json")
			a.drain()
			got := a.must(http.StatusOK, "GET", "/automations/"+id+"/runs/"+run, "")
			var body struct{ Status string }
			require.NoError(t, json.Unmarshal([]byte(got.body), &body))
			assert.Equal(t, tt.want, body.Status)
		})
	}
}

func TestRetry_ContinuesAFailedRun(t *testing.T) {
	t.Parallel()
	a := setup(t)
	broken := true
	a.mailer.Respond = failWhile(&broken)
	id := a.create()
	run := a.start("ada@example.com")
	path := "/automations/" + id + "/runs/" + run
	golden(t, "run_failed", a.call("GET", path, ""))
	golden(t, "metrics_failed", a.call("GET", "/automations/"+id+"/metrics", ""))
	broken = false
	golden(t, "run_retry", a.call("POST", path+"/retry", "{}"))
	a.drain()
	assert.Len(t, a.mailer.Emails(), 1)
}

func TestRuns_OfADeletedAutomationStayReadableByID(t *testing.T) {
	t.Parallel()
	a := setup(t)
	id := a.create()
	run := a.start("ada@example.com")
	a.must(http.StatusOK, "DELETE", "/automations/"+id, "")
	a.must(http.StatusOK, "GET", "/automations/"+id+"/runs/"+run, "")
	a.must(http.StatusNotFound, "GET", "/automations/"+id+"/runs", "")
	a.must(http.StatusNotFound, "GET", "/automations/"+id+"/metrics", "")
}

func TestRuns_OfAnotherAutomationAreNotFound(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.create()
	run := a.start("ada@example.com")
	other := a.create()
	for _, call := range [][2]string{{"GET", ""}, {"POST", "/cancel"}, {"POST", "/retry"}} {
		got := a.must(http.StatusNotFound, call[0], "/automations/"+other+"/runs/"+run+call[1], "")
		assert.Equal(t, "not_found", got.failure(t).Name)
	}
}

func TestLists_ArePaged(t *testing.T) {
	t.Parallel()
	a := setup(t)
	var ids []string
	for range 3 {
		ids = append([]string{a.create()}, ids...)
	}
	tests := map[string]struct {
		query string
		want  []string
		more  bool
	}{
		"default":          {"", ids, false},
		"limit":            {"?limit=2", ids[:2], true},
		"older":            {"?after=" + ids[0], ids[1:], false},
		"older, limited":   {"?limit=1&after=" + ids[0], ids[1:2], true},
		"newer":            {"?before=" + ids[2], ids[:2], false},
		"newer, limited":   {"?limit=1&before=" + ids[2], ids[1:2], true},
		"empty parameters": {"?limit=&after=&before=&status=", ids, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			more, listed := a.must(http.StatusOK, "GET", "/automations"+tt.query, "").page(t)
			assert.Equal(t, tt.more, more)
			assert.Equal(t, tt.want, listed)
		})
	}
}

func TestSendEvent_IdempotencyKeyMakesItSafeToRepeat(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.create()
	send := func(email string) answer {
		return a.call("POST", "/events/send", `{"event": "user.created", "email": "`+email+`"}`, "Idempotency-Key", "signup/1")
	}
	assert.Equal(t, http.StatusAccepted, send("ada@example.com").status)
	assert.Equal(t, http.StatusAccepted, send("ada@example.com").status)
	a.drain()
	assert.Len(t, a.mailer.Emails(), 1)
	golden(t, "event_send_conflict", send("bob@example.com"))

	long := a.must(http.StatusUnprocessableEntity, "POST", "/events/send", `{"event": "x", "email": "a@example.com"}`, "Idempotency-Key", strings.Repeat("x", 256))
	assert.Equal(t, "Idempotency-Key: must not be longer than 255 bytes", long.failure(t).Message)
}

// A page that begins at a run of another automation would be empty, or begin anywhere.
func TestRuns_CursorIsARunOfTheList(t *testing.T) {
	t.Parallel()
	a := setup(t)
	first, second := a.create(), a.create()
	a.start("ada@example.com")
	_, runs := a.must(http.StatusOK, "GET", "/automations/"+first+"/runs", "").page(t)
	require.Len(t, runs, 1)
	a.start("bob@example.com")
	for _, list := range []string{"/automations/" + second + "/runs", "/contacts/bob@example.com/runs"} {
		for _, cursor := range []string{"after", "before"} {
			got := a.must(http.StatusUnprocessableEntity, "GET", list+"?"+cursor+"="+runs[0], "").failure(t)
			assert.Equal(t, cursor+`: there is nothing with the id "`+runs[0]+`" in this list`, got.Message)
		}
	}
	for _, list := range []string{"/automations/" + first + "/runs?status=failed", "/contacts/ada@example.com/runs?status=failed"} {
		a.must(http.StatusOK, "GET", list+"&after="+runs[0], "") // it may have had that status before
	}
}

func TestRuns_OfAllAutomations(t *testing.T) {
	t.Parallel()
	a := setup(t)
	first, broken := a.create(), true
	a.mailer.Respond = failWhile(&broken)
	a.start("ada@example.com")
	second := a.create()
	broken = false
	a.start("bob@example.com")
	body := a.must(http.StatusOK, "GET", "/runs?error_code=permanent_error&automation_id="+first, "").body
	var failed struct {
		Data []struct {
			ID, Step, Event string
			Version         int
			AutomationID    string `json:"automation_id"`
			ContactID       string `json:"contact_id"`
			CompletedAt     string `json:"completed_at"`
			Error           automation.StepError
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &failed))
	require.Len(t, failed.Data, 1)
	run := failed.Data[0]
	assert.Equal(t, first, run.AutomationID)
	assert.Equal(t, 1, run.Version)
	assert.Equal(t, automation.FailedPermanently, run.Error.Code)
	assert.NotEmpty(t, run.ContactID)
	ago, later := url.QueryEscape("2000-01-01T00:00:00Z"), url.QueryEscape("2100-01-01T00:00:00Z")
	for query, want := range map[string]int{
		"":                                     3,
		"?automation_id=" + second:             1,
		"?automation_id=unknown":               0,
		"?contact_id=" + run.ContactID:         1,
		"?status=failed&version=1":             1,
		"?version=2":                           0,
		"?event=" + run.Event:                  3,
		"?event=unknown":                       0,
		"?step=" + run.Step + "&status=failed": 1,
		"?created_from=" + ago:                 3,
		"?created_until=" + ago:                0,
		"?completed_from=" + ago + "&completed_until=" + later + "&status=failed": 1,
		"?completed_from=" + later: 0,
		"?error_code=timed_out":    0,
	} {
		_, ids := a.must(http.StatusOK, "GET", "/runs"+query, "").page(t)
		assert.Len(t, ids, want, query)
	}
	assert.Equal(t, 1, a.retryRuns(`{"completed_from": "2000-01-01T00:00:00Z", "error_code": "permanent_error", "dry_run": true}`).Retried)
	assert.Equal(t, 0, a.retryRuns(`{"error_code": "timed_out"}`).Retried)
}

func TestUpdateAutomation_ReplacesTheGraph(t *testing.T) {
	t.Parallel()
	a := setup(t)
	id := a.create()
	a.must(http.StatusOK, "PATCH", "/automations/"+id, `{"status": "disabled", "connections": [], "steps": [{"key": "only", "type": "trigger", "config": {"event_name": "x"}}]}`)
	golden(t, "automation_replaced", a.call("GET", "/automations/"+id, ""))
}

func TestCreateAutomation_NullMeansAbsent(t *testing.T) {
	t.Parallel()
	a := setup(t)
	id := a.must(http.StatusCreated, "POST", "/automations", `{"name": "Leave", "connections": null, "steps": [{"key": "start", "type": "trigger", "config": {"event_name": "x"}}]}`).id(t)
	a.must(http.StatusOK, "PATCH", "/automations/"+id, `{"steps": [{"key": "start", "type": "trigger", "config": {"event_name": "x"}}, {"key": "gone", "type": "contact_delete", "config": null}], "connections": [{"from": "start", "to": "gone"}]}`)
}

func TestUpdateContact_MayNameTheContactInItsBody(t *testing.T) {
	t.Parallel()
	a := setup(t)
	id := a.must(http.StatusCreated, "POST", "/contacts", `{"email": "ada@example.com"}`).id(t)
	for _, name := range []string{id, "ada@example.com", ""} {
		a.must(http.StatusOK, "PATCH", "/contacts/ada@example.com", `{"id": "`+name+`", "first_name": "Ada"}`)
	}
}

// A stop over the API outlives the restart of an application that applies its automations.
func TestCalls_AStopOutlivesARestart(t *testing.T) {
	t.Parallel()
	for name, call := range map[string][3]string{
		"stop":   {"POST", "/stop", ""},
		"PATCH":  {"PATCH", "", `{"status": "disabled"}`},
		"DELETE": {"DELETE", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := setup(t)
			flow := automation.Automation{ID: "welcome", Name: "Welcome", Steps: []automation.Step{{Key: "start", Config: automation.Trigger{EventName: "x"}}}}
			_, err := a.runner.Apply(t.Context(), flow)
			require.NoError(t, err)
			a.must(http.StatusOK, call[0], "/automations/welcome"+call[1], call[2])
			again, err := a.runner.Apply(t.Context(), flow)
			require.NoError(t, err)
			assert.Contains(t, []automation.ApplyOutcome{automation.ApplyLeftStopped, automation.ApplyLeftDeleted}, again.Outcome)
			_, err = a.runner.Send(t.Context(), automation.Event{Name: "x", Email: "ada@example.com"})
			require.NoError(t, err)
			_, err = a.runner.Drain(t.Context())
			require.NoError(t, err)
			runs, err := a.runner.ListRuns(t.Context(), automation.RunQuery{})
			require.NoError(t, err)
			assert.Empty(t, runs.Data)
		})
	}
}
