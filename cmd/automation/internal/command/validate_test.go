package command_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/cmd/automation/internal/command"
)

const (
	valid = `{
  "name": "Welcome",
  "steps": [
    {"key": "start", "type": "trigger", "config": {"event_name": "user.created"}},
    {"key": "hello", "type": "send_email", "config": {"template": {"id": "hello"}}}
  ],
  "connections": [{"from": "start", "to": "hello"}]
}
`
	invalid = `{
  "name": "Broken",
  "steps": [
    {"key": "start", "type": "trigger", "config": {}},
    {"key": "post", "type": "acme.slack", "config": {"channel": "x"}},
    {"key": "hello", "type": "send_mail", "config": {"template": {"id": "hello"}}},
    {"key": "setup", "type": "wait_for_event", "config": {"event_name": "done"}}
  ],
  "connections": [
    {"from": "start", "to": "post"},
    {"from": "post", "to": "setup", "type": "posted"},
    {"from": "post", "to": "hello"},
    {"from": "hello", "to": "nowhere"}
  ]
}
`
	strict = `{"name": "Strict", "steps": [
  {"key": "start", "type": "trigger", "config": {"event_name": "user.created", "evnt": 1}}
], "connections": [], "unknown": true}
`
)

// flows writes flow files into the working directory of the test.
func flows(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"valid.json": valid, "invalid.json": invalid, "strict.json": strict, "cut.json": valid[:100],
		"flow.json": strings.Replace(valid, `"to": "hello"`, `"to": "helo"`, 1),
	} {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
}

func TestValidate_Golden(t *testing.T) {
	golden, err := filepath.Abs("testdata")
	require.NoError(t, err)
	flows(t)
	for name, args := range map[string][]string{
		"valid":          {"validate", "valid.json"},
		"several":        {"validate", "valid.json", "invalid.json", "strict.json", "cut.json"},
		"several_json":   {"validate", "valid.json", "invalid.json", "--json"},
		"custom":         {"validate", "--custom", "acme.slack", "invalid.json"},
		"custom_any":     {"validate", "invalid.json", "--custom=any"},
		"custom_unnamed": {"validate", "--custom", "acme.crm,acme.teams", "invalid.json"},
		"missing_file":   {"validate", "nowhere.json"},
	} {
		assertGoldenIn(t, golden, "validate_"+name, perform(t, command.Env{}, args...))
	}
}

func TestValidate_StandardInput(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"validate"}, {"validate", "-"}} {
		r := perform(t, command.Env{Stdin: strings.NewReader(valid)}, args...)
		assert.Equal(t, result{stdout: "standard input: valid, 2 steps\n"}, r)
	}
}

func TestValidate_StrictMakesWarningsProblems(t *testing.T) {
	t.Parallel()
	warned := strings.Replace(valid, "send_email", "wait_for_event", 1)
	warned = strings.Replace(warned, `{"template": {"id": "hello"}}`, `{"event_name": "done"}`, 1)
	r := perform(t, command.Env{Stdin: strings.NewReader(warned)}, "validate")
	assert.Equal(t, 0, r.status, r)
	require.Contains(t, r.stdout, "standard input:5:58: warning ")
	assert.Contains(t, r.stdout, "standard input: valid")
	r = perform(t, command.Env{Stdin: strings.NewReader(warned)}, "validate", "--strict")
	assert.Equal(t, 1, r.status, r)
}
