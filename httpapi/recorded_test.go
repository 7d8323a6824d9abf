package httpapi_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/jsonvalue"
)

// recording is a file of testdata/clients: what one of Resend's clients sends for every call
// about automations, events, contacts, segments, audiences and templates, byte for byte, and
// what it reads from the answers. The clients themselves have sent these requests:
// resend-python 2.39.0 with requests 2.34, resend-ruby 1.10.0 with HTTParty 0.21,
// resend-php 1.10.0 with Guzzle 7.4, and resend-java 4.20.0 with Jackson 2.14, whose HTTP
// library was replaced by one that writes the headers of OkHttp 5.
//
// The first line of a file is the recording without its calls, each further line is a call.
type recording struct {
	Client  string            // name and version
	Headers map[string]string // of all calls
	calls   []recordedCall
}

// recordedCall is a call. In paths and bodies {name} stands for what an earlier answer had at
// the path that Save gives to this name.
type recordedCall struct {
	Call         string // as the client names it
	Method, Path string
	Type         string // the header Content-Type
	Body         string
	Status       int
	Save         map[string]string
	// Reads are the JSON types of what the client reads, by path. A * is each element of an
	// array and each member of an object.
	Reads map[string]string
}

func readRecording(t *testing.T, file string) (r recording) {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	require.True(t, lines.Scan())
	require.NoError(t, json.Unmarshal(lines.Bytes(), &r))
	for lines.Scan() {
		var c recordedCall
		require.NoError(t, json.Unmarshal(lines.Bytes(), &c))
		r.calls = append(r.calls, c)
	}
	require.NoError(t, lines.Err())
	return r
}

func TestRecordedCalls_GetAnswersThatTheirClientsCanRead(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/clients/*.jsonl")
	require.NoError(t, err)
	require.Len(t, files, 4)
	for _, file := range files {
		r := readRecording(t, file)
		t.Run(r.Client, func(t *testing.T) {
			t.Parallel()
			require.Greater(t, len(r.calls), 70)
			a := setup(t)
			known := map[string]string{}
			for _, c := range r.calls {
				got := a.replay(r, c, known)
				require.Equal(t, c.Status, got.status, "%s: %s", c.Call, got.body)
				var answer any
				require.NoError(t, json.Unmarshal([]byte(got.body), &answer))
				for _, path := range slices.Sorted(maps.Keys(c.Reads)) {
					assert.NoError(t, hasTypes(answer, path, c.Reads[path]), "%s: %s", c.Call, got.body)
				}
				for name, path := range c.Save {
					values, err := valuesAt(answer, strings.Split(path, "."))
					require.NoError(t, err)
					known["{"+name+"}"] = values[0].(string)
				}
				a.drain()
			}
		})
	}
}

// replay sends a call with the values that are known by now.
func (a *api) replay(r recording, c recordedCall, known map[string]string) answer {
	a.t.Helper()
	fill := func(text string) string {
		for name, value := range known {
			text = strings.ReplaceAll(text, name, value)
		}
		return text
	}
	request := httptest.NewRequest(c.Method, fill(c.Path), strings.NewReader(fill(c.Body)))
	for name, value := range r.Headers {
		request.Header.Set(name, value)
	}
	if c.Type != "" {
		request.Header.Set("Content-Type", c.Type)
	}
	return a.do(request)
}

// hasTypes returns an error unless there are values at path, all of one of these types.
func hasTypes(answer any, path, types string) error {
	values, err := valuesAt(answer, strings.Split(path, "."))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, v := range values {
		if !slices.Contains(strings.Split(types, "|"), jsonvalue.TypeOf(v)) {
			return fmt.Errorf("%s is of type %s and should be %s", path, jsonvalue.TypeOf(v), types)
		}
	}
	return nil
}

// valuesAt returns the values at a path, at least one.
func valuesAt(v any, path []string) (values []any, err error) {
	if len(path) == 0 {
		return []any{v}, nil
	}
	children, err := childrenOf(v, path[0])
	for _, child := range children {
		below, err := valuesAt(child, path[1:])
		if err != nil {
			return nil, err
		}
		values = append(values, below...)
	}
	return values, err
}

// childrenOf returns the child of this name, or all children for the name *.
func childrenOf(v any, name string) ([]any, error) {
	var all map[string]any
	switch v := v.(type) {
	case map[string]any:
		all = v
	case []any:
		all = map[string]any{}
		for i, element := range v {
			all[fmt.Sprint(i)] = element
		}
	}
	if child, ok := all[name]; ok {
		return []any{child}, nil
	}
	if name != "*" || len(all) == 0 {
		return nil, fmt.Errorf("there is no %s", name)
	}
	return slices.Collect(maps.Values(all)), nil
}
