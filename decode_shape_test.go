package automation

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type everyShape struct {
	Text      string            `json:"text"`
	Named     Status            `json:"named"`
	Yes       bool              `json:"yes"`
	Small     int8              `json:"small"`
	Count     uint16            `json:"count"`
	Ratio     float32           `json:"ratio"`
	Exact     json.Number       `json:"exact"`
	List      []string          `json:"list"`
	Bytes     []byte            `json:"bytes"`
	Map       map[Status]int    `json:"map"`
	Pointer   *int              `json:"pointer"`
	Any       any               `json:"any"`
	At        time.Time         `json:"at"`
	Pause     Duration          `json:"pause"`
	Value     Value             `json:"value"`
	Rule      Rule              `json:"rule"`
	Parts     []everyShape      `json:"parts"`
	ByName    map[string]*Value `json:"by_name"`
	Untagged  string
	Skipped   string `json:"-"`
	invisible string //lint:ignore U1000 JSON has no access to an unexported field
	embedded
}

type embedded struct {
	Inner string `json:"inner"`
}

func readShape(t *testing.T, text string) (everyShape, Problems) {
	t.Helper()
	var got everyShape
	s, err := shapes{}.of(reflect.TypeFor[everyShape]())
	require.NoError(t, err)
	var r reader
	problems := r.document([]byte(text), s, reflect.ValueOf(&got).Elem())
	return got, problems
}

func TestShape_ReadsEveryKindOfField(t *testing.T) {
	t.Parallel()
	got, problems := readShape(t, `{
		"text": "a\tb", "named": "enabled", "yes": true, "small": -128, "count": 65535, "ratio": 0.5,
		"exact": 1.50, "list": ["x"], "bytes": "AQI=", "map": {"a": 1}, "pointer": 7,
		"any": {"n": 9007199254740993}, "at": "2026-01-02T03:04:05Z", "pause": "3 days",
		"value": {"var": "event.a"}, "rule": {"type": "and", "rules": []},
		"parts": [{"text": "inside"}], "by_name": {"n": 1.0, "z": null}, "Untagged": "u", "inner": "i"
	}`)
	require.Empty(t, problems)
	seven, one := 7, Value{kind: valueNumber, text: "1.0"}
	assert.Equal(t, everyShape{
		Text: "a\tb", Named: "enabled", Yes: true, Small: -128, Count: 65535, Ratio: 0.5,
		Exact: "1.50", List: []string{"x"}, Bytes: []byte{1, 2}, Map: map[Status]int{"a": 1}, Pointer: &seven,
		Any: map[string]any{"n": json.Number("9007199254740993")},
		At:  time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Pause: MustParseDuration("3 days"),
		Value: Var("event.a"), Rule: Rule{Type: RuleAll, Rules: []Rule{}},
		Parts: []everyShape{{Text: "inside"}}, ByName: map[string]*Value{"n": &one, "z": nil},
		Untagged: "u", embedded: embedded{Inner: "i"},
	}, got)
}

func TestShape_NullMeansAbsentExceptInAValue(t *testing.T) {
	t.Parallel()
	got, problems := readShape(t, `{"text":null,"yes":null,"small":null,"list":null,"map":null,"pointer":null,
		"any":null,"at":null,"pause":null,"rule":null,"parts":null,"value":null}`)
	require.Empty(t, problems)
	assert.Equal(t, everyShape{Value: Null()}, got)
}

func TestShape_ReportsWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text, path string
		code       Code
		message    string
	}{
		"root":             {`[]`, "", CodeWrongType, "must be an object, not an array"},
		"string":           {`{"text":1}`, "text", CodeWrongType, "must be a string, not a number"},
		"boolean":          {`{"yes":"true"}`, "yes", CodeWrongType, "must be a boolean, not a string"},
		"number":           {`{"ratio":true}`, "ratio", CodeWrongType, "must be a number, not a boolean"},
		"array":            {`{"list":{}}`, "list", CodeWrongType, "must be an array, not an object"},
		"null in an array": {`{"list":["a",null]}`, "list[1]", CodeWrongType, "must be a string, not null"},
		"null in a map":    {`{"map":{"a":null}}`, "map.a", CodeWrongType, "must be a number, not null"},
		"fraction":         {`{"small":1.5}`, "small", CodeWrongType, "must be a whole number of at most 8 bits"},
		"too big":          {`{"small":128}`, "small", CodeWrongType, "must be a whole number of at most 8 bits"},
		"negative":         {`{"count":-1}`, "count", CodeWrongType, "must be a whole number, not negative, of at most 16 bits"},
		"infinite":         {`{"ratio":1e99}`, "ratio", CodeWrongType, "must be a number that 32 bits can hold"},
		"behind a pointer": {`{"pointer":"7"}`, "pointer", CodeWrongType, "must be a number, not a string"},
		"duration":         {`{"pause":3}`, "pause", CodeWrongType, `a duration is a string, such as "3 days"`},
		"array as a value": {`{"value":[1]}`, "value", CodeWrongType, `must be a string, a number, a boolean, null or {"var": "path"}, not an array`},
		"reference":        {`{"value":{"var":"a","b":1}}`, "value", CodeWrongType, `must be a string, a number, a boolean, null or {"var": "path"} with nothing else in it, not another object`},
		"reference's path": {`{"by_name":{"x y":{"var":1}}}`, `by_name["x y"]`, CodeWrongType, `must be a string, a number, a boolean, null or {"var": "path"} with nothing else in it, not another object`},
		"other case":       {`{"Text":"a"}`, "Text", CodeUnknownField, `there is no field "Text": did you mean "text"?`},
		"hidden field":     {`{"invisible":"a"}`, "invisible", CodeUnknownField, ""},
		"skipped field":    {`{"Skipped":"a"}`, "Skipped", CodeUnknownField, ""},
		"in a rule":        {`{"rule":{"rules":[{},{"feild":"x"}]}}`, "rule.rules[1].feild", CodeUnknownField, `there is no field "feild": did you mean "field"?`},
		"twice":            {`{"text":"a","text":"b"}`, "text", CodeDuplicateKey, "the object has this key more than once; keep one"},
		"twice in any":     {`{"any":[{"a":1,"a":2}]}`, "any[0].a", CodeDuplicateKey, "the object has this key more than once; keep one"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := readShape(t, tt.text)
			require.Len(t, problems, 1)
			assert.Equal(t, tt.path, problems[0].Path)
			assert.Equal(t, tt.code, problems[0].Code)
			assert.Equal(t, SeverityError, problems[0].Severity)
			if tt.message != "" {
				assert.Equal(t, tt.message, problems[0].Message)
			}
		})
	}
}

func TestShape_OfATypeThatCannotBeReadStrictlyIsAnError(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		value any
		want  string
	}{
		"channel":         {struct{ C chan int }{}, "field C: chan int cannot be read from JSON here; give it an UnmarshalJSON"},
		"nested function": {struct{ L []func() }{}, "field L: func() cannot be read from JSON here; give it an UnmarshalJSON"},
		"integer keys":    {struct{ M map[int]string }{}, "field M: map[int]string needs keys that are strings"},
		"option string": {struct {
			N int `json:"n,string"`
		}{}, `field N: the json option "string" is not supported`},
		"embedded pointer": {struct{ *embedded }{}, "field embedded: embed the struct itself instead of a pointer"},
		"same name twice": {struct {
			embedded
			Other int `json:"inner"`
		}{}, `has two fields named "inner" in JSON`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := shapes{}.of(reflect.TypeOf(tt.value))
			assert.ErrorContains(t, err, tt.want)
		})
	}
}
