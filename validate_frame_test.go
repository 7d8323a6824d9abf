package automation

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// framed is an automation with a wait for order.shipped, and these rules.
func framed(e Entry, x Exit) Automation {
	a := sequence(WaitForEvent{EventName: "order.shipped", Timeout: MustParseDuration("1 hour"), FilterRule: Field("event.id").Exists()}, hour)
	a.Entry, a.Exit = &e, &x
	return a
}

func TestValidate_EntryAndExit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		entry Entry
		exit  Exit
		want  []string
	}{
		"all of it": {
			Entry{
				Triggers:     []EntryTrigger{{EventName: "cart.saved", FilterRule: Field("event.total").Gt(0)}},
				FilterRule:   All(Field("event.total").Gt(0), Field("contact.unsubscribed").Eq(false)),
				AudienceRule: Not(Field("contact.segments").Contains("staff")),
				Reentry:      Reentry{Key: "event.cart_id", WhileRunning: ReentryRestart, Limit: 100, Per: MustParseDuration("30 days")},
			},
			Exit{
				Events:    []Listener{{Name: "paid", EventName: "order.paid", Match: []Match{{Event: "cart_id"}}, FilterRule: Field("run.trigger").Eq("cart.saved")}},
				WhileRule: Field("trigger.total").Gt(0), MaxAge: MustParseDuration("366 days"),
			}, nil,
		},
		"rules about what is not known yet": {
			Entry{FilterRule: Field("trigger.total").Gt(0), AudienceRule: All(Field("event.total").Gt(0), Field("contact.id").Eq(Var("run.id")))},
			Exit{WhileRule: Field("event.total").Gt(0), Events: []Listener{
				{EventName: "order.paid", FilterRule: Field("wait_events.order.shipped.id").Exists(), Match: []Match{{Event: "id", Run: "steps.delay.resume_at"}}},
			}},
			[]string{
				`error invalid_reference entry.filter_rule.field: "trigger.total" is not known before a run has started: the path must begin with "event." or "contact."`,
				`error invalid_reference entry.audience_rule.rules[0].field: "event.total" is not known to the audience, which is the same for all events: the path must begin with "contact."`,
				`error invalid_reference entry.audience_rule.rules[1].value: "run.id" is not known to the audience`,
				`error invalid_reference exit.events[0].filter_rule.field: "wait_events.order.shipped.id" is not known to an exit, which can come at any step`,
				`error invalid_reference exit.events[0].match[0].run: "steps.delay.resume_at" is not known to an exit`,
				`error invalid_reference exit.while_rule.field: "event.total" is not known to a rule that is evaluated at every step and at the entry: the path must begin with "contact." or "trigger."`,
			},
		},
		"bad rules": {
			Entry{FilterRule: Rule{Type: RuleAll, Rules: []Rule{}}, AudienceRule: Field("contact.nmae").Eq("x"), Triggers: []EntryTrigger{{EventName: "a", FilterRule: Field("event").Exists()}}},
			Exit{WhileRule: Rule{Field: "contact.id"}},
			[]string{
				"error invalid_reference entry.triggers[0].filter_rule.field",
				`error invalid_rule entry.filter_rule.rules: a group of type "and" needs at least one rule`,
				"error invalid_reference entry.audience_rule.field",
				"error invalid_rule exit.while_rule.operator",
			},
		},
		"events": {
			Entry{Triggers: []EntryTrigger{{EventName: ""}, {EventName: "user.created"}, {EventName: "sys:x"}, {EventName: "b"}, {EventName: "b"}}},
			Exit{Events: []Listener{{}, {EventName: "resend:x"}}},
			[]string{
				"error missing_field entry.triggers[0].event_name: the event name is missing",
				`error invalid_event_name entry.triggers[1].event_name: event "user.created" starts runs already: name it once`,
				`error invalid_event_name entry.triggers[2].event_name: event name "sys:x"`,
				`error invalid_event_name entry.triggers[4].event_name: event "b" starts runs already: name it once`,
				"error missing_field exit.events[0].event_name: the event name is missing",
				`error invalid_event_name exit.events[1].event_name: event name "resend:x"`,
			},
		},
		"reentry": {
			Entry{Reentry: Reentry{Key: "contact.id", WhileRunning: "wait", Limit: 101, Per: MustParseDuration("1 day")}}, Exit{},
			[]string{
				`error invalid_reentry entry.reentry.while_running: "wait" is unknown: use "parallel", "ignore" or "restart"`,
				"error invalid_reentry entry.reentry.limit: the limit 101 is over 100: give less, or no limit",
				`error invalid_reentry entry.reentry.key: the key "contact.id" does not lead into the payload: it must begin with "event."`,
			},
		},
		"a period without a limit": {
			Entry{Reentry: Reentry{Per: MustParseDuration("1 day")}}, Exit{},
			[]string{"error invalid_reentry entry.reentry.per: there is a period, and no limit for it: add a limit, such as 1. A limit of 0 starts no run: disable the automation instead"},
		},
		"a negative limit and no duration": {
			Entry{Reentry: Reentry{Limit: -1, Key: "event..id"}}, Exit{MaxAge: MustParseDuration("367 days")},
			[]string{
				"error invalid_reentry entry.reentry.limit: the limit -1 is negative: give 1 to 100",
				`error invalid_reentry entry.reentry.key: path "event..id" has an empty segment`,
				`error limit_exceeded exit.max_age: max_age "367 days" is over the limit of 366 days: raise Limits.Until`,
			},
		},
		"an exit that is a trigger": {
			Entry{Triggers: []EntryTrigger{{EventName: "cart.saved"}}},
			Exit{Events: []Listener{{EventName: "user.created"}, {EventName: "cart.saved"}}},
			[]string{
				`warning listener_is_trigger exit.events[0]: every "user.created" would end the runs before it: use while_running "restart" to begin anew, or name another event`,
				`warning listener_is_trigger exit.events[1]: every "cart.saved" would end the runs before it`,
			},
		},
		"names of exits": {
			Entry{},
			Exit{Events: []Listener{
				{Name: "paid", EventName: "order.paid"}, {Name: "pa\x00id", EventName: "order.settled"},
				{Name: "paid", EventName: "order.closed"}, {EventName: "order.lost"}, {EventName: "order.void"},
			}},
			[]string{
				`error invalid_name exit.events[1].name: the name "pa\x00id" must not contain control characters`,
				`error invalid_name exit.events[2].name: event 1 of the exits has the name "paid" too: give every exit a name of its own, or none`,
			},
		},
		"an exit that an earlier one covers": {
			Entry{},
			Exit{Events: []Listener{{EventName: "order.paid"}, {Name: "late", EventName: "order.paid", Match: []Match{{Event: "cart_id"}}}}},
			[]string{"warning duplicate_listener exit.events[1]: event 1 of the exits matches all that this one does, so this one never ends a run"},
		},
		"a key that exits do not compare": {
			Entry{Reentry: Reentry{Key: "event.cart_id", WhileRunning: ReentryRestart}, Triggers: []EntryTrigger{{EventName: "cart.saved"}}},
			Exit{Events: []Listener{{EventName: "order.paid"}, {EventName: "user.created"}, {EventName: "order.left", FilterRule: Field("event.all").Eq(true)}}},
			[]string{`warning unkeyed_listener exit.events[0]: event "order.paid" is for the runs of all keys of the contact`},
		},
		"a rule that time ends": {
			Entry{}, Exit{WhileRule: Not(Field("contact.properties.birthday").Lt(Now("-1 day")))},
			[]string{"warning while_rule_expires exit.while_rule: the rule compares with the current time"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertProblems(t, tt.want, Validate(framed(tt.entry, tt.exit), ValidateOptions{}))
		})
	}
}

func TestValidate_EntryAndExitAreBounded(t *testing.T) {
	t.Parallel()
	var e Entry
	var x Exit
	for i := range 21 {
		x.Events = append(x.Events, Listener{EventName: fmt.Sprint("exit", i)})
		e.Triggers = append(e.Triggers, EntryTrigger{EventName: fmt.Sprint("trigger", i)})
	}
	assertProblems(t, []string{
		"error limit_exceeded entry.triggers: there are 21 further triggers, the limit is 10: raise Limits.Triggers",
		"error limit_exceeded exit.events: there are 21 events that end a run, the limit is 20: raise Limits.Exits",
	}, Validate(framed(e, x), ValidateOptions{}))
	require.Empty(t, Validate(framed(e, x), ValidateOptions{Limits: Limits{Triggers: 21, Exits: 21}}).Errors())
	x.Events, e.Triggers = x.Events[:20], e.Triggers[:10]
	require.Empty(t, Validate(framed(e, x), ValidateOptions{}).Errors())
}

// A wait without a filter resumes the runs of all keys.
func TestValidate_WarnsAboutAWaitWithoutAKey(t *testing.T) {
	t.Parallel()
	a := framed(Entry{Reentry: Reentry{Key: "event.cart_id"}}, Exit{})
	a.Steps[1].Config = WaitForEvent{EventName: "order.shipped", Timeout: MustParseDuration("1 hour")}
	assertProblems(t, []string{`warning unkeyed_listener steps[1].config: event "order.shipped" is for the runs of all keys of the contact`},
		Validate(a, ValidateOptions{}))
}

// An event that resets a wait must not start another run: it is the same cart.
func TestValidate_WarnsAboutAResetThatAlsoStarts(t *testing.T) {
	t.Parallel()
	for while, want := range map[WhileRunning][]string{
		"": {`warning reset_also_starts steps[1].config.reset_on[0]: event "user.created" starts a run beside this one, too: ` +
			`set entry.reentry.while_running to "ignore"`},
		ReentryRestart: {`warning reset_also_starts steps[1].config.reset_on[0]: event "user.created" starts a run in the place of this one, and so resets nothing`},
		ReentryIgnore:  nil,
	} {
		a := framed(Entry{Reentry: Reentry{Key: "event.id", WhileRunning: while}}, Exit{})
		a.Steps[1].Config = WaitForAny{
			Events:  []Listener{{EventName: "order.shipped", Match: []Match{{Event: "id"}}}},
			ResetOn: []Listener{{EventName: "user.created"}}, Timeout: MustParseDuration("1 hour"),
		}
		assertProblems(t, want, Validate(a, ValidateOptions{}))
	}
}

func TestValidate_EntryKnowsTheDefinitionsOfItsEvents(t *testing.T) {
	t.Parallel()
	a := framed(Entry{FilterRule: Field("event.totl").Gt(0), Reentry: Reentry{Key: "event.cart"}}, Exit{
		Events: []Listener{{EventName: "order.paid", Match: []Match{{Event: "cart_id"}}}},
	})
	definitions := []EventDefinition{
		{Name: "user.created", Schema: []byte(`{"total": "number", "cart_id": "string"}`)},
		{Name: "order.paid", Schema: []byte(`{"cart_id": "number"}`)},
	}
	assertProblems(t, []string{
		`warning unknown_event_field entry.filter_rule.field: the definition of event "user.created" has no field "totl": did you mean "event.total"?`,
		`warning unknown_event_field entry.reentry.key: the definition of event "user.created" has no field "cart": did you mean "event.cart_id"?`,
		`warning event_field_type exit.events[0].match[0]`,
	}, Validate(a, ValidateOptions{Definitions: definitions}))
}

func TestParse_EntryAndExitAreStrict(t *testing.T) {
	t.Parallel()
	document := func(members string) []byte {
		return []byte(`{"name":"n","steps":[{"key":"start","type":"trigger","config":{"event_name":"a"}}],"connections":[],` + members + `}`)
	}
	const whole = `"entry":{"triggers":[{"event_name":"b","filter_rule":{"type":"rule","field":"event.x","operator":"exists"}}],` +
		`"filter_rule":{"type":"rule","field":"event.x","operator":"exists"},"audience_rule":{"type":"rule","field":"contact.id","operator":"exists"},` +
		`"reentry":{"key":"event.x","while_running":"ignore","limit":3,"per":"30 days"}},` +
		`"exit":{"events":[{"name":"paid","event_name":"p","match":["x",{"event":"y","run":"contact.id"}]}],` +
		`"while_rule":{"type":"rule","field":"contact.id","operator":"exists"},"max_age":"14 days"}`
	a, err := Parse(document(whole), nil)
	require.NoError(t, err)
	text, err := a.MarshalJSON()
	require.NoError(t, err)
	assert.Contains(t, string(text), whole)

	for members, want := range map[string][]string{
		`"entry":{}`:                                              {"error missing_field entry: the entry is empty: give it a field, or leave entry out"},
		`"exit":{"events":null}`:                                  {"error missing_field exit: the exit is empty"},
		`"entry":{"filter_rule":{}}`:                              {"error invalid_rule entry.filter_rule: the rule is empty"},
		`"entry":{"audience_rule":{"field":null}}`:                {"error invalid_rule entry.audience_rule: the rule is empty"},
		`"exit":{"while_rule":{}}`:                                {"error invalid_rule exit.while_rule: the rule is empty"},
		`"exit":{"events":[{"event_name":"p","filter_rule":{}}]}`: {"error invalid_rule exit.events[0].filter_rule: the rule is empty"},
		`"entry":{"reentry":{"limit":0}}`:                         {"error invalid_reentry entry.reentry.limit: a limit of 0 starts no run: disable the automation instead"},
		`"entry":{"reentry":{}}`:                                  {"error missing_field entry.reentry: the reentry is empty"},
		`"entry":{"reentry":{"limit":1.5}}`:                       {"error wrong_type entry.reentry.limit"},
		`"entry":{"re_entry":{"limit":1}}`:                        {`error unknown_field entry.re_entry: there is no field "re_entry": did you mean "reentry"?`},
		`"exit":[],"goals":[]`:                                    {"error wrong_type exit: must be an object, not an array", "error unknown_field goals"},
	} {
		_, err := Parse(document(members), nil)
		assertProblems(t, want, problemsIn(t, err))
	}
	for _, members := range []string{`"entry":null,"exit":null`, `"retry":null`} {
		a, err := Parse(document(members), nil)
		require.NoError(t, err)
		assert.Nil(t, a.Entry)
		assert.Nil(t, a.Exit)
	}
}

// Rules that are empty in Go are the same as none.
func TestMarshal_LeavesEmptyRulesOut(t *testing.T) {
	t.Parallel()
	plain := sequence(hour)
	a := plain
	a.Entry, a.Exit = &Entry{}, &Exit{}
	want, err := plain.MarshalJSON()
	require.NoError(t, err)
	got, err := a.MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
	assert.NotContains(t, string(got), "entry")
	stored, err := encodeDefinition(a)
	require.NoError(t, err)
	assert.NotContains(t, string(stored), "exit")
	assert.NotNil(t, a.Entry, "the value of the caller is unchanged")
}

// A definition of a later release that needs a later engine is left alone.
func TestDecodeDefinition_RefusesALaterEngine(t *testing.T) {
	t.Parallel()
	text, err := encodeDefinition(sequence(hour))
	require.NoError(t, err)
	require.NotContains(t, string(text), "engine")
	for engine, reads := range map[string]bool{"1": true, "2": false, "1.5": false, `"1"`: false, "1e9": false} {
		_, err := decodeDefinition([]byte(strings.Replace(string(text), `{`, `{"engine":`+engine+`,`, 1)), nil)
		if reads {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, ErrNewerVersion)
		require.ErrorContains(t, err, "needs engine "+engine)
	}
}
