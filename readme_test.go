package automation_test

import (
	"os"
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
	for _, command := range []string{"go run ./examples/welcome", "go test -race -shuffle=on ./..."} {
		assert.Contains(t, readme, "\n"+command+" ")
		assert.Contains(t, makefile, "\t"+command+"\n")
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(data)
}
