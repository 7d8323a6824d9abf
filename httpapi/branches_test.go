package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// branching is a graph with the steps that Resend does not have.
const branching = `"steps": [
	{"key": "start", "type": "trigger", "config": {"event_name": "signup"}},
	{"key": "sort", "type": "branch", "config": {"branches": [{"name": "pro", "rule": {"type": "rule", "field": "event.plan", "operator": "eq", "value": "pro"}}]}},
	{"key": "offer", "type": "split", "config": {"variants": [{"name": "ten", "weight": 9}, {"name": "none", "weight": 1, "holdout": true}], "by": "event.team"}},
	{"key": "hello", "type": "send_email", "config": {"template": {"id": "hello"}}}
], "connections": [
	{"from": "start", "to": "sort", "type": "default"}, {"from": "sort", "to": "offer", "type": "pro"}, {"from": "offer", "to": "hello", "type": "ten"}
]`

func TestSteps_ThatResendLacksAreKeptAndValidated(t *testing.T) {
	t.Parallel()
	a := setup(t)
	body := `{"name": "Branching", ` + branching + `}`
	assert.Contains(t, a.must(http.StatusOK, "POST", "/automations/validate", body).body, `"code":"no_else"`)
	id := a.must(http.StatusCreated, "POST", "/automations", body).id(t)
	steps, _, _ := strings.Cut(branching, `, "connections"`)
	compact := strings.NewReplacer("\n", "", "\t", "", ": ", ":", ", ", ",").Replace(steps)
	assert.Contains(t, a.must(http.StatusOK, "GET", "/automations/"+id, "").body, compact)

	for _, tt := range []struct{ from, to, want string }{
		{`"type": "pro"`, `"type": "pr"`, `did you mean \"pro\"?`},
		{`"name": "pro"`, `"name": "timeout"`, `the name \"timeout\" is reserved`},
		{`"weight": 9`, `"weight": 33.3`, "33.3 is no weight: weights are whole numbers"},
		{`"weight": 9`, `"weigth": 9`, `there is no field \"weigth\": did you mean \"weight\"?`},
		{`"by": "event.team"`, `"by": "contact.email"`, `\"contact.email\" is nothing to split by`},
		{`"branches": [`, `"branches": 5, "x": [`, "must be an array, not a number"},
	} {
		require.Contains(t, body, tt.from)
		got := a.call("POST", "/automations", strings.Replace(body, tt.from, tt.to, 1))
		assert.Equal(t, http.StatusUnprocessableEntity, got.status, got.body)
		assert.Contains(t, got.body, tt.want)
	}
}

// A client that does not know a type may drop its config. It is refused, and the flow stays.
func TestSteps_WithoutTheConfigThatAClientDroppedAreRefused(t *testing.T) {
	t.Parallel()
	a := setup(t)
	id := a.must(http.StatusCreated, "POST", "/automations", `{"name": "Branching", `+branching+`}`).id(t)
	before := a.must(http.StatusOK, "GET", "/automations/"+id, "").body
	for _, config := range []string{"{}", "null", "[]"} {
		graph := branching[:strings.Index(branching, `{"branches"`)] + config + "}," + branching[strings.Index(branching, "\n\t{\"key\": \"offer\""):]
		got := a.call("PATCH", "/automations/"+id, "{"+graph+"}")
		assert.Equal(t, http.StatusUnprocessableEntity, got.status, got.body)
		assert.Contains(t, got.body, "the step has no branches")
	}
	assert.Equal(t, before, a.must(http.StatusOK, "GET", "/automations/"+id, "").body)
	a.must(http.StatusOK, "PATCH", "/automations/"+id, `{"name": "Renamed", "status": "enabled"}`)
	a.must(http.StatusOK, "POST", "/automations/"+id+"/stop", `{}`)
}

// moments is a graph with the steps that wait for local times.
const moments = `"steps": [
	{"key": "start", "type": "trigger", "config": {"event_name": "booked"}},
	{"key": "before", "type": "delay_until", "config": {"at": {"var": "event.starts_at"}, "offset": "-1 day", "time": "09:00", "if_past": "end", "zone": "contact"}},
	{"key": "monday", "type": "delay_until", "config": {"next": {"weekdays": ["mon"], "time": "09:00"}, "after": "2 days", "zone": {"var": "event.zone"}}},
	{"key": "open", "type": "window", "config": {"hours": [{"days": ["mon", "fri"], "from": "22:00", "to": "06:00"}], "zone": "Europe/Berlin", "except": ["2026-12-25"]}},
	{"key": "hello", "type": "send_email", "config": {"template": {"id": "hello"}, "window": {"hours": [{"from": "09:00", "to": "24:00"}]}}}
], "connections": [
	{"from": "start", "to": "before", "type": "default"}, {"from": "before", "to": "monday", "type": "default"},
	{"from": "monday", "to": "open", "type": "default"}, {"from": "open", "to": "hello", "type": "default"}
]`

func TestSteps_ThatWaitForLocalTimesAreKeptAndValidated(t *testing.T) {
	t.Parallel()
	a := setup(t)
	body := `{"name": "Moments", ` + moments + `}`
	id := a.must(http.StatusCreated, "POST", "/automations", body).id(t)
	steps, _, _ := strings.Cut(moments, `, "connections"`)
	compact := strings.NewReplacer("\n", "", "\t", "", ": ", ":", ", ", ",").Replace(steps)
	assert.Contains(t, a.must(http.StatusOK, "GET", "/automations/"+id, "").body, compact)
	for _, tt := range []struct{ from, to, want string }{
		{`"if_past": "end", `, ``, `nothing states what happens if the date has passed`},
		{`"zone": "Europe/Berlin"`, `"zone": "Berlin"`, `did you mean \"Europe/Berlin\"?`},
		{`"to": "06:00"`, `"to": "22:00"`, `22:00 to 22:00 is no time at all`},
		{`"to": "24:00"`, `"to": "24:01"`, `local time \"24:01\" is not understood`},
		{`"after": "2 days"`, `"offset": "2 days"`, `offset belongs to at, which the step does not have`},
		{`"weekdays": ["mon"]`, `"weekday": ["mon"]`, `there is no field \"weekday\": did you mean \"weekdays\"?`},
	} {
		require.Contains(t, body, tt.from)
		got := a.call("POST", "/automations", strings.Replace(body, tt.from, tt.to, 1))
		assert.Equal(t, http.StatusUnprocessableEntity, got.status)
		assert.Contains(t, got.body, tt.want)
	}
}

func TestSteps_WaitForAnyIsKeptAndValidated(t *testing.T) {
	t.Parallel()
	a := setup(t)
	const steps = `"steps": [
		{"key": "start", "type": "trigger", "config": {"event_name": "cart.filled"}},
		{"key": "quiet", "type": "wait_for_any", "config": {"events": [{"name": "paid", "event_name": "order.paid", "match": ["cart_id"]}], ` +
		`"reset_on": [{"event_name": "cart.updated", "match": [{"event": "id", "run": "trigger.cart_id"}]}], "timeout": "4 hours"}},
		{"key": "leave", "type": "remove_from_segment", "config": {"segment_id": "buyers"}}
	]`
	const body = `{"name": "Quiet", ` + steps + `, "connections": [
		{"from": "start", "to": "quiet", "type": "default"}, {"from": "quiet", "to": "leave", "type": "paid"}]}`
	assert.Contains(t, a.must(http.StatusOK, "POST", "/automations/validate", body).body, `"code":"unhandled_timeout"`)
	id := a.must(http.StatusCreated, "POST", "/automations", body).id(t)
	compact := strings.NewReplacer("\n", "", "\t", "", ": ", ":", ", ", ",").Replace(steps)
	assert.Contains(t, a.must(http.StatusOK, "GET", "/automations/"+id, "").body, compact)
	for _, tt := range []struct{ from, to, want string }{
		{`"type": "paid"`, `"type": "payed"`, `did you mean \"paid\"?`},
		{`"match": ["cart_id"]`, `"match": []`, "the list is empty: name a field"},
		{`"match": ["cart_id"]`, `"match": ["event.cart_id"]`, `write \"cart_id\"`},
		{`"match": ["cart_id"]`, `"filter_rule": {}`, "the rule is empty"},
		{`"run": "trigger.cart_id"`, `"runs": "trigger.cart_id"`, `there is no field \"runs\": did you mean \"run\"?`},
		{`, "timeout": "4 hours"`, ``, "give the wait a timeout"},
		{`"event_name": "order.paid"`, `"event_name": "sys:email.sent"`, "kept for events of the engine"},
		{`{"segment_id": "buyers"}`, `{}`, "the segment id is missing"},
	} {
		require.Contains(t, body, tt.from)
		got := a.call("POST", "/automations", strings.Replace(body, tt.from, tt.to, 1))
		assert.Equal(t, http.StatusUnprocessableEntity, got.status, got.body)
		assert.Contains(t, got.body, tt.want)
	}
}
