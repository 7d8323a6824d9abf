package automation_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// The README and docs/design.md stay short: what does not fit moves to another page.
func TestDocs_AreShort(t *testing.T) {
	t.Parallel()
	assert.LessOrEqual(t, strings.Count(read(t, "README.md"), "\n"), 150, "lines of README.md")
	assert.LessOrEqual(t, len(strings.Fields(read(t, "docs/design.md"))), 1200, "words of docs/design.md")
}

// A newcomer can copy the first program of the README, imports included.
func TestReadme_ShowsAProgramThatCompiles(t *testing.T) {
	t.Parallel()
	blocks := codeBlocks(read(t, "README.md"), "go")
	require.NotEmpty(t, blocks)
	require.True(t, isProgram(blocks[0]), "the first Go code of the README is a program")
	for _, block := range blocks {
		if isProgram(block) {
			file := filepath.Join(t.TempDir(), "main.go")
			require.NoError(t, os.WriteFile(file, []byte(block), 0o600))
			out, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput()
			assert.NoError(t, err, string(out))
		}
	}
}

// The test in the README is a test that is run.
func TestReadme_ShowsATestThatIsRun(t *testing.T) {
	t.Parallel()
	_, test, _ := strings.Cut(read(t, "examples/embed/main_test.go"), "func TestWelcome")
	test, _, _ = strings.Cut(test, "\n}\n")
	assert.Contains(t, read(t, "README.md"), "```go\nfunc TestWelcome"+test+"\n}\n```\n")
}

// The README shows a newcomer the commands that the checks run.
func TestReadme_NamesTheCommandsOfTheMakefile(t *testing.T) {
	t.Parallel()
	readme, makefile := read(t, "README.md"), read(t, "Makefile")
	for _, command := range []string{"go run ./examples/welcome", "make test"} {
		assert.Contains(t, readme, "\n"+command+" ")
	}
	assert.Contains(t, makefile, "\tgo run ./examples/welcome\n")
	assert.Contains(t, read(t, ".ci/run"), "\nmake test\n")
}

// Every line of Go in the documentation is a line of a file that is compiled, but for the
// whole files in pages whose own tests compile them.
func TestDocs_ShowLinesThatCompile(t *testing.T) {
	t.Parallel()
	compiled := map[string]bool{"…": true}
	for _, file := range files(t, ".go") {
		for line := range strings.Lines(read(t, file)) {
			compiled[bare(line)] = true
		}
	}
	for _, doc := range files(t, ".md") {
		for _, block := range codeBlocks(read(t, doc), "go") {
			if isProgram(block) && (doc == "README.md" || doc == "docs/getting-started.md") {
				continue
			}
			for line := range strings.Lines(block) {
				assert.True(t, compiled[bare(line)], "%s shows a line that no file has: %s", doc, line)
			}
		}
	}
}

// Every automation in docs/steps.md is valid.
func TestDocs_ShowAutomationsThatAreValid(t *testing.T) {
	t.Parallel()
	blocks := codeBlocks(read(t, "docs/steps.md"), "json")
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		a, err := automation.Parse([]byte(block), nil)
		require.NoError(t, err)
		assert.Empty(t, automation.Validate(a, automation.ValidateOptions{}))
	}
}

var markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// Every link from a page to a file or to a heading leads somewhere.
func TestDocs_LinkToWhatExists(t *testing.T) {
	t.Parallel()
	for _, doc := range files(t, ".md") {
		for _, found := range markdownLink.FindAllStringSubmatch(withoutCode(read(t, doc)), -1) {
			if strings.Contains(found[1], ":") {
				continue // to another site
			}
			target, anchor, _ := strings.Cut(found[1], "#")
			file := doc
			if target != "" {
				file = path.Join(path.Dir(doc), target)
			}
			if _, err := os.Stat(file); !assert.NoError(t, err, "%s links to %s", doc, found[1]) {
				continue
			}
			if anchor != "" {
				assert.Contains(t, anchors(read(t, file)), anchor, "%s links to %s", doc, found[1])
			}
		}
	}
}

// anchors returns the anchors of a page's headings, as GitHub makes them.
func anchors(page string) []string {
	var all []string
	for line := range strings.Lines(withoutCode(page)) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			all = append(all, strings.Map(anchorRune, strings.TrimSpace(title)))
		}
	}
	return all
}

func anchorRune(r rune) rune {
	switch {
	case r == ' ':
		return '-'
	case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
		return unicode.ToLower(r)
	}
	return -1
}

// codeBlocks returns the fenced blocks of a page that are in a language.
func codeBlocks(page, language string) []string {
	blocks := strings.Split(page, "```"+language+"\n")[1:]
	for i := range blocks {
		blocks[i], _, _ = strings.Cut(blocks[i], "```")
	}
	return blocks
}

// withoutCode returns a page without its fenced blocks.
func withoutCode(page string) string {
	parts := strings.Split(page, "```")
	var text strings.Builder
	for i := 0; i < len(parts); i += 2 {
		text.WriteString(parts[i])
	}
	return text.String()
}

func isProgram(block string) bool { return strings.HasPrefix(block, "package ") }

// bare returns a line without what is before and after its code.
func bare(line string) string {
	code, _, _ := strings.Cut(line, " //")
	return strings.TrimSpace(code)
}

// files returns the files of the repository with an extension, except those that
// tools create.
func files(t *testing.T, extension string) []string {
	t.Helper()
	var found []string
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git" || entry.Name() == "bin"):
			return filepath.SkipDir
		case filepath.Ext(path) == extension && !entry.IsDir():
			found = append(found, filepath.ToSlash(path))
		}
		return nil
	}))
	return found
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(data)
}
