package httpapi_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// abandonedCart is a flow that waits until a cart has been quiet, and for the morning, and ends
// when it is paid.
const abandonedCart = `{"name":"Abandoned cart","status":"enabled",
 "steps":[
  {"key":"start","type":"trigger","config":{"event_name":"cart.updated"}},
  {"key":"quiet","type":"wait_for_any","config":{"events":[{"name":"emptied","event_name":"cart.emptied","match":["cart_id"]}],
     "reset_on":[{"event_name":"cart.updated","match":["cart_id"]}],"timeout":"4 hours"}},
  {"key":"awake","type":"window","config":{"hours":[{"from":"08:00","to":"21:00"}],"zone":"contact"}},
  {"key":"offer","type":"split","config":{"variants":[{"name":"ten","weight":45},{"name":"plain","weight":45},{"name":"none","weight":10,"holdout":true}]}},
  {"key":"discount","type":"send_email","config":{"template":{"id":"cart-discount","variables":{"total":{"var":"event.total"}}}}},
  {"key":"reminder","type":"send_email","config":{"template":{"id":"cart-reminder"}}},
  {"key":"tell_sales","type":"send_event","config":{"event_name":"cart.lost","payload":{"cart_id":{"var":"event.cart_id"}}}}],
 "connections":[
  {"from":"start","to":"quiet","type":"default"},{"from":"quiet","to":"awake","type":"timeout"},{"from":"awake","to":"offer","type":"default"},
  {"from":"offer","to":"discount","type":"ten"},{"from":"offer","to":"reminder","type":"plain"},{"from":"reminder","to":"tell_sales","type":"default"}],
 "entry":{"filter_rule":{"type":"rule","field":"event.total","operator":"gt","value":0},
   "audience_rule":{"type":"not","rules":[{"type":"rule","field":"contact.segments","operator":"contains","value":"staff"}]},
   "reentry":{"key":"event.cart_id","while_running":"ignore","limit":3,"per":"30 days"}},
 "exit":{"events":[{"name":"paid","event_name":"order.paid","match":["cart_id"]}],
   "while_rule":{"type":"rule","field":"contact.unsubscribed","operator":"neq","value":true},"max_age":"14 days"}}`

// What a client wrote comes back as it was, and is accepted again.
func TestJourney_ComesBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	a := setup(t)
	path := "/automations/" + a.must(http.StatusCreated, "POST", "/automations", abandonedCart).id(t)
	read := func() map[string]json.RawMessage {
		var fields map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(a.must(http.StatusOK, "GET", path, "").body), &fields))
		return fields
	}
	var written map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(abandonedCart), &written))
	got := read()
	for name, value := range written {
		assert.JSONEq(t, string(value), string(got[name]), name)
	}
	again := map[string]json.RawMessage{}
	for name := range written {
		again[name] = got[name]
	}
	body, err := json.Marshal(again)
	require.NoError(t, err)
	a.must(http.StatusOK, "PATCH", path, string(body))
	for name, value := range got {
		if name != "version" && name != "revision" {
			assert.JSONEq(t, string(value), string(read()[name]), name)
		}
	}
}

// The run ends when the cart is paid, and a second event about the cart starts none.
func TestJourney_ShowsItsDecisionsAndItsExit(t *testing.T) {
	t.Parallel()
	a := setup(t)
	path := "/automations/" + a.must(http.StatusCreated, "POST", "/automations", abandonedCart).id(t)
	send := func(event string) string {
		a.must(http.StatusAccepted, "POST", "/events/send", `{"event": "`+event+`", "email": "ada@example.com", "payload": {"cart_id": "c-1", "total": 5}}`)
		a.drain()
		a.clock.Add(1e9)
		return a.received("?limit=1")[0].ID
	}
	send("cart.updated")
	second := send("cart.updated")
	decisions := a.must(http.StatusOK, "GET", "/events/"+second+"/decisions", "").body
	assert.Contains(t, decisions, `"code":"running"`)
	assert.Contains(t, decisions, `"evidence":{"run_id":"`)
	paid := send("order.paid")
	assert.Contains(t, a.must(http.StatusOK, "GET", "/received-events/"+paid, "").body, `"ended_runs":["`)
	runs := a.must(http.StatusOK, "GET", path+"/runs", "").body
	assert.Contains(t, runs, `"status":"completed"`)
	assert.Contains(t, runs, `"exit":{"reason":"event","name":"paid","event_id":"`+paid+`","step":"quiet","at":"`)
}
