package command_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/cmd/automation/internal/command"
)

func TestDiagram_DrawsFiles(t *testing.T) {
	golden, err := filepath.Abs("testdata")
	require.NoError(t, err)
	flows(t)
	for name, args := range map[string][]string{
		"mermaid":      {"diagram", "--format", "mermaid", "valid.json"},
		"dot":          {"diagram", "valid.json", "--format=dot"},
		"problems":     {"diagram", "flow.json", "--format=mermaid"},
		"unreadable":   {"diagram", "cut.json"},
		"missing_file": {"diagram", "nowhere.json"},
		"format":       {"diagram", "--format", "png", "valid.json"},
		"two_files":    {"diagram", "valid.json", "flow.json"},
		"file_and_run": {"diagram", "--run", "x", "valid.json"},
		"no_database":  {"diagram", "--run", "x"},
	} {
		assertGoldenIn(t, golden, "diagram_"+name, perform(t, command.Env{}, args...))
	}
}

func TestDiagram_StandardInput(t *testing.T) {
	t.Parallel()
	r := perform(t, command.Env{Stdin: strings.NewReader(valid)}, "diagram")
	assert.Equal(t, 0, r.status, r)
	assert.Contains(t, r.stdout, "<title>Welcome</title>")

	r = perform(t, command.Env{Stdin: strings.NewReader(valid)}, "diagram", "-", "--json")
	var printed map[string]string
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &printed))
	assert.Equal(t, "diagram", printed["object"])
	assert.Equal(t, "svg", printed["format"])
	assert.True(t, strings.HasPrefix(printed["content"], "<svg "))
}

// A run is drawn over its own version: cy's version had two steps.
func TestDiagram_DrawsRuns(t *testing.T) {
	onEach(t, func(t *testing.T, s *scene) {
		for name, email := range map[string]string{"waiting": "ada@example.com", "failed": "bob@example.com", "old": "cy@example.com"} {
			assertGolden(t, "diagram_run_"+name, s.do("diagram", "--format", "mermaid", "--run", s.run("welcome", email)))
		}
		assertGolden(t, "diagram_run_missing", s.do("diagram", "--run", "nothing"))
	})
}
