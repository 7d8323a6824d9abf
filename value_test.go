package automation

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

func TestValueOf_HoldsScalarsOfEveryGoType(t *testing.T) {
	t.Parallel()
	type plan string
	type level int8
	type flag bool
	for _, test := range []struct {
		name  string
		given any
		want  Value
		json  string
	}{
		{"nil", nil, Null(), `null`},
		{"string", "pro", String("pro"), `"pro"`},
		{"named string", plan("pro"), String("pro"), `"pro"`},
		{"bool", true, Bool(true), `true`},
		{"named bool", flag(false), Bool(false), `false`},
		{"int", 5, Number(5), `5`},
		{"named int", level(-5), Number(-5), `-5`},
		{"uint64", uint64(math.MaxUint64), Number(uint64(math.MaxUint64)), `18446744073709551615`},
		{"int64", int64(math.MinInt64), Number(int64(math.MinInt64)), `-9223372036854775808`},
		{"float64", 0.1, Number(0.1), `0.1`},
		{"whole float64", 1e6, Number(1_000_000), `1000000`},
		{"float32", float32(0.1), Number(0.1), `0.1`},
		{"json.Number", json.Number("1.50"), ValueOf(json.Number("1.50")), `1.50`},
		{"Value", Var("event.plan"), Var("event.plan"), `{"var":"event.plan"}`},
		{"time", Now("-7 days"), Now("-7 days"), `{"now":"-7 days"}`},
		{"absent Value", Value{}, Value{}, `null`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := ValueOf(test.given)
			assert.Equal(t, test.want, v)
			assert.NoError(t, v.err())
			data, err := v.MarshalJSON()
			require.NoError(t, err)
			assert.Equal(t, test.json, string(data))
		})
	}
}

func TestValueOf_RefusesTheRest(t *testing.T) {
	t.Parallel()
	for want, given := range map[string]any{
		"a Go []string":       []string{"a"},
		"a Go map[string]int": map[string]int{},
		"a Go time.Time":      time.Time{},
		"a Go *int":           new(int),
		"a Go complex128":     complex(1, 2),
		"NaN":                 math.NaN(),
		"+Inf":                float32(math.Inf(1)),
		`the number "07"`:     json.Number("07"),
		`the number ""`:       json.Number(""),
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			v := ValueOf(given)
			assert.ErrorContains(t, v.err(), "a value cannot be "+want+":")
			assert.Equal(t, want, v.String())
			assert.Nil(t, v.Literal())
			_, err := json.Marshal(v)
			assert.Error(t, err)
			_, ok := v.resolve(&Data{})
			assert.False(t, ok)
		})
	}
	assert.ErrorContains(t, String("\xff").err(), "not valid UTF-8")
}

func TestValue_Accessors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		value   Value
		literal any
		ref     string
		text    string
	}{
		{Value{}, nil, "", ""},
		{Null(), nil, "", "null"},
		{String(""), "", "", `""`},
		{Number(3), json.Number("3"), "", "3"},
		{Bool(false), false, "", "false"},
		{Var("event.plan"), nil, "event.plan", `{"var":"event.plan"}`},
		{Now("-7 days"), nil, "", `{"now":"-7 days"}`},
	} {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.literal, test.value.Literal())
			ref, ok := test.value.Ref()
			assert.Equal(t, test.ref, ref)
			assert.Equal(t, test.ref != "", ok)
			assert.Equal(t, test.text, test.value.String())
			assert.Equal(t, test.value == Value{}, test.value.IsZero())
		})
	}
}

func TestValue_JSONRoundTripIsExact(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`null`, `true`, `false`, `""`, `"pro"`, `"<a href=\"x\">&</a>"`, `"line\nbreak"`, `"grün 🎉"`,
		`0`, `-0`, `1.0`, `1.50`, `1E5`, `1e+400`, `9007199254740993`, `123456789012345678901234567890`,
		`{"var":"event.plan"}`, `{"var":""}`, `{"var":"event.<b>"}`, `{"now":"-7 days"}`, `{"now":""}`,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var v Value
			require.NoError(t, json.Unmarshal([]byte(text), &v))
			assert.False(t, v.IsZero())
			data, err := v.MarshalJSON()
			require.NoError(t, err)
			assert.Equal(t, text, string(data))
		})
	}
}

func TestValue_UnmarshalRefuses(t *testing.T) {
	t.Parallel()
	const (
		notAValue = `must be a string, a number, a boolean, null or {"var": "path"}, not an array`
		notARef   = `must be a string, a number, a boolean, null or {"var": "path"} with nothing else in it, not another object`
	)
	for text, want := range map[string]string{
		`[]`:                           notAValue,
		`["a"]`:                        notAValue,
		`nonsense`:                     `line 1, column 1: found 'n' where a value should be`,
		``:                             `line 1, column 1: the document ends where a value should be`,
		`007`:                          `line 1, column 2: there is more after the end of the document`,
		`{}`:                           notARef,
		`{"Var":"event.plan"}`:         notARef,
		`{"var":5}`:                    notARef,
		`{"var":null}`:                 notARef,
		`{"var":{"var":"event.plan"}}`: notARef,
		`{"var":"a","var":"b"}`:        notARef,
		`{"var":"a","fallback":"b"}`:   notARef,
		`{"var":"a"}x`:                 `line 1, column 12: there is more after the end of the document`,
		`{"var":"a"`:                   `line 1, column 11: the document ends where "," or "}" should be`,
		`{`:                            `line 1, column 2: the document ends where a key in double quotes should be`,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			v := String("untouched")
			err := v.UnmarshalJSON([]byte(text))
			assert.ErrorIs(t, err, ErrInvalid)
			assert.ErrorContains(t, err, want)
			assert.Equal(t, String("untouched"), v)
		})
	}
	var v Value
	assert.Error(t, v.UnmarshalJSON([]byte(`"open`)))
}

func TestValue_AbsentAndNullDiffer(t *testing.T) {
	t.Parallel()
	var got ContactUpdate
	require.NoError(t, json.Unmarshal([]byte(`{"first_name":null,"properties":{"plan":null}}`), &got))
	assert.Equal(t, ContactUpdate{FirstName: Null(), Properties: map[string]Value{"plan": Null()}}, got)
	data, err := json.Marshal(got)
	require.NoError(t, err)
	assert.Equal(t, `{"first_name":null,"properties":{"plan":null}}`, string(data))
}

func TestValue_Resolve(t *testing.T) {
	t.Parallel()
	data := &Data{
		Event:      map[string]any{"plan": "pro", "none": nil},
		WaitEvents: map[string]map[string]any{"feedback": {"received.score": "low"}},
	}
	graph := &Data{WaitEvents: data.WaitEvents, names: &pathNames{waits: []string{"feedback", "feedback.received"}}}
	for _, test := range []struct {
		name  string
		value Value
		data  *Data
		want  any
		ok    bool
	}{
		{"absent", Value{}, data, nil, false},
		{"null", Null(), data, nil, true},
		{"literal", String("x"), data, "x", true},
		{"literal without data", Number(1), nil, json.Number("1"), true},
		{"reference", Var("event.plan"), data, "pro", true},
		{"reference to null", Var("event.none"), data, nil, true},
		{"reference to nothing", Var("event.missing"), data, nil, false},
		{"reference without data", Var("event.plan"), nil, nil, false},
		{"malformed reference", Var("plan"), data, nil, false},
		{"wait event, by what was received", Var("wait_events.feedback.received.score"), data, "low", true},
		{"wait event, by what the graph waits for", Var("wait_events.feedback.received.score"), graph, nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, ok := test.value.resolve(test.data)
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.ok, ok)
		})
	}
}

func TestAppendString_AgreesWithEncodingJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		var back string
		require.NoError(t, json.Unmarshal(jsondoc.AppendString(nil, s), &back))
		assert.Equal(t, s, back)
	})
}
