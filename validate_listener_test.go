package automation

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// listenerProblems returns the problems of a listener that applies at every step of an
// automation with the trigger cart.updated and a wait for order.paid.
func listenerProblems(l Listener) Problems {
	a := sequence(WaitForEvent{EventName: "order.paid", Timeout: DurationOf(24 * time.Hour)})
	a.Steps[0].Config = Trigger{EventName: "cart.updated"}
	g := newStepGraph(a)
	v := validator{
		automation: a, limits: Limits{}.withDefaults(), graph: g, meant: g,
		names: &pathNames{waits: g.waitNames(), steps: g.keys(a.Steps)},
		schemas: schemasOf([]EventDefinition{
			{Name: "cart.updated", Schema: json.RawMessage(`{"cart_id":"number","shop":"string"}`)},
			{Name: "order.paid", Schema: json.RawMessage(`{"cart_id":"string","shop":"string"}`)},
		}),
	}
	c := stepValidator{&v, noStep, ""}
	c.validateListener("exit.events[0]", l)
	return v.problems
}

func TestValidate_Listener(t *testing.T) {
	t.Parallel()
	long := make([]Match, 101)
	for i := range long {
		long[i] = Match{Event: "shop"}
	}
	for name, tt := range map[string]struct {
		listener Listener
		want     []string
	}{
		"valid": {Listener{EventName: "order.paid", FilterRule: Field("event.shop").Eq("A"), Match: []Match{
			{Event: "shop"}, {"shop", "contact.properties.shop"}, {"shop", "run.id"}, {"shop", "wait_events.order.paid.shop"},
		}}, nil},
		"no event":       {Listener{}, []string{"error missing_field exit.events[0].event_name: the event name is missing"}},
		"a reserved one": {Listener{EventName: "sys:email.sent"}, []string{`error invalid_event_name exit.events[0].event_name: event name "sys:email.sent" must not begin with "sys:"`}},
		"a bad filter": {Listener{EventName: "order.paid", FilterRule: Rule{Type: RuleAll}}, []string{
			`error invalid_rule exit.events[0].filter_rule.rules: a group of type "and" needs at least one rule`,
		}},
		"an empty filter": {Listener{EventName: "order.paid", FilterRule: Rule{Rules: []Rule{}}}, []string{
			`error invalid_rule exit.events[0].filter_rule.rules: a comparison has no rules`,
			`error invalid_rule exit.events[0].filter_rule.field: the field is missing`,
			`error invalid_rule exit.events[0].filter_rule.operator: the operator is missing`,
		}},
		"no field": {Listener{EventName: "order.paid", Match: []Match{{}, {Run: "trigger.shop"}}}, []string{
			`error missing_field exit.events[0].match[0]: the field is missing: name one, such as "cart_id"`,
			`error missing_field exit.events[0].match[1].event: the field is missing`,
		}},
		"a path with its scope": {Listener{EventName: "order.paid", Match: []Match{{Event: "event.shop"}, {"trigger.shop", "trigger.shop"}}}, []string{
			`error invalid_reference exit.events[0].match[0]: "event.shop" is the path of a field in the payload already, without "event.": write "shop"`,
			`error invalid_reference exit.events[0].match[1].event: "trigger.shop" is the path of a field in the payload already, without "trigger.": write "shop"`,
		}},
		"the incoming event twice": {Listener{EventName: "order.paid", Match: []Match{{"shop", "event.shop"}}}, []string{
			`error invalid_reference exit.events[0].match[0].run: "event.shop" reads the incoming event, which is the other side: ` +
				`write "trigger.shop" for the event that started the run`,
		}},
		"a list": {Listener{EventName: "order.paid", Match: []Match{{"shop", "contact.segments"}}}, []string{
			`error invalid_reference exit.events[0].match[0].run: contact.segments is a list, which equals nothing: use a filter_rule with operator "contains"`,
		}},
		"bad paths": {Listener{EventName: "order.paid", Match: []Match{{Event: "a..b"}, {"shop", "shop"}, {"shop", "wait_events.other.x"}, {"shop", "contact.age"}}}, []string{
			`error invalid_reference exit.events[0].match[0]: path "event.a..b" has an empty segment`,
			`error invalid_reference exit.events[0].match[1].run: "shop" names no field of the run: write "trigger.shop" for that of the event that started the run`,
			`error wait_event_not_waited_for exit.events[0].match[2].run: path "wait_events.other.x"`,
			`error invalid_reference exit.events[0].match[3].run: path "contact.age": a contact has no field "age"`,
		}},
		"too many": {Listener{EventName: "order.paid", Match: long}, []string{
			"error limit_exceeded exit.events[0].match: there are 101 fields, the limit is 100",
		}},
		"types that never match": {Listener{EventName: "order.paid", Match: []Match{{Event: "cart_id"}}}, []string{
			`warning event_field_type exit.events[0].match[0]: "event.cart_id" is a string by the definition of its event, and never equals "trigger.cart_id", which is a number`,
		}},
		"an unknown field": {Listener{EventName: "order.paid", Match: []Match{{"cart", "trigger.cart_id"}}}, []string{
			`warning unknown_event_field exit.events[0].match[0].event: the definition of event "order.paid" has no field "cart"`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertProblems(t, tt.want, listenerProblems(tt.listener))
		})
	}
}

// parsedListener decodes a listener as strictly as Parse does.
func parsedListener(text string) (l Listener, err error) {
	r := reader{}
	err = r.document([]byte(text), shapes{}.must(reflect.TypeFor[Listener]()), reflect.ValueOf(&l).Elem()).Err("listener")
	return l, err
}

func TestListener_DecodesStrictly(t *testing.T) {
	t.Parallel()
	const text = `{"name":"paid","event_name":"order.paid",` +
		`"filter_rule":{"type":"rule","field":"event.total","operator":"gt","value":0},` +
		`"match":["cart_id",{"event":"shop.id","run":"trigger.shop"}]}`
	l, err := parsedListener(text)
	require.NoError(t, err)
	assert.Equal(t, Listener{
		Name: "paid", EventName: "order.paid", FilterRule: Field("event.total").Gt(0),
		Match: []Match{{Event: "cart_id"}, {"shop.id", "trigger.shop"}},
	}, l)
	again, err := json.Marshal(l)
	require.NoError(t, err)
	assert.JSONEq(t, text, string(again))
	for text, want := range map[string]string{
		`{"event": "a"}`:                                `event: there is no field "event"`,
		`{"event_name": "a", "filter_rule": {}}`:        "filter_rule: the rule is empty",
		`{"event_name": "a", "match": []}`:              "match: the list is empty: name a field",
		`{"event_name": "a", "match": "cart_id"}`:       "match: must be an array, not a string",
		`{"event_name": "a", "match": [1]}`:             "match[0]: must be the name of a field",
		`{"event_name": "a", "match": [{"evnt": "b"}]}`: `match[0].evnt: there is no field "evnt": did you mean "event"?`,
	} {
		_, err := parsedListener(text)
		require.ErrorContains(t, err, want, strings.TrimSpace(text))
	}
}
