package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/memory"
)

// The rules of a cart, in the form in which the API answers with them.
const (
	cartEntry = `{"triggers":[{"event_name":"cart.opened","filter_rule":{"type":"rule","field":"event.total","operator":"gt","value":0}}],` +
		`"filter_rule":{"type":"rule","field":"event.total","operator":"gt","value":5},` +
		`"audience_rule":{"type":"not","rules":[{"type":"rule","field":"contact.segments","operator":"contains","value":"staff"}]},` +
		`"reentry":{"key":"event.cart_id","while_running":"ignore","limit":3,"per":"30 days"}}`
	cartExit = `{"events":[{"name":"paid","event_name":"order.paid","match":["cart_id"]},` +
		`{"event_name":"cart.emptied","match":[{"event":"cart.id","run":"trigger.cart_id"}]}],` +
		`"while_rule":{"type":"rule","field":"contact.properties.blocked","operator":"neq","value":true},"max_age":"14 days"}`
	cartGraph = `"steps":[{"key":"start","type":"trigger","config":{"event_name":"cart.updated"}},` +
		`{"key":"mail","type":"send_email","config":{"template":{"id":"t"}}}],"connections":[{"from":"start","to":"mail","type":"default"}]`
)

func TestEntryAndExit_ArePartOfTheDocument(t *testing.T) {
	t.Parallel()
	a := setup(t)
	body := `{"name":"Cart",` + cartGraph + `,"entry":` + cartEntry + `,"exit":` + cartExit + `}`
	id := a.must(http.StatusCreated, "POST", "/automations", body).id(t)
	path := "/automations/" + id
	get := func(path string) string { return a.must(http.StatusOK, "GET", path, "").body }
	assert.Contains(t, get(path), cartGraph+`,"entry":`+cartEntry+`,"exit":`+cartExit+"}")
	assert.Contains(t, get(path+"/versions/1"), cartGraph+`,"entry":`+cartEntry+`,"exit":`+cartExit+"}")
	assert.Contains(t, a.must(http.StatusOK, "POST", "/automations/validate", body).body, `"valid":true`)
	copied := a.must(http.StatusCreated, "POST", path+"/duplicate", "").id(t)
	assert.Contains(t, get("/automations/"+copied), `,"entry":`+cartEntry+`,"exit":`+cartExit+"}")

	a.must(http.StatusOK, "PATCH", path, `{"name": "Carts"}`)
	a.must(http.StatusOK, "PATCH", path, "{"+cartGraph+"}")
	assert.Contains(t, get(path), `,"entry":`+cartEntry+`,"exit":`+cartExit+"}", "absent fields stay")
	a.must(http.StatusOK, "PATCH", path, `{"entry": null}`)
	assert.Contains(t, get(path), cartGraph+`,"exit":`+cartExit+"}", "null clears one, and the graph stays")
	a.must(http.StatusOK, "PATCH", path, `{"exit": null, "entry": {"reentry": {"limit": 1}}}`)
	assert.Contains(t, get(path), cartGraph+`,"entry":{"reentry":{"limit":1}}}`)
	assert.Contains(t, get(path+"/versions/1"), `,"exit":`+cartExit+"}", "an old version keeps its rules")
	assert.Contains(t, get(path), `"version":4,`, "each change is a version, but for that of the name")
}

func TestEntryAndExit_AreReadStrictly(t *testing.T) {
	t.Parallel()
	a := setup(t)
	id := a.must(http.StatusCreated, "POST", "/automations", `{"name":"Cart",`+cartGraph+`}`).id(t)
	before := a.must(http.StatusOK, "GET", "/automations/"+id, "").body
	assert.NotContains(t, before, `"entry"`)
	assert.NotContains(t, before, `"exit"`)
	for _, tt := range []struct{ fields, want string }{
		{`"entry": {}`, "entry: the entry is empty"},
		{`"exit": {}`, "exit: the exit is empty"},
		{`"entry": []`, "entry: must be an object"},
		{`"entry": {"reentry": {"limit": 0}}`, "entry.reentry.limit: a limit of 0 starts no run"},
		{`"entry": {"rentry": {}}`, `did you mean "reentry"?`},
		{`"exit": {"events": [{"event": "order.paid"}]}`, "exit.events[0]"},
		{`"exit": {"max_age": "400 days"}`, `exit.max_age: max_age "400 days" is over the limit`},
		{`"entry": {"reentry": {"per": "1 day"}}, "exit": {"max_age": "1"}`, "exit.max_age"},
	} {
		for _, c := range []struct{ method, path, body string }{
			{"PATCH", "/automations/" + id, "{" + tt.fields + "}"},
			{"POST", "/automations", `{"name":"Cart",` + cartGraph + "," + tt.fields + "}"},
		} {
			got := a.must(http.StatusUnprocessableEntity, c.method, c.path, c.body)
			assert.Contains(t, got.failure(t).Message, tt.want, c.body)
		}
		got := a.must(http.StatusOK, "POST", "/automations/validate", `{"name":"Cart",`+cartGraph+","+tt.fields+"}")
		assert.Contains(t, got.body, `"valid":false`)
	}
	assert.Equal(t, before, a.must(http.StatusOK, "GET", "/automations/"+id, "").body)
}

// judged is a store in which an event has these decisions, and every run this exit.
type judged struct {
	*memory.Store
	decisions []automation.Decision
	exit      *automation.RunExit
}

func (s *judged) ListDecisions(context.Context, string) ([]automation.Decision, error) {
	return s.decisions, nil
}

func (s *judged) FindRun(ctx context.Context, id string) (automation.RunRecord, error) {
	run, err := s.Store.FindRun(ctx, id)
	run.Exit = s.exit
	return run, err
}

func (s *judged) ListRuns(ctx context.Context, q automation.RunQuery) (automation.Page[automation.RunRecord], error) {
	page, err := s.Store.ListRuns(ctx, q)
	for i := range page.Data {
		page.Data[i].Exit = s.exit
	}
	return page, err
}

func TestRuns_ShowTheirExit(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 10, 1, 13, 0, 0, 0, time.UTC)
	for want, exit := range map[string]*automation.RunExit{
		`"exit":{"reason":"event","name":"paid","event_id":"e1","step":"rest","at":"2026-10-01 13:00:00.000000+00"}`:   {Reason: automation.ExitEvent, Name: "paid", EventID: "e1", Step: "rest", At: at},
		`"exit":{"reason":"condition","name":null,"event_id":null,"step":"rest","at":"2026-10-01 13:00:00.000000+00"}`: {Reason: automation.ExitCondition, Step: "rest", At: at},
		"": nil,
	} {
		a := setupOn(t, &judged{Store: memory.New(), exit: exit}, automation.Options{})
		id := a.create()
		run := a.start("ada@example.com")
		for _, path := range []string{"/automations/" + id + "/runs", "/runs", "/contacts/ada@example.com/runs", "/automations/" + id + "/runs/" + run} {
			body := a.must(http.StatusOK, "GET", path, "").body
			assert.Contains(t, body, want, path)
			assert.Equal(t, exit != nil, strings.Contains(body, `"exit"`), path)
		}
	}
}

func TestDecisions_AreListedForAnEventThatWasSent(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 10, 1, 13, 0, 0, 0, time.UTC)
	store := &judged{Store: memory.New()}
	a := setupOn(t, store, automation.Options{})
	a.create()
	a.start("ada@example.com")
	path := "/events/" + a.received("")[0].ID + "/decisions"
	assert.Equal(t, `{"object":"list","has_more":false,"data":[]}`+"\n", a.must(http.StatusOK, "GET", path, "").body)
	store.decisions = []automation.Decision{
		{EventID: "e", AutomationID: "cart", Code: automation.DecisionRunning, At: at, Evidence: json.RawMessage(`{"run_id":"r1"}`)},
		{EventID: "e", AutomationID: "offer", Code: automation.DecisionAudience, At: at},
	}
	assert.Equal(t, `{"object":"list","has_more":false,"data":[`+
		`{"automation_id":"cart","code":"running","at":"2026-10-01 13:00:00.000000+00","evidence":{"run_id":"r1"}},`+
		`{"automation_id":"offer","code":"audience","at":"2026-10-01 13:00:00.000000+00","evidence":null}]}`+"\n",
		a.must(http.StatusOK, "GET", path, "").body)
	got := a.must(http.StatusNotFound, "GET", "/events/unknown/decisions", "")
	assert.Equal(t, "not_found", got.failure(t).Name)
	a.must(http.StatusUnprocessableEntity, "GET", path+"?limit=1", "")
	a.must(http.StatusMethodNotAllowed, "POST", path, "")
	require.NotEmpty(t, a.api.Calls())
}
