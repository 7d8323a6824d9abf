package scenario_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/store/storetest"
)

// reference matches a test in docs/promises.md: its package, and the test or a check of
// package storetest.
var reference = regexp.MustCompile("`([a-z/]+): ([^`]+)`")

func TestPromises_EachIsProvedByATestThatExists(t *testing.T) {
	t.Parallel()
	const root = "../.."
	data, err := os.ReadFile(filepath.Join(root, "docs", "promises.md"))
	require.NoError(t, err)
	tests := testsByPackage{root: root, names: map[string][]string{}}
	promises := 0
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "| what") || strings.HasPrefix(line, "| ---") {
			continue
		}
		promises++
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		require.Len(t, cells, 2, line)
		references := reference.FindAllStringSubmatch(cells[1], -1)
		assert.NotEmpty(t, references, "no test proves %q", cells[0])
		rest := reference.ReplaceAllString(cells[1], "")
		assert.Empty(t, strings.Trim(rest, ", "), "cannot be parsed: %s", line)
		for _, r := range references {
			assert.True(t, slices.Contains(tests.of(t, r[1]), r[2]), "%s has no test %q, which proves: %s", r[1], r[2], cells[0])
		}
	}
	assert.Greater(t, promises, 20)
}

// testsByPackage finds the tests of packages, and caches them.
type testsByPackage struct {
	root  string
	names map[string][]string
}

func (p testsByPackage) of(t *testing.T, pkg string) []string {
	t.Helper()
	if names, ok := p.names[pkg]; ok {
		return names
	}
	folder := filepath.Join(p.root, pkg)
	if pkg == "automation" {
		folder = p.root
	}
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	require.NoError(t, err)
	names := []string{}
	for _, file := range files {
		names = append(names, testsOf(t, file)...)
	}
	if pkg == "store/storetest" {
		for _, c := range storetest.Checks() {
			names = append(names, c.Name)
		}
	}
	p.names[pkg] = names
	return names
}

// testsOf returns the names of the test functions in a file.
func testsOf(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	var names []string
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
			names = append(names, fn.Name.Name)
		}
	}
	return names
}
