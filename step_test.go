package automation

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

func TestStep_Encodes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config StepConfig
		want   string
	}{
		"trigger":         {Trigger{EventName: "a.b"}, `"type":"trigger","config":{"event_name":"a.b"}`},
		"condition":       {Condition{Rule: Field("event.n").Gt(5)}, `"type":"condition","config":{"type":"rule","field":"event.n","operator":"gt","value":5}`},
		"delay":           {Delay{Duration: MustParseDuration("3 days")}, `"type":"delay","config":{"duration":"3 days"}`},
		"wait":            {WaitForEvent{EventName: "e"}, `"type":"wait_for_event","config":{"event_name":"e"}`},
		"email":           {SendEmail{Template: TemplateRef{ID: "t"}, Subject: "a<b"}, `"type":"send_email","config":{"template":{"id":"t"},"subject":"a<b"}`},
		"contact update":  {ContactUpdate{LastName: Null(), Properties: map[string]Value{}}, `"type":"contact_update","config":{"last_name":null,"properties":{}}`},
		"contact delete":  {ContactDelete{}, `"type":"contact_delete","config":{}`},
		"segment":         {AddToSegment{SegmentID: "s"}, `"type":"add_to_segment","config":{"segment_id":"s"}`},
		"event":           {SendEvent{EventName: "e", Payload: map[string]Value{"a": Var("event.a")}}, `"type":"send_event","config":{"event_name":"e","payload":{"a":{"var":"event.a"}}}`},
		"event without":   {SendEvent{EventName: "e"}, `"type":"send_event","config":{"event_name":"e"}`},
		"event with none": {SendEvent{EventName: "e", Payload: map[string]Value{}}, `"type":"send_event","config":{"event_name":"e","payload":{}}`},
		"pointer":         {&AddToSegment{SegmentID: "s"}, `"type":"add_to_segment","config":{"segment_id":"s"}`},
		"custom":          {slack{Channel: "#a&b"}, `"type":"acme.slack","config":{"channel":"#a&b"}`},
		"raw":             {RawConfig{Type: "x.y", Config: json.RawMessage(`{"a":1.0}`)}, `"type":"x.y","config":{"a":1.0}`},
		"pointer to raw":  {&RawConfig{Type: "x.y", Config: json.RawMessage(`{}`)}, `"type":"x.y","config":{}`},
		"raw without any": {RawConfig{Type: "x.y"}, `"type":"x.y"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Step{Key: "k", Config: tt.config}.MarshalJSON()
			require.NoError(t, err)
			assert.Equal(t, `{"key":"k",`+tt.want+`}`, string(got))
		})
	}
}

type listConfig []string

func (listConfig) StepType() StepType { return "acme.list" }

func TestStep_RefusesToEncodeWhatCannotBeDecoded(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config StepConfig
		want   string
	}{
		"no config":     {nil, `automation: step "k" has no config`},
		"nil pointer":   {(*Delay)(nil), `automation: step "k" has no config`},
		"raw, no type":  {RawConfig{}, `automation: step "k": a raw config needs a type`},
		"raw, not JSON": {RawConfig{Type: "x.y", Config: json.RawMessage(`{"a"`)}, `automation: step "k": config of type "x.y": line 1, column 5: the document ends where ":" should be`},
		"not an object": {listConfig{"a"}, `automation: step "k": a config of type automation.listConfig encodes to ["a"] instead of an object`},
		"invalid value": {ContactUpdate{FirstName: ValueOf([]int{1})}, `automation: step "k": json: error calling MarshalJSON for type automation.Value: a value cannot be a Go []int: use a string, a finite number, a boolean, nil or Var(path)`},
		"not encodable": {badConfig{Run: func() {}}, `automation: step "k": json: unsupported type: func()`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Step{Key: "k", Config: tt.config}.MarshalJSON()
			assert.EqualError(t, err, tt.want)
		})
	}
}

type badConfig struct{ Run func() }

func (badConfig) StepType() StepType { return "acme.bad" }

func TestStep_UnmarshalIsStrict(t *testing.T) {
	t.Parallel()
	var s Step
	require.NoError(t, json.Unmarshal([]byte(`{"key":"k","type":"delay","config":{"duration":"1 week"}}`), &s))
	assert.Equal(t, Step{Key: "k", Config: Delay{Duration: MustParseDuration("1 week")}}, s)
	require.NoError(t, json.Unmarshal([]byte(`null`), &s))
	assert.Equal(t, "k", s.Key, "null changes nothing")

	err := json.Unmarshal([]byte(`{"key":"k","type":"delay","config":{"for":"1 week"}}`), &s)
	var invalid *ValidationError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, "step", invalid.Subject)
	assert.Equal(t, "config.for", invalid.Problems[0].Path)
}

func TestCondition_IsItsRuleInJSON(t *testing.T) {
	t.Parallel()
	c := Condition{Rule: Any(Field("event.a").Eq(nil), Field("event.b").Exists())}
	data, err := c.MarshalJSON()
	require.NoError(t, err)
	rule, err := jsondoc.Encode(c.Rule)
	require.NoError(t, err)
	assert.Equal(t, string(rule), string(data))

	var back Condition
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, c, back)
	assert.ErrorContains(t, json.Unmarshal([]byte(`{"rules":[{"Field":"event.a"}]}`), &back), "rules[0].Field")
}

func TestPlainConfig_FollowsPointers(t *testing.T) {
	t.Parallel()
	assert.Equal(t, Delay{}, plainConfig(&Delay{}))
	assert.Equal(t, Delay{}, plainConfig(Delay{}))
	assert.Equal(t, (*Delay)(nil), plainConfig((*Delay)(nil)))
	assert.Nil(t, plainConfig(nil))
}
