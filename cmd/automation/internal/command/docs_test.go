package command_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/cmd/automation/internal/command"
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
	flagLine  = regexp.MustCompile(`(?m)^  (--\S+(?: \S+)?) {2,}(\S.*)$`)
	flagTable = regexp.MustCompile(`(?s)(\| flag \| commands \| what it does \|\n\| --- \| --- \| --- \|\n)(.*?)\n\n?## `)
)

// The page of the tool has every flag that the help of a command has. With -update its table
// is written anew.
func TestDocs_ShowWhatFlagsThereAre(t *testing.T) {
	const path = "../../../../docs/command.md"
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	at := flagTable.FindSubmatchIndex(text)
	require.NotNil(t, at, "command.md has no table of flags")
	shown := string(text[:at[3]]) + tableOfFlags(t) + "\n## " + string(text[at[1]:])
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(shown), 0o600))
		return
	}
	assert.Equal(t, shown, string(text))
}

// tableOfFlags returns the rows of the table of flags, from the help of all commands. Commands
// whose help on a flag is the same share a row.
func tableOfFlags(t *testing.T) string {
	t.Helper()
	help := func(args ...string) string {
		return perform(t, command.Env{}, append([]string{"help"}, args...)...).stdout
	}
	var flags []string // in the order of the table
	commands := map[string][]string{}
	for _, name := range names {
		_, list, _ := strings.Cut(help(name), "\nFlags:\n")
		for _, found := range flagLine.FindAllStringSubmatch(list, -1) {
			row := fmt.Sprintf("| `%s` | %%s | %s |\n", found[1], strings.ReplaceAll(found[2], "|", "\\|"))
			if commands[row] == nil {
				flags = append(flags, row)
			}
			commands[row] = append(commands[row], "`"+name+"`")
		}
	}
	slices.Sort(flags)
	var b strings.Builder
	for _, row := range flags {
		of := strings.Join(commands[row], " ")
		if len(commands[row]) > len(names)/2 {
			of = "most"
		}
		b.WriteString(strings.Replace(row, "%s", of, 1))
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
