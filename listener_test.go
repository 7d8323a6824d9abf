package automation

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMatch_KeepsItsForm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		want Match
	}{
		{`"cart_id"`, Match{Event: "cart_id"}},
		{`{"event":"order.cart","run":"trigger.cart_id"}`, Match{"order.cart", "trigger.cart_id"}},
		{`{"event":"cart_id","run":"trigger.cart_id"}`, Match{"cart_id", "trigger.cart_id"}},
	} {
		var m Match
		require.NoError(t, json.Unmarshal([]byte(tt.text), &m), tt.text)
		assert.Equal(t, tt.want, m, tt.text)
		again, err := json.Marshal(m)
		require.NoError(t, err, tt.text)
		assert.Equal(t, tt.text, string(again))
	}
}

func TestMatch_RefusesOtherForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`5`:                             `must be the name of a field, such as "cart_id"`,
		`["cart_id"]`:                   "not an array",
		`{"event":"cart_id"}`:           `run: the field of the run is missing: give its path, such as "trigger.cart_id"`,
		`{"event":"a","run":null}`:      "run: the field of the run is missing",
		`{"event":"a","run":"b","x":1}`: `x: there is no field "x"`,
		`{"event":1,"run":"b"}`:         "event: must be a string, not a number",
	} {
		var m Match
		assert.ErrorContains(t, json.Unmarshal([]byte(text), &m), want, text)
		assert.Zero(t, m, text)
	}
}

// compiledListener compiles a listener of an automation whose trigger is cart.updated.
func compiledListener(t *testing.T, l Listener) *listener {
	t.Helper()
	c := compiler{g: &Graph{}, names: &pathNames{waits: []string{"order.paid"}, steps: []string{"offer"}}}
	compiled, err := c.listener(l)
	require.NoError(t, err)
	return &compiled
}

func TestListener_Hears(t *testing.T) {
	t.Parallel()
	cart := []Match{{Event: "cart_id"}}
	for name, tt := range map[string]struct {
		listener       Listener
		trigger, event string
		want           bool
		err            string
	}{
		"another event":         {listener: Listener{EventName: "cart.emptied"}, event: `{}`},
		"no condition":          {listener: Listener{EventName: "order.paid"}, event: `{}`, want: true},
		"equal texts":           {Listener{EventName: "order.paid", Match: cart}, `{"cart_id":"A"}`, `{"cart_id":"A"}`, true, ""},
		"other texts":           {Listener{EventName: "order.paid", Match: cart}, `{"cart_id":"A"}`, `{"cart_id":"B"}`, false, ""},
		"5 and 5.0":             {Listener{EventName: "order.paid", Match: cart}, `{"cart_id":5}`, `{"cart_id":5.0}`, true, ""},
		"5 and 5e0":             {Listener{EventName: "order.paid", Match: cart}, `{"cart_id":5}`, `{"cart_id":5e0}`, true, ""},
		"2^53+1 and 2^53":       {Listener{EventName: "order.paid", Match: cart}, `{"cart_id":9007199254740993}`, `{"cart_id":9007199254740992}`, false, ""},
		"2^53+1 twice":          {Listener{EventName: "order.paid", Match: cart}, `{"cart_id":9007199254740993}`, `{"cart_id":9007199254740993}`, true, ""},
		"a number and a text":   {Listener{EventName: "order.paid", Match: cart}, `{"cart_id":5}`, `{"cart_id":"5"}`, false, ""},
		"a boolean":             {Listener{EventName: "order.paid", Match: cart}, `{"cart_id":true}`, `{"cart_id":true}`, true, ""},
		"null twice":            {Listener{EventName: "order.paid", Match: cart}, `{"cart_id":null}`, `{"cart_id":null}`, false, ""},
		"absent twice":          {Listener{EventName: "order.paid", Match: cart}, `{}`, `{}`, false, ""},
		"no payload at all":     {Listener{EventName: "order.paid", Match: cart}, `null`, `null`, false, ""},
		"absent in the event":   {Listener{EventName: "order.paid", Match: cart}, `{"cart_id":"A"}`, `{}`, false, ""},
		"absent in the run":     {Listener{EventName: "order.paid", Match: cart}, `{}`, `{"cart_id":"A"}`, false, ""},
		"lists":                 {Listener{EventName: "order.paid", Match: cart}, `{"cart_id":["A"]}`, `{"cart_id":["A"]}`, false, ""},
		"objects":               {Listener{EventName: "order.paid", Match: cart}, `{"cart_id":{}}`, `{"cart_id":{}}`, false, ""},
		"a key of 200 KiB":      {Listener{EventName: "order.paid", Match: cart}, `{"cart_id":"` + strings.Repeat("x", 200<<10) + `"}`, `{"cart_id":"` + strings.Repeat("x", 200<<10) + `"}`, true, ""},
		"another field":         {Listener{EventName: "order.paid", Match: []Match{{"order.cart", "trigger.cart_id"}}}, `{"cart_id":"A"}`, `{"order":{"cart":"A"}}`, true, ""},
		"a field of the person": {Listener{EventName: "order.paid", Match: []Match{{"team", "contact.properties.team"}}}, `{}`, `{"team":"red"}`, true, ""},
		"an unset property":     {Listener{EventName: "order.paid", Match: []Match{{"team", "contact.properties.none"}}}, `{}`, `{"team":null}`, false, ""},
		"an output":             {Listener{EventName: "order.paid", Match: []Match{{"email", "steps.offer.email_id"}}}, `{}`, `{"email":"e1"}`, true, ""},
		"one of two fields":     {Listener{EventName: "order.paid", Match: []Match{{Event: "cart_id"}, {Event: "shop"}}}, `{"cart_id":"A","shop":1}`, `{"cart_id":"A","shop":2}`, false, ""},
		"a filter that holds": {
			Listener{EventName: "order.paid", Match: cart, FilterRule: Field("event.total").Gt(10)}, `{"cart_id":"A","total":1}`, `{"cart_id":"A","total":20}`, true, "",
		},
		"a filter that does not hold": {
			Listener{EventName: "order.paid", Match: cart, FilterRule: Field("event.total").Gt(10)}, `{"cart_id":"A","total":90}`, `{"cart_id":"A","total":2}`, false, "",
		},
		"a filter with the trigger": {
			Listener{EventName: "order.paid", FilterRule: Field("event.total").Gt(Var("trigger.total"))}, `{"total":1}`, `{"total":2}`, true, "",
		},
		"a filter with a time": {
			Listener{EventName: "order.paid", FilterRule: Field("event.at").Gt(Now("-1 hour"))}, `{}`, `{"at":"2026-01-31T08:30:00Z"}`, true, "",
		},
		"a filter that cannot be evaluated": {
			Listener{EventName: "order.paid", FilterRule: Field("event.total").Gt(10)}, `{}`, `{}`, false, `field "event.total" is absent`,
		},
		"a filter that need not be evaluated": {
			Listener{EventName: "order.paid", Match: cart, FilterRule: Field("event.total").Gt(10)}, `{"cart_id":"A"}`, `{"cart_id":"B"}`, false, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := Data{
				Event:   storedPayload([]byte(tt.trigger)),
				Contact: &Contact{Properties: map[string]any{"team": "red"}},
				Steps:   map[string]map[string]any{"offer": {"email_id": "e1"}},
			}
			e := &Event{Name: "order.paid", AcceptedAt: time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)}
			heard, err := compiledListener(t, tt.listener).hears(&d, e, storedPayload([]byte(tt.event)))
			assert.Equal(t, tt.want, heard)
			if tt.err == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, tt.err)
			}
			assert.Nil(t, d.Trigger, "the data of the run stay as they are")
		})
	}
}
