package automation

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// documents returns the automations in testdata by file name.
func documents(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/automations/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	docs := make(map[string][]byte, len(files))
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		docs[filepath.Base(file)] = data
	}
	return docs
}

// anyJSON decodes data and keeps numbers as they are written.
func anyJSON(t testing.TB, data []byte) any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	require.NoError(t, dec.Decode(&v))
	return v
}

// around returns the JSON of an automation with the given JSON as steps[1].
func around(step string) []byte {
	return []byte(`{"name":"n","steps":[{"key":"start","type":"trigger","config":{"event_name":"e"}},` + step + `],"connections":[]}`)
}

func TestParse_DecodedAndEncodedAgainIsTheSameDocument(t *testing.T) {
	t.Parallel()
	doors := map[string]func([]byte) (Automation, error){
		"Parse": func(data []byte) (Automation, error) { return Parse(data, nil) },
		"Unmarshal": func(data []byte) (a Automation, err error) {
			err = json.Unmarshal(data, &a)
			return a, err
		},
		"from a store": func(data []byte) (Automation, error) { return decodeDefinition(data, nil) },
	}
	for name, decode := range doors {
		for file, data := range documents(t) {
			t.Run(name+"/"+file, func(t *testing.T) {
				t.Parallel()
				a, err := decode(data)
				require.NoError(t, err)
				encoded, err := a.MarshalJSON()
				require.NoError(t, err)
				want := anyJSON(t, data).(map[string]any)
				want["status"] = cmp.Or[any](want["status"], "disabled")
				assert.Equal(t, want, anyJSON(t, encoded))
				again, err := decode(encoded)
				require.NoError(t, err)
				assert.Equal(t, a, again)
			})
		}
	}
}

func TestParse_ReadsEveryBuiltInStep(t *testing.T) {
	t.Parallel()
	tests := map[string]StepConfig{
		`{"key":"k","type":"trigger","config":{"event_name":"a.b"}}`: Trigger{EventName: "a.b"},
		`{"config":{"field":"event.a","operator":"eq","value":null},"type":"condition","key":"k"}`: Condition{
			Rule: Rule{Field: "event.a", Operator: OpEq, Value: Null()},
		},
		`{"key":"k","type":"delay","config":{"duration":"1 day 12 hours"}}`: Delay{Duration: MustParseDuration("1 day 12 hours")},
		`{"key":"k","type":"wait_for_event","config":{"event_name":"e","timeout":"3 days","lookback":true,
			"filter_rule":{"type":"and","rules":[{"field":"event.n","operator":"gt","value":9007199254740993}]}}}`: WaitForEvent{
			EventName: "e", Timeout: MustParseDuration("3 days"), Lookback: true,
			FilterRule: Rule{Type: RuleAll, Rules: []Rule{
				{Field: "event.n", Operator: OpGt, Value: ValueOf(json.Number("9007199254740993"))},
			}},
		},
		`{"key":"k","type":"wait_for_event","config":{"event_name":"e","timeout":null,"filter_rule":null}}`: WaitForEvent{EventName: "e"},
		`{"key":"k","type":"send_email","config":{"template":{"id":"t","variables":{"a":{"var":"event.a"},"b":null}},
			"from":"f","subject":"s","reply_to":"r","delivery":"at_most_once"}}`: SendEmail{
			Template: TemplateRef{ID: "t", Variables: map[string]Value{"a": Var("event.a"), "b": Null()}},
			From:     "f", Subject: "s", ReplyTo: "r", Delivery: AtMostOnce,
		},
		`{"key":"k","type":"contact_update","config":{"first_name":null,"unsubscribed":true,"properties":{"p":1.0}}}`: ContactUpdate{
			FirstName: Null(), Unsubscribed: Bool(true), Properties: map[string]Value{"p": ValueOf(json.Number("1.0"))},
		},
		`{"key":"k","type":"contact_delete","config":{}}`:                   ContactDelete{},
		`{"key":"k","type":"contact_delete","config":null}`:                 ContactDelete{},
		`{"key":"k","type":"contact_delete"}`:                               ContactDelete{},
		`{"key":"k","type":"add_to_segment","config":{"segment_id":"seg"}}`: AddToSegment{SegmentID: "seg"},
		`{"key":"k","type":"send_event","config":{"event_name":"e","payload":{"a":{"var":"event.a"},"b":null}}}`: SendEvent{
			EventName: "e", Payload: map[string]Value{"a": Var("event.a"), "b": Null()},
		},
		`{"key":"k","type":"send_event","config":{"event_name":"e","payload":null}}`: SendEvent{EventName: "e"},
	}
	for step, want := range tests {
		a, err := Parse(around(step), nil)
		require.NoError(t, err, step)
		assert.Equal(t, Step{Key: "k", Config: want}, a.Steps[1], step)
	}
}

func TestParse_NullMeansAbsent(t *testing.T) {
	t.Parallel()
	a, err := Parse([]byte(`{"id":null,"name":null,"status":null,"steps":null,"connections":null,"version":null,"created_at":null}`), nil)
	require.NoError(t, err)
	assert.Equal(t, Automation{Status: StatusDisabled}, a)
	a, err = Parse([]byte(`{"name":"n","steps":[],"connections":[{"from":"a","to":"b","type":null}]}`), nil)
	require.NoError(t, err)
	assert.Equal(t, Automation{Name: "n", Status: StatusDisabled, Connections: []Connection{{From: "a", To: "b"}}}, a)
}

func TestParse_KeepsATextThatIsNoDurationForValidate(t *testing.T) {
	t.Parallel()
	a, err := Parse(around(`{"key":"k","type":"delay","config":{"duration":"soon"}}`), nil)
	require.NoError(t, err)
	assert.Error(t, a.Steps[1].Config.(Delay).Duration.Err())
}

func TestParse_ReportsEveryProblemWithItsPath(t *testing.T) {
	t.Parallel()
	_, err := Parse([]byte(`{
		"name": 7,
		"Status": "enabled",
		"steps": [
			{"key": "start", "type": "trigger", "config": {"eventName": "user.created"}},
			{"type": "send_mail", "config": {}},
			{"key": null, "type": "delay", "config": {"duration": 3}},
			{"key": "c", "type": "condition", "config": {"type": "and", "rules": [{"field": "event.a", "op": "eq", "value": [1]}]}},
			{"key": "d", "type": 5},
			{"key": "e", "config": null, "next": "f"},
			{"key": "f", "type": "contact_delete", "config": {"hard": true}},
			{"key": "g", "key": "h", "type": "add_to_segment", "config": "seg"},
			{"key": "i", "type": ""},
			null
		],
		"connections": [{"from": "start", "to": ["a"]}, {"source": "a"}, "a"],
		"version": 1.5
	}`), nil)

	var invalid *ValidationError
	require.ErrorAs(t, err, &invalid)
	require.ErrorIs(t, err, ErrInvalid)
	assert.Equal(t, "document", invalid.Subject)
	type found struct {
		path string
		code Code
		text string
	}
	var got []found
	for _, p := range invalid.Problems {
		got = append(got, found{p.Path, p.Code, p.Message})
	}
	const types = "add_to_segment, branch, condition, contact_delete, contact_update, delay, delay_until, remove_from_segment, send_email, send_event, split, trigger, wait_for_any, wait_for_event, window"
	assert.Equal(t, []found{
		{"name", CodeWrongType, "must be a string, not a number"},
		{"Status", CodeUnknownField, `there is no field "Status": did you mean "status"?`},
		{"steps[0].config.eventName", CodeUnknownField, `there is no field "eventName": did you mean "event_name"?`},
		{"steps[1].key", CodeMissingField, "the step has no key; give it one that no other step has"},
		{"steps[1].type", CodeUnknownType, `there is no step type "send_mail": did you mean "send_email"?`},
		{"steps[2].key", CodeMissingField, "the step has no key; give it one that no other step has"},
		{"steps[2].config.duration", CodeWrongType, `a duration is a string, such as "3 days"`},
		{"steps[3].config.rules[0].op", CodeUnknownField, `there is no field "op": the fields here are type, field, operator, value, values, rules`},
		{"steps[3].config.rules[0].value", CodeWrongType, `must be a string, a number, a boolean, null or {"var": "path"}, not an array`},
		{"steps[4].type", CodeWrongType, "must be a string, not a number"},
		{"steps[5].type", CodeMissingField, "the step has no type; it may be " + types},
		{"steps[5].next", CodeUnknownField, `there is no field "next": the fields here are key, type, config`},
		{"steps[6].config.hard", CodeUnknownField, `there is no field "hard": remove it`},
		{"steps[7].key", CodeDuplicateKey, "the object has this key more than once; keep one"},
		{"steps[7].config", CodeWrongType, "must be an object, not a string: its fields are segment_id"},
		{"steps[8].type", CodeMissingField, "the step has no type; it may be " + types},
		{"steps[9]", CodeWrongType, "must be an object, not null: its fields are key, type, config"},
		{"connections[0].to", CodeWrongType, "must be a string, not an array"},
		{"connections[1].source", CodeUnknownField, `there is no field "source": the fields here are from, to, type`},
		{"connections[2]", CodeWrongType, "must be an object, not a string: its fields are from, to, type"},
		{"version", CodeWrongType, "must be a whole number of at most 64 bits"},
	}, got)
}

func TestParse_RefusesAnEmptyFilter(t *testing.T) {
	t.Parallel()
	wait := func(filter string) []byte {
		return around(`{"key":"k","type":"wait_for_event","config":{"event_name":"e","filter_rule":` + filter + `}}`)
	}
	for _, filter := range []string{`{}`, `{"field":null,"rules":null}`} {
		_, err := Parse(wait(filter), nil)
		assert.Equal(t, Problems{{
			Severity: SeverityError, Code: CodeInvalidRule, Path: "steps[1].config.filter_rule",
			Message: "the rule is empty: give it a field and an operator, or leave filter_rule out to match every event",
		}}, problemsIn(t, err))
		var a Automation
		require.ErrorContains(t, json.Unmarshal(wait(filter), &a), "steps[1].config.filter_rule: the rule is empty")
		_, err = decodeDefinition(wait(filter), nil)
		require.NoError(t, err, "what was stored once stays readable")
	}
	for _, filter := range []string{`null`, `{"operator":"exists"}`} {
		_, err := Parse(wait(filter), nil)
		require.NoError(t, err, "what is merely incomplete is for Validate to report")
	}
	_, err := Parse(wait(`{"feild":"event.a"}`), nil)
	require.Len(t, problemsIn(t, err), 1)
	_, err = Parse(wait(`[]`), nil)
	require.Len(t, problemsIn(t, err), 1)
}

func problemsIn(t *testing.T, err error) Problems {
	t.Helper()
	var invalid *ValidationError
	require.ErrorAs(t, err, &invalid)
	return invalid.Problems
}

func TestParse_RepeatsLittleOfALongText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20)
	for _, data := range []string{
		`{"name":"n","created_at":"` + long + `"}`, `{"` + long + `":1}`, `{"steps":[{"key":"k","type":"` + long + `"}]}`, long,
	} {
		_, err := Parse([]byte(data), nil)
		require.Error(t, err)
		assert.Less(t, len(err.Error()), 700)
	}
}

func TestParse_NamesThePackageOnce(t *testing.T) {
	t.Parallel()
	_, err := Parse([]byte(`{"nmae":"n"}`), nil)
	assert.EqualError(t, err, `automation: document: nmae: there is no field "nmae": did you mean "name"?`)
}

func TestParse_ReportsASyntaxErrorAlone(t *testing.T) {
	t.Parallel()
	_, err := Parse([]byte("{\n  \"nmae\": \"x\",\n  \"steps\": [}\n}"), nil)
	var invalid *ValidationError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, Problems{{
		Severity: SeverityError, Code: CodeSyntax, Message: "line 3, column 13: found '}' where a value should be",
	}}, invalid.Problems)
}

func TestParse_RefusesAbsurdDocumentsQuickly(t *testing.T) {
	t.Parallel()
	deep := func(n int) string {
		return strings.Repeat(`{"type":"and","rules":[`, n) + `{"field":"event.a","operator":"exists"}` + strings.Repeat(`]}`, n)
	}
	condition := func(rule string) []byte {
		return around(`{"key":"c","type":"condition","config":` + rule + `}`)
	}
	_, err := Parse(condition(deep(100)), nil)
	require.NoError(t, err, "what is merely too deep is for Validate to report")
	_, err = Parse(condition(deep(100_000)), nil)
	require.ErrorContains(t, err, "nested more than 250 deep")

	_, err = Parse([]byte(`{"steps":[`+strings.Repeat(`{"x":1,"x":2},`, 50_000)+`{}]}`), nil)
	var invalid *ValidationError
	require.ErrorAs(t, err, &invalid)
	assert.Len(t, invalid.Problems, maxProblems)
}

func TestUnmarshal_IsStrictButKeepsUnknownSteps(t *testing.T) {
	t.Parallel()
	var a Automation
	require.ErrorIs(t, json.Unmarshal([]byte(`{"name":"n","stpes":[]}`), &a), ErrInvalid)
	require.ErrorIs(t, json.Unmarshal(around(`{"key":"k","type":"delay","config":{"Duration":"1 day"}}`), &a), ErrInvalid)
	assert.Equal(t, Automation{}, a, "a failed decode changes nothing")

	require.NoError(t, json.Unmarshal(around(`{"key":"k","type":"acme.slack","config":{ "b": 1.0, "a": "<é>" }}`), &a))
	assert.Equal(t, RawConfig{Type: "acme.slack", Config: json.RawMessage(`{"b":1.0,"a":"<é>"}`)}, a.Steps[1].Config)
	err := json.Unmarshal(around(`{"key":"k","type":"acme.slack","config":{"a":1,"a":2}}`), &a)
	require.ErrorContains(t, err, "steps[1].config.a: the object has this key more than once")

	require.NoError(t, json.Unmarshal([]byte(`null`), &a))
	assert.Len(t, a.Steps, 2, "null changes nothing")
}

func TestUnknownStep_RoundTripsUntouched(t *testing.T) {
	t.Parallel()
	for _, step := range []string{
		`{"key":"k","type":"new.type","config":{"z":1.50,"a":[{"big":9007199254740993}],"html":"<&>","empty":{}}}`,
		`{"key":"k","type":"new.type","config":{}}`,
		`{"key":"k","type":"new.type","config":null}`,
		`{"key":"k","type":"new.type","config":["anything"]}`,
		`{"key":"k","type":"new.type"}`,
	} {
		a, err := decodeDefinition(around(step), nil)
		require.NoError(t, err, step)
		encoded, err := a.MarshalJSON()
		require.NoError(t, err, step)
		assert.Contains(t, string(encoded), step)
	}
}

func TestDecodeDefinition_ReadsWhatANewerVersionWrote(t *testing.T) {
	t.Parallel()
	a, err := decodeDefinition([]byte(`{"name":"n","colour":"red","steps":[
		{"key":"start","type":"trigger","note":1,"config":{"event_name":"e","sample":0.5}},
		{"key":"c","type":"condition","config":{"field":"event.a","operator":"exists","locale":"de"}},
		{"key":"x","type":"exit","config":{"reason":"done"}},
		{"key":"s","type":"acme.slack","config":{"channel":"#a"}}
	],"connections":[{"from":"start","to":"c","weight":1}]}`), slackRegistry())
	require.NoError(t, err)
	assert.Equal(t, []Step{
		{Key: "start", Config: Trigger{EventName: "e"}},
		{Key: "c", Config: Condition{Rule: Rule{Field: "event.a", Operator: OpExists}}},
		{Key: "x", Config: RawConfig{Type: "exit", Config: json.RawMessage(`{"reason":"done"}`)}},
		{Key: "s", Config: slack{Channel: "#a"}},
	}, a.Steps)
	assert.Equal(t, []Connection{{From: "start", To: "c"}}, a.Connections)
}

func TestDecodeDefinition_KeepsACustomConfigThatDoesNotFit(t *testing.T) {
	t.Parallel()
	for _, config := range []string{
		`{"channel":7}`,
		`{"channel":"#a","thread":true}`, // a step must not execute without a value that it has
		`{"blocks":[{"picture":"x"}],"channel":"#a"}`,
	} {
		a, err := decodeDefinition(around(`{"key":"s","type":"acme.slack","config":`+config+`}`), slackRegistry())
		require.NoError(t, err)
		assert.Equal(t, RawConfig{Type: "acme.slack", Config: json.RawMessage(config)}, a.Steps[1].Config)
	}
}

func TestDecodeDefinition_RefusesDamage(t *testing.T) {
	t.Parallel()
	for _, data := range []string{``, `{"name":"n"`, `[]`, `{"name":1}`, `{"steps":[{"key":"a","type":"delay","config":{"duration":5}}]}`, `{"steps":[{}]}`} {
		_, err := decodeDefinition([]byte(data), nil)
		assert.ErrorContains(t, err, "stored automation", data)
	}
}

func TestParse_ResolvesRegisteredSteps(t *testing.T) {
	t.Parallel()
	a, err := Parse(around(`{"key":"k","type":"acme.slack","config":{"channel":"#a","text":{"var":"event.a"}}}`), slackRegistry())
	require.NoError(t, err)
	assert.Equal(t, slack{Channel: "#a", Text: Var("event.a")}, a.Steps[1].Config)

	a, err = Parse(around(`{"key":"k","type":"acme.slack","config":null}`), slackRegistry())
	require.NoError(t, err)
	assert.Equal(t, slack{}, a.Steps[1].Config)

	_, err = Parse(around(`{"key":"k","type":"acme.slack","config":{"Channel":"#a","blocks":[{"txt":1}]}}`), slackRegistry())
	require.ErrorContains(t, err, `steps[1].config.Channel: there is no field "Channel": did you mean "channel"?`)
	require.ErrorContains(t, err, `steps[1].config.blocks[0].txt: there is no field "txt": did you mean "text"?`)

	_, err = Parse(around(`{"key":"k","type":"acme.slak","config":{}}`), slackRegistry())
	require.ErrorContains(t, err, `steps[1].type: there is no step type "acme.slak": did you mean "acme.slack"?`)
	_, err = Parse(around(`{"key":"k","type":"other.thing","config":{}}`), nil)
	require.ErrorContains(t, err, `there is no step type "other.thing": register it with Handle, or use add_to_segment,`)
}

func FuzzParseAutomation(f *testing.F) {
	for _, data := range documents(f) {
		f.Add(data)
	}
	f.Add(around(`{"key":"k","type":"acme.slack","config":{"channel":"#a"}}`))
	f.Add([]byte(`{"name":"\u00e9\ud83d\ude00","steps":null,"connections":[{"from":"a","to":"b","type":null}],"created_at":"2026-01-02T03:04:05+02:00"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := Parse(data, slackRegistry())
		if err != nil {
			var invalid *ValidationError
			require.True(t, errors.As(err, &invalid))
			require.NotEmpty(t, invalid.Problems)
			_, _ = decodeDefinition(data, nil)
			return
		}
		encoded, err := a.MarshalJSON()
		require.NoError(t, err)
		again, err := Parse(encoded, slackRegistry())
		require.NoError(t, err)
		require.Equal(t, inUTC(a), inUTC(again))
		stored, err := decodeDefinition(encoded, slackRegistry())
		require.NoError(t, err)
		require.Equal(t, again, stored)
	})
}

// inUTC converts times to UTC, in which reflect.DeepEqual finds equal times equal.
func inUTC(a Automation) Automation {
	a.CreatedAt, a.UpdatedAt = a.CreatedAt.UTC(), a.UpdatedAt.UTC()
	return a
}

// document150 returns the JSON of an automation with 150 steps of all types.
func document150() []byte {
	configs := []string{
		`"delay","config":{"duration":"3 days"}`,
		`"send_email","config":{"template":{"id":"welcome","variables":{"name":{"var":"contact.first_name"},"plan":"pro"}},"subject":"Hello"}`,
		`"wait_for_event","config":{"event_name":"order.paid","timeout":"3 days","filter_rule":{"type":"rule","field":"event.status","operator":"eq","value":"paid"}}`,
		`"contact_update","config":{"first_name":{"var":"event.name"},"properties":{"seats":5}}`,
		`"condition","config":{"type":"and","rules":[{"field":"event.plan","operator":"eq","value":"pro"},{"field":"contact.properties.seats","operator":"gte","value":5}]}`,
	}
	steps := []string{`{"key":"step_0","type":"trigger","config":{"event_name":"user.created"}}`}
	var connections []string
	for i := 1; i < 150; i++ {
		steps = append(steps, fmt.Sprintf(`{"key":"step_%d","type":%s}`, i, configs[i%len(configs)]))
		connections = append(connections, fmt.Sprintf(`{"from":"step_%d","to":"step_%d","type":"default"}`, i-1, i))
	}
	return []byte(`{"name":"Long","status":"enabled","steps":[` + strings.Join(steps, ",") +
		`],"connections":[` + strings.Join(connections, ",") + `]}`)
}

func BenchmarkParse150Steps(b *testing.B) {
	data := document150()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(data, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarshal150Steps(b *testing.B) {
	a, err := Parse(document150(), nil)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.MarshalJSON(); err != nil {
			b.Fatal(err)
		}
	}
}
