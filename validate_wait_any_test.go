package automation

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestValidate_WaitForAny(t *testing.T) {
	t.Parallel()
	day := DurationOf(24 * time.Hour)
	for name, tt := range map[string]struct {
		config      WaitForAny
		connections []Connection
		want        []string
	}{
		"all connected": {
			WaitForAny{Events: []Listener{{Name: "paid", EventName: "p"}, {EventName: "q"}}, Timeout: day},
			[]Connection{{"sort", "a", "paid"}, {"sort", "b", ConnectionEventReceived}, {"sort", "c", ConnectionTimeout}}, nil,
		},
		"one default connection": {
			WaitForAny{Events: []Listener{{Name: "paid", EventName: "p"}}, Timeout: day},
			[]Connection{{From: "sort", To: "a"}, {From: "a", To: "b"}, {From: "b", To: "c"}}, nil,
		},
		"no events": {
			WaitForAny{Timeout: day}, []Connection{{"sort", "a", ConnectionTimeout}, {From: "a", To: "b"}, {From: "b", To: "c"}},
			[]string{"error missing_field steps[1].config.events: the step waits for no event"},
		},
		"problems of events": {
			WaitForAny{Events: []Listener{{}, {Name: "x", EventName: "p"}, {Name: "x", EventName: "q"}, {Name: "timeout", EventName: "r"}}, Timeout: day},
			[]Connection{{From: "sort", To: "a"}, {From: "a", To: "b"}, {From: "b", To: "c"}},
			[]string{
				"error missing_field steps[1].config.events[0].event_name",
				`error duplicate_branch steps[1].config.events[2].name: event 2 of the step has the name "x" too`,
				`error reserved_branch_name steps[1].config.events[3].name: the name "timeout" is reserved: choose another one for the event`,
			},
		},
		"resets": {
			WaitForAny{Events: []Listener{{EventName: "p"}}, ResetOn: []Listener{{Name: "x", EventName: "q"}, {EventName: "sys:x"}}},
			[]Connection{{From: "sort", To: "a"}, {From: "a", To: "b"}, {From: "b", To: "c"}},
			[]string{
				"error missing_field steps[1].config.timeout: reset_on puts off the end of the wait, which has none: give the wait a timeout",
				"error invalid_config steps[1].config.reset_on[0].name: a reset has no name, because it leads nowhere",
				"error invalid_event_name steps[1].config.reset_on[1].event_name",
				"warning wait_without_timeout steps[1].config",
			},
		},
		"duplicates": {
			WaitForAny{
				Events: []Listener{
					{Name: "first", EventName: "p", Match: []Match{{Event: "id"}}}, {Name: "second", EventName: "p", Match: []Match{{"id", "trigger.id"}, {Event: "b"}}},
					{Name: "third", EventName: "p", Match: []Match{{Event: "b"}}},
				},
				ResetOn: []Listener{
					{EventName: "p", FilterRule: Field("event.x").Eq(1), Match: []Match{{Event: "id"}}}, {EventName: "q"}, {EventName: "q", FilterRule: Field("event.x").Eq(1)},
				}, Timeout: day,
			},
			[]Connection{{From: "sort", To: "a"}, {From: "a", To: "b"}, {From: "b", To: "c"}},
			[]string{
				"warning duplicate_listener steps[1].config.events[1]: event 1 of the step matches all that this one does, so this one never wins",
				"warning duplicate_listener steps[1].config.reset_on[0]: event 1 of the step matches all that this one does and ends the wait",
				"warning duplicate_listener steps[1].config.reset_on[2]: an earlier reset matches all that this one does",
			},
		},
		"events that lead nowhere": {
			WaitForAny{Events: []Listener{{Name: "paid", EventName: "p"}, {Name: "left", EventName: "q"}}, Timeout: day},
			[]Connection{{"sort", "a", "paid"}, {From: "a", To: "b"}, {From: "b", To: "c"}},
			[]string{
				`warning unhandled_timeout steps[1].config.timeout`,
				`warning branch_unconnected steps[1].config.events[1]: the run ends after this event: add a connection of type "left", "event_received" or "default"`,
			},
		},
		"all to one step": {
			WaitForAny{Events: []Listener{{Name: "paid", EventName: "p"}, {EventName: "q"}}, Timeout: day},
			[]Connection{{"sort", "a", "paid"}, {"sort", "a", ConnectionEventReceived}, {"sort", "a", ConnectionTimeout}, {From: "a", To: "b"}, {From: "b", To: "c"}},
			[]string{`warning branches_meet_at_once steps[1]: all branches lead to step "a"`},
		},
		"events to one step": {
			WaitForAny{Events: []Listener{{Name: "paid", EventName: "p"}, {EventName: "q"}}, Timeout: day},
			[]Connection{{"sort", "a", "paid"}, {"sort", "a", ConnectionEventReceived}, {"sort", "b", ConnectionTimeout}, {From: "b", To: "c"}}, nil,
		},
		"connections that are never taken": {
			WaitForAny{Events: []Listener{{Name: "paid", EventName: "p"}}, Timeout: day},
			[]Connection{{"sort", "a", "paid"}, {"sort", "b", ConnectionTimeout}, {"sort", "c", ConnectionEventReceived}, {From: "sort", To: "c"}},
			[]string{
				`warning connection_never_taken connections[3]`,
				`warning connection_never_taken connections[4]`,
			},
		},
		"a timeout connection without a timeout": {
			WaitForAny{Events: []Listener{{EventName: "p"}}},
			[]Connection{{"sort", "a", ConnectionEventReceived}, {"sort", "b", ConnectionTimeout}, {From: "b", To: "c"}},
			[]string{"warning wait_without_timeout steps[1].config", "error timeout_without_timeout connections[2].type"},
		},
		"a misspelt connection": {
			WaitForAny{Events: []Listener{{Name: "paid", EventName: "p"}}, Timeout: day},
			[]Connection{{"sort", "a", "piad"}, {"sort", "b", ConnectionTimeout}, {From: "b", To: "c"}},
			[]string{
				`error invalid_connection_type connections[1].type: a step of type "wait_for_any" has no connection of type "piad": ` +
					`did you mean "paid"? Otherwise use "paid" or "event_received" or "timeout" or "default"`,
			},
		},
		"a long timeout": {
			WaitForAny{Events: []Listener{{EventName: "p"}}, Timeout: MustParseDuration("31 days")},
			[]Connection{{From: "sort", To: "a"}, {From: "a", To: "b"}, {From: "b", To: "c"}},
			[]string{`error limit_exceeded steps[1].config.timeout: timeout "31 days" is over the limit of 30 days`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := Automation{
				Name: "Sort", Steps: []Step{start, step("sort", tt.config), step("a", aDelay), step("b", aDelay), step("c", aDelay)},
				Connections: append(chain("start", "sort"), tt.connections...),
			}
			assertProblems(t, tt.want, Validate(a, ValidateOptions{}))
		})
	}
}

func TestValidate_WaitForAnyIsBounded(t *testing.T) {
	t.Parallel()
	listeners := make([]Listener, 11)
	for i := range listeners {
		listeners[i] = Listener{EventName: fmt.Sprint("e", i)}
	}
	day := DurationOf(24 * time.Hour)
	a := sequence(WaitForAny{Events: listeners[:10], ResetOn: []Listener{{EventName: "x"}}, Timeout: day})
	require.Empty(t, Validate(a, ValidateOptions{}).Errors())
	a = sequence(WaitForAny{Events: listeners, Timeout: day})
	assertProblems(t, []string{"error limit_exceeded steps[1].config.events: the step has 11, the limit is 10: raise Limits.Listeners"},
		Validate(a, ValidateOptions{}).Errors())
	require.Empty(t, Validate(a, ValidateOptions{Limits: Limits{Listeners: 11}}).Errors())
	a = sequence(WaitForAny{Events: listeners[:1], ResetOn: listeners, Timeout: day})
	assertProblems(t, []string{"error limit_exceeded steps[1].config.reset_on: the step has 11, the limit is 10"}, Validate(a, ValidateOptions{}).Errors())
}

// A reference to the payload of an event depends on the connection that the run took out of a
// wait for any of several events.
func TestValidate_FollowsTheEventsOfAWaitForAny(t *testing.T) {
	t.Parallel()
	day := DurationOf(24 * time.Hour)
	two := []Listener{{Name: "paid", EventName: "order.paid"}, {Name: "left", EventName: "cart.left"}}
	const sometimes = "warning wait_event_on_some_paths steps[2].config.first_name: "
	for name, tt := range map[string]struct {
		wait        WaitForAny
		connections []ConnectionType
		ref         string
		want        []string
	}{
		"its own connection":     {WaitForAny{Events: two, Timeout: day}, []ConnectionType{"paid"}, "wait_events.order.paid.x", nil},
		"that of the other":      {WaitForAny{Events: two, Timeout: day}, []ConnectionType{"left"}, "wait_events.order.paid.x", []string{sometimes + `"wait_events.order.paid.x" reads event "order.paid", which is received on no path`}},
		"that of both":           {WaitForAny{Events: two, Timeout: day}, []ConnectionType{ConnectionEventReceived}, "wait_events.order.paid.x", []string{sometimes + `"wait_events.order.paid.x" reads event "order.paid", which is not received on every path`}},
		"the rest":               {WaitForAny{Events: two, Timeout: day}, []ConnectionType{ConnectionEventReceived, "left"}, "wait_events.order.paid.x", nil},
		"the timeout":            {WaitForAny{Events: two, Timeout: day}, []ConnectionType{ConnectionTimeout}, "wait_events.order.paid.x", []string{sometimes + `"wait_events.order.paid.x" reads event "order.paid", which is received on no path`}},
		"default":                {WaitForAny{Events: two[:1], Timeout: day}, []ConnectionType{ConnectionDefault}, "wait_events.order.paid.x", []string{sometimes + `"wait_events.order.paid.x" reads event "order.paid", which is not received on every path`}},
		"default, no timeout":    {WaitForAny{Events: two[:1]}, []ConnectionType{ConnectionDefault}, "wait_events.order.paid.x", nil},
		"one event in two forms": {WaitForAny{Events: []Listener{{EventName: "order.paid", Match: []Match{{Event: "a"}}}, {EventName: "order.paid", Match: []Match{{Event: "b"}}}}}, []ConnectionType{ConnectionEventReceived}, "wait_events.order.paid.x", nil},
		"an event of a reset": {
			WaitForAny{Events: two[:1], ResetOn: []Listener{{EventName: "cart.updated"}}, Timeout: day}, []ConnectionType{"paid"}, "wait_events.cart.updated.x",
			[]string{`error wait_event_not_waited_for steps[2].config.first_name`},
		},
		"the output": {WaitForAny{Events: two, Timeout: day}, []ConnectionType{"paid"}, "steps.wait.payload.x", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := Automation{
				Name: "Follow", Steps: []Step{start, step("wait", tt.wait), step("use", ContactUpdate{FirstName: Var(tt.ref)}), step("other", aDelay), step("more", aDelay)},
				Connections: append(chain("start", "wait"), Connection{"wait", "use", tt.connections[0]}, Connection{From: "use", To: "other"}, Connection{From: "other", To: "more"}),
			}
			if len(tt.connections) > 1 {
				a.Connections[len(a.Connections)-1] = Connection{"wait", "more", tt.connections[1]}
			}
			var found Problems
			for _, p := range Validate(a, ValidateOptions{}) {
				if p.Step == "use" {
					found = append(found, p)
				}
			}
			assertProblems(t, tt.want, found)
		})
	}
}

func TestWaitForAny_DecodesStrictly(t *testing.T) {
	t.Parallel()
	const text = `{"key":"sort","type":"wait_for_any","config":{"events":[{"name":"paid","event_name":"order.paid","match":["cart_id"]},{"event_name":"cart.emptied"}],` +
		`"reset_on":[{"event_name":"cart.updated","match":[{"event":"cart.id","run":"trigger.cart_id"}]}],"timeout":"3 days","lookback":true}}`
	var s Step
	require.NoError(t, json.Unmarshal([]byte(text), &s))
	assert.Equal(t, step("sort", WaitForAny{
		Events:  []Listener{{Name: "paid", EventName: "order.paid", Match: []Match{{Event: "cart_id"}}}, {EventName: "cart.emptied"}},
		ResetOn: []Listener{{EventName: "cart.updated", Match: []Match{{"cart.id", "trigger.cart_id"}}}},
		Timeout: MustParseDuration("3 days"), Lookback: true,
	}), s)
	again, err := json.Marshal(s)
	require.NoError(t, err)
	assert.Equal(t, text, string(again))
	for config, want := range map[string]string{
		`{"event": []}`:                          `config.event: there is no field "event": did you mean "events"?`,
		`{"events": {}}`:                         "config.events: must be an array, not an object",
		`{"events": [{"filter_rule": {}}]}`:      "config.events[0].filter_rule: the rule is empty",
		`{"events": [], "reset": []}`:            `config.reset: there is no field "reset"`,
		`{"reset_on": [{"match": [{}]}]}`:        `config.reset_on[0].match[0].run: the field of the run is missing`,
		`{"events": [{"match": [], "name": 1}]}`: `config.events[0].name: must be a string, not a number`,
	} {
		err := json.Unmarshal([]byte(`{"key": "sort", "type": "wait_for_any", "config": `+config+`}`), &s)
		require.ErrorContains(t, err, want)
	}
}
