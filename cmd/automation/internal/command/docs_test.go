package command_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

var console = regexp.MustCompile("(?s)```console\n(.*?)```")

// The pages show what the tool prints. With -update their outputs are written anew.
func TestDocs_ShowWhatTheToolPrints(t *testing.T) {
	folder, err := filepath.Abs("../../../../docs")
	require.NoError(t, err)
	flows(t)
	for _, page := range []string{"command.md", "debugging.md"} {
		url, store := databases["sqlite"](t)
		s := newScene(t, url, store)
		path := filepath.Join(folder, page)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		shown := console.ReplaceAllStringFunc(string(text), func(block string) string { return "```console\n" + s.replay(block) + "```" })
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(shown), 0o600))
			continue
		}
		assert.Equal(t, string(text), shown, page)
	}
}

// replay returns a block with the output of its commands.
func (s *scene) replay(block string) string {
	var b strings.Builder
	for line := range strings.Lines(block) {
		command, ok := strings.CutPrefix(line, "$ automation ")
		if !ok {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		r := s.do(strings.Fields(command)...)
		assert.Less(s.t, r.status, 2, line)
		b.WriteString(line + r.stdout + r.stderr)
	}
	return b.String()
}

var (
	call    = regexp.MustCompile("`Runner\\.(\\w+)`")
	request = regexp.MustCompile("`(GET|POST|PATCH)\\s+(/[^`?]*)(?:\\?[^`]*)?`")
)

// The calls and the requests in debugging.md exist.
func TestDocs_NameCallsAndRequestsThatExist(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../../docs/debugging.md")
	require.NoError(t, err)
	calls, requests := call.FindAllSubmatch(page, -1), request.FindAllSubmatch(page, -1)
	require.NotEmpty(t, calls)
	for _, found := range calls {
		_, ok := reflect.TypeFor[*automation.Runner]().MethodByName(string(found[1]))
		assert.True(t, ok, "Runner.%s", found[1])
	}
	text, err := os.ReadFile("../../../../httpapi/openapi.json")
	require.NoError(t, err)
	var api struct {
		Paths map[string]map[string]json.RawMessage
	}
	require.NoError(t, json.Unmarshal(text, &api))
	require.NotEmpty(t, requests)
	for _, found := range requests {
		assert.Contains(t, api.Paths[string(found[2])], strings.ToLower(string(found[1])), "%s %s", found[1], found[2])
	}
}
