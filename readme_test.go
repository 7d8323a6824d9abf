package automation_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The code in the README is code that is compiled and tested.
func TestReadme_ShowsCodeThatWorks(t *testing.T) {
	t.Parallel()
	readme := read(t, "README.md")
	program := read(t, "examples/embed/main.go")
	_, program, _ = strings.Cut(program, "func run(")
	assert.Contains(t, readme, "```go\nfunc run("+program+"```\n")
	_, test, _ := strings.Cut(read(t, "examples/embed/main_test.go"), "func TestWelcome")
	test, _, _ = strings.Cut(test, "\n}\n")
	assert.Contains(t, readme, "```go\nfunc TestWelcome"+test+"\n}\n```\n")
}

// What the README tells a newcomer to run is what the checks run.
func TestReadme_NamesTheCommandsOfTheMakefile(t *testing.T) {
	t.Parallel()
	readme, makefile := read(t, "README.md"), read(t, "Makefile")
	for _, command := range []string{"go run ./examples/welcome", "make test"} {
		assert.Contains(t, readme, "\n"+command+" ")
	}
	assert.Contains(t, makefile, "\tgo run ./examples/welcome\n")
	assert.Contains(t, read(t, ".ci/run"), "\nmake test\n")
}

// Every line of Go in the documentation is one of a file that is compiled.
func TestDocs_ShowLinesThatCompile(t *testing.T) {
	t.Parallel()
	compiled := map[string]bool{}
	require.NoError(t, filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		for line := range strings.Lines(read(t, path)) {
			compiled[bare(line)] = true
		}
		return nil
	}))
	docs := []string{"README.md"}
	for _, pattern := range []string{"docs/*.md", "examples/*/*.md"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		docs = append(docs, found...)
	}
	for _, doc := range docs {
		for _, block := range strings.Split(read(t, doc), "```go\n")[1:] {
			block, _, _ = strings.Cut(block, "```")
			for line := range strings.Lines(block) {
				assert.True(t, compiled[bare(line)] || bare(line) == "…", "%s shows a line that no file has: %s", doc, line)
			}
		}
	}
}

// bare returns a line without what is before and after its code.
func bare(line string) string {
	code, _, _ := strings.Cut(line, " //")
	return strings.TrimSpace(code)
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(data)
}
