package automation

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type slack struct {
	Channel string           `json:"channel"`
	Text    Value            `json:"text,omitzero"`
	Fields  map[string]Value `json:"fields,omitzero"`
	Blocks  []slackBlock     `json:"blocks,omitzero"`
	Extra   any              `json:"extra,omitzero"`
}

type slackBlock struct {
	Text  Value  `json:"text,omitzero"`
	Image *Value `json:"image,omitzero"`
}

func (slack) StepType() StepType { return "acme.slack" }

func (s *slack) Validate() error {
	if s.Channel == "" {
		return errors.New("a channel is needed")
	}
	return nil
}

func postSlack(_ context.Context, call Call, config slack) (Result, error) {
	return Result{Output: map[string]any{"channel": config.Channel, "key": call.IdempotencyKey}}, nil
}

func slackRegistry() *Registry {
	reg := NewRegistry()
	Handle(reg, postSlack, StepOptions{Branches: []ConnectionType{"answered"}, Delivery: AtMostOnce})
	return reg
}

func slackKind(t *testing.T) *stepKind {
	t.Helper()
	kind, ok := slackRegistry().lookup("acme.slack")
	require.True(t, ok)
	return kind
}

// The configs that Handle refuses.
type (
	unnamed     struct{}
	builtinName struct{}
	noPrefix    struct{}
	emptyPrefix struct{}
	byPointer   struct{}
	unreadable  struct{ C chan int }
)

func (unnamed) StepType() StepType     { return "" }
func (builtinName) StepType() StepType { return TypeDelay }
func (noPrefix) StepType() StepType    { return "slack" }
func (emptyPrefix) StepType() StepType { return ".slack" }
func (*byPointer) StepType() StepType  { return "acme.pointer" }
func (unreadable) StepType() StepType  { return "acme.unreadable" }

func nothing[C StepConfig](context.Context, Call, C) (Result, error) { return Result{}, nil }

func handle[C StepConfig](opts StepOptions) func() {
	return func() { Handle(NewRegistry(), nothing[C], opts) }
}

func TestHandle_PanicsOnAMistake(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		call func()
		want string
	}{
		"no function":     {func() { Handle[slack](NewRegistry(), nil, StepOptions{}) }, `step type "acme.slack" has no function`},
		"empty name":      {handle[unnamed](StepOptions{}), `step type "" has no prefix; name it like "acme.slack"`},
		"raw config":      {handle[RawConfig](StepOptions{}), `step type "" has no prefix; name it like "acme.slack"`},
		"built-in name":   {handle[builtinName](StepOptions{}), `step type "delay" is built in`},
		"no prefix":       {handle[noPrefix](StepOptions{}), `step type "slack" has no prefix; name it like "acme.slack"`},
		"empty prefix":    {handle[emptyPrefix](StepOptions{}), `step type ".slack" has no prefix; name it like "acme.slack"`},
		"pointer":         {handle[*byPointer](StepOptions{}), `*automation.byPointer is not a struct; declare StepType on the struct, not on a pointer`},
		"interface":       {handle[StepConfig](StepOptions{}), `automation.StepConfig is not a struct; declare StepType on the struct, not on a pointer`},
		"unreadable":      {handle[unreadable](StepOptions{}), `step type "acme.unreadable": automation.unreadable: field C: chan int cannot be read from JSON here; give it an UnmarshalJSON`},
		"unnamed branch":  {handle[slack](StepOptions{Branches: []ConnectionType{""}}), `step type "acme.slack": branch 0 has no name`},
		"default branch":  {handle[slack](StepOptions{Branches: []ConnectionType{ConnectionDefault}}), `step type "acme.slack": branch "default" need not be listed: every step has it`},
		"repeated branch": {handle[slack](StepOptions{Branches: []ConnectionType{"a", "a"}}), `step type "acme.slack": branch "a" is listed twice`},
		"delivery":        {handle[slack](StepOptions{Delivery: "often"}), `step type "acme.slack": delivery "often" is neither "at_least_once" nor "at_most_once"`},
		"twice":           {func() { Handle(slackRegistry(), postSlack, StepOptions{}) }, `step type "acme.slack" is registered twice`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.PanicsWithValue(t, "automation: Handle: "+tt.want, tt.call)
		})
	}
}

func TestRegistry_NilIsEmpty(t *testing.T) {
	t.Parallel()
	var reg *Registry
	_, ok := reg.lookup("acme.slack")
	assert.False(t, ok)
	assert.Empty(t, reg.types())
	assert.Equal(t, []StepType{"acme.slack"}, slackRegistry().types())
}

func TestStepKind_CallsTheRegisteredFunction(t *testing.T) {
	t.Parallel()
	kind := slackKind(t)
	assert.Equal(t, []ConnectionType{"answered"}, kind.branches)
	assert.Equal(t, AtMostOnce, kind.delivery)
	result, err := kind.do(t.Context(), Call{IdempotencyKey: "run/1/k"}, slack{Channel: "#a"})
	require.NoError(t, err)
	assert.Equal(t, Result{Output: map[string]any{"channel": "#a", "key": "run/1/k"}}, result)
}

func TestStepKind_ValidateCallsAMethodOfThePointer(t *testing.T) {
	t.Parallel()
	kind := slackKind(t)
	assert.EqualError(t, kind.validate(slack{}), "a channel is needed")
	assert.NoError(t, kind.validate(slack{Channel: "#a"}))

	reg := NewRegistry()
	Handle(reg, nothing[plainStep], StepOptions{})
	plain, _ := reg.lookup("acme.plain")
	assert.NoError(t, plain.validate(plainStep{}), "without the method everything is valid")
}

type plainStep struct{}

func (plainStep) StepType() StepType { return "acme.plain" }

func TestStepKind_ResolvesEveryFormOfItsConfig(t *testing.T) {
	t.Parallel()
	kind := slackKind(t)
	raw := RawConfig{Type: "acme.slack", Config: json.RawMessage(`{"channel":"#a"}`)}
	for _, config := range []StepConfig{slack{Channel: "#a"}, &slack{Channel: "#a"}, raw, &raw} {
		got, problems := kind.resolve(config)
		require.Empty(t, problems)
		assert.Equal(t, slack{Channel: "#a"}, got)
	}
	for _, config := range []StepConfig{nil, (*slack)(nil), (*RawConfig)(nil), Delay{}} {
		_, problems := kind.resolve(config)
		require.Len(t, problems, 1)
		assert.Equal(t, CodeInvalidConfig, problems[0].Code)
		assert.Contains(t, problems[0].Message, `the config of a "acme.slack" step must be a automation.slack, not a`)
	}
}

func TestStepKind_DecodeIsStrictWithPathsFromTheConfig(t *testing.T) {
	t.Parallel()
	kind := slackKind(t)
	for _, nothing := range []string{``, `null`, `{}`} {
		got, problems := kind.decode(json.RawMessage(nothing))
		require.Empty(t, problems)
		assert.Equal(t, slack{}, got)
	}
	_, problems := kind.decode(json.RawMessage(`{"Channel":"#a","text":[],"text":"","blocks":[{"image":{"var":1}}]}`))
	var paths []string
	for _, p := range problems {
		paths = append(paths, p.Path+" "+string(p.Code))
	}
	assert.Equal(t, []string{
		"Channel unknown_field", "text wrong_type", "text duplicate_key", "blocks[0].image wrong_type",
	}, paths)
	_, problems = kind.decode(json.RawMessage(`{} {}`))
	require.Len(t, problems, 1)
	assert.Equal(t, CodeSyntax, problems[0].Code)
}

func TestStepKind_FindsAllValues(t *testing.T) {
	t.Parallel()
	image := Var("event.image")
	got := slackKind(t).values(slack{
		Text:   Var("event.text"),
		Fields: map[string]Value{"b": Number(1), "a.x": Var("event.a")},
		Blocks: []slackBlock{{Text: String("t")}, {Image: &image}},
		Extra:  []any{"x", map[string]any{"deep": Var("event.deep")}},
	})
	assert.Equal(t, []configValue{
		{"text", Var("event.text")},
		{`fields["a.x"]`, Var("event.a")},
		{"fields.b", Number(1)},
		{"blocks[0].text", String("t")},
		{"blocks[1].text", Value{}},
		{"blocks[1].image", Var("event.image")},
		{"extra[1].deep", Var("event.deep")},
	}, got)
}

func TestStepKind_SurvivesAConfigThatHoldsItself(t *testing.T) {
	t.Parallel()
	loop := make([]any, 1)
	loop[0] = loop
	assert.Equal(t, []configValue{{"text", Value{}}}, slackKind(t).values(slack{Extra: loop}))
}

func TestCall_ResolvesLiteralsAndReferences(t *testing.T) {
	t.Parallel()
	call := Call{data: &Data{Event: map[string]any{"plan": "pro"}}}
	for value, want := range map[Value]any{Var("event.plan"): "pro", String("x"): "x", Null(): nil} {
		got, ok := call.Resolve(value)
		assert.True(t, ok)
		assert.Equal(t, want, got)
	}
	for _, nothing := range []Value{{}, Var("event.other")} {
		_, ok := call.Resolve(nothing)
		assert.False(t, ok)
	}
}
