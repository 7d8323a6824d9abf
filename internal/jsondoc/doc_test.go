package jsondoc

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestScan_RefusesWhatIsNotJSON(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"nothing":                 {"", `line 1, column 1: the document ends where a value should be`},
		"blanks only":             {" \n ", `line 2, column 2: the document ends where a value should be`},
		"word":                    {`nul`, `line 1, column 1: found 'n' where a value should be`},
		"two documents":           {"{}\n{}", `line 2, column 1: there is more after the end of the document`},
		"object without end":      {`{"a":1`, `line 1, column 7: the document ends where "," or "}" should be`},
		"array without end":       {`[1,`, `line 1, column 4: the document ends where a value should be`},
		"comma before brace":      {`{"a":1,}`, `line 1, column 8: found '}' where a key in double quotes should be`},
		"comma before bracket":    {`[1,]`, `line 1, column 4: found ']' where a value should be`},
		"single quotes":           {`{'a':1}`, `line 1, column 2: found '\'' where a key in double quotes should be`},
		"no colon":                {`{"a" 1}`, `line 1, column 6: found '1' where ":" should be`},
		"no comma":                {`["é" 1]`, `line 1, column 6: found '1' where "," or "]" should be`},
		"leading zero":            {`01`, `line 1, column 2: there is more after the end of the document`},
		"minus alone":             {`-`, `line 1, column 2: the document ends where a digit should be`},
		"point without digits":    {`1.e3`, `line 1, column 3: found 'e' where a digit should be`},
		"exponent without digits": {`1e+`, `line 1, column 4: the document ends where a digit should be`},
		"plus sign":               {`+1`, `line 1, column 1: found '+' where a value should be`},
		"string without end":      {`{"a":"b}`, `line 1, column 6: a string does not end`},
		"line break in a string":  {"\"a\nb\"", `line 1, column 3: a string holds a control character; write it as an escape sequence`},
		"unknown escape":          {`"\x41"`, `line 1, column 2: a string holds an invalid escape sequence`},
		"short escape":            {`"\u12"`, `line 1, column 2: a string holds an invalid escape sequence`},
		"escape at the end":       {`"\`, `line 1, column 2: a string holds an invalid escape sequence`},
		"half a surrogate pair":   {`"\ud83d!"`, `line 1, column 2: a string holds an invalid escape sequence`},
		"low surrogate first":     {`"\ude00\ud83d"`, `line 1, column 2: a string holds an invalid escape sequence`},
		"invalid UTF-8":           {"[\"\xff\"]", `line 1, column 2: a string is not valid UTF-8`},
		"invalid UTF-8 in a key":  {"{\"\xc3\":1}", `line 1, column 2: a string is not valid UTF-8`},
		"zero byte":               {"\x00", `line 1, column 1: found '\x00' where a value should be`},
		"byte order mark":         {"\ufeff{}", `line 1, column 1: found '\ufeff' where a value should be`},
		"too deep":                {strings.Repeat("[", MaxNesting+1), `line 1, column 251: objects and arrays are nested more than 250 deep`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Scan([]byte(tt.text))
			assert.EqualError(t, err, tt.want)
		})
	}
}

func TestScan_FindsEveryNode(t *testing.T) {
	t.Parallel()
	doc, err := Scan([]byte(` {"a": [true, null, "x\n\ud83d\ude00"], "b.c": {"d": -1.50e+3}, "": {}} `))
	require.NoError(t, err)
	got := map[string]string{}
	for n := range doc.nodes {
		got[doc.Path(n)] = doc.Literal(n) // a value follows its key and has the same path
	}
	assert.Equal(t, map[string]string{
		"":          `{"a": [true, null, "x\n\ud83d\ude00"], "b.c": {"d": -1.50e+3}, "": {}}`,
		"a":         `[true, null, "x\n\ud83d\ude00"]`,
		"a[0]":      "true",
		"a[1]":      "null",
		"a[2]":      `"x\n\ud83d\ude00"`,
		`["b.c"]`:   `{"d": -1.50e+3}`,
		`["b.c"].d`: "-1.50e+3",
		`[""]`:      "{}",
	}, got)
	assert.Equal(t, "x\n😀", doc.Text(doc.Member(0, "a")+3))
}

func TestScan_FindsRepeatedKeys(t *testing.T) {
	t.Parallel()
	many := `{"k":0` + strings.Repeat(`,"x":{"k":1}`, 2)
	for i := range 30 {
		many += `,"n` + strings.Repeat("n", i) + `":1`
	}
	tests := map[string]struct {
		text string
		want []string
	}{
		"none":         {`{"a":{"a":1},"A":1}`, nil},
		"plain":        {`{"a":1,"b":2,"a":3,"a":4}`, []string{"a", "a"}},
		"nested":       {`[{"x":{"a":1,"a":1}}]`, []string{"[0].x.a"}},
		"escaped":      {`{"a":1,"\u0061":2}`, []string{"a"}},
		"in a big one": {many + `,"k":1}`, []string{"x", "k"}},
		"in order":     {`{"a":1,"a":{"b":1,"b":2}}`, []string{"a", "a.b"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, err := Scan([]byte(tt.text))
			require.NoError(t, err)
			var got []string
			for _, key := range doc.Repeated {
				got = append(got, doc.Path(key))
				assert.True(t, doc.IsRepeated(key))
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestScanWithin_HasAnotherLimit(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	doc, err := ScanWithin([]byte(deep), 10_000)
	require.NoError(t, err)
	assert.Equal(t, Array, doc.Kind(9_999))
	_, err = ScanWithin([]byte(deep), 9_999)
	assert.ErrorContains(t, err, "nested more than 9999 deep")
}

// The path of a problem at the end of a deep document must not become as long as the
// document is deep.
func TestPath_IsCutAtItsLimit(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("k", MaxQuoted)
	doc, err := Scan([]byte(strings.Repeat(`{"`+key+`":`, MaxNesting) + "7" + strings.Repeat("}", MaxNesting)))
	require.NoError(t, err)
	path := doc.Path(2 * MaxNesting)
	assert.Greater(t, len(path), MaxPath)
	assert.Less(t, len(path), MaxPath+2*MaxQuoted)
	assert.True(t, strings.HasPrefix(path, key+"."+key+"."))
}

func TestFind_ReturnsTheValueAtAPath(t *testing.T) {
	t.Parallel()
	doc, err := Scan([]byte(`{"a": [true, {"b": 1}], "b.c": {"d": 2}, "": {}, "ab": 3}`))
	require.NoError(t, err)
	for n := range doc.nodes {
		path := doc.Path(n)
		assert.Equal(t, path, doc.Path(doc.Find(path)))
	}
	for path, deepest := range map[string]string{
		"a[1].missing": "a[1]", "a[7]": "a", "ab.c": "ab", "abc": "", "a[1].b.c[2]": "a[1].b", `["b.c"].x`: `["b.c"]`,
	} {
		assert.Equal(t, deepest, doc.Path(doc.Find(path)), path)
	}
}

func TestPosition_CountsLinesAndCharacters(t *testing.T) {
	t.Parallel()
	doc, err := Scan([]byte("{\n  \"é\": 1,\r\n\t\"b\": [2]}"))
	require.NoError(t, err)
	for path, want := range map[string][2]int{"": {1, 1}, `["é"]`: {2, 8}, "b": {3, 7}, "b[0]": {3, 8}} {
		line, column := doc.Position(doc.Find(path))
		assert.Equal(t, want, [2]int{line, column}, path)
	}
}

func TestQuote_CutsLongText(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `"a\"b"`, Quote(`a"b`))
	assert.Equal(t, `"`+strings.Repeat("x", 79)+`"…`, Quote(strings.Repeat("x", 79)+"é and more"))
}

func FuzzScan(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"\u00e9",null]}`, `[[],{}]`, `-0.5e-7`, `"\ud83d\ude00"`, "{\"a\":\"\xff\"}", `{"a":1,"a":2}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := Scan(data)
		if err != nil {
			return
		}
		require.True(t, json.Valid(data), "accepted what is not JSON")
		require.Equal(t, len(doc.nodes), int(doc.nodes[0].next))
		for n := range doc.nodes {
			require.True(t, json.Valid(doc.Raw(n)))
			doc.Path(n)
		}
	})
}

func TestReplace_ChangesTheseMembersAndNothingElse(t *testing.T) {
	t.Parallel()
	doc, err := Scan([]byte(` {"a": "1" , "b\u0041":[1, 2],"c":{"a":"1"}} `))
	require.NoError(t, err)
	text, err := doc.Replace(0, map[string]any{"a": json.Number("1"), "bA": "<x>", "none": 5})
	require.NoError(t, err)
	assert.Equal(t, ` {"a": 1 , "b\u0041":"<x>","c":{"a":"1"}} `, string(text))
	same, err := doc.Replace(0, nil)
	require.NoError(t, err)
	assert.Equal(t, ` {"a": "1" , "b\u0041":[1, 2],"c":{"a":"1"}} `, string(same))
	_, err = doc.Replace(0, map[string]any{"a": make(chan int)})
	assert.Error(t, err)
}
