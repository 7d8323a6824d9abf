// Command check reports each use of a name in the root package that breaks the order of
// its families of files. docs/design.md explains the families. Run the command in the
// root of the module.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/seed-b636437c/automation/internal/families"
)

// order has the families in their order of dependence: a family uses names of its own
// and of the families above.
var order = []families.Family{
	{Name: "model", Patterns: []string{
		"automation", "decision", "send_event", "step", "branch", "split", "local_time", "zone", "window", "delay_until", "listener", "wait_for_any", "entry*", "exit", "rule*", "value", "duration", "event", "contact*", "run", "page", "retry", "problem", "errors"}},
	{Name: "decode", Patterns: []string{"decode*", "registry"}},
	{Name: "validate", Patterns: []string{"validate*"}},
	{Name: "machine", Patterns: []string{"graph", "machine*", "effect", "output", "state*"}},
	{Name: "plugs", Patterns: []string{"store*", "mailer", "observer", "options*", "guard"}},
	{Name: "runner", Patterns: []string{"runner", "cache*", "log"}},
	{Name: "turn", Patterns: []string{"turn*"}},
	{Name: "task", Patterns: []string{"task*", "lease"}},
	{Name: "worker", Patterns: []string{"worker*", "drain"}},
	{Name: "calls", Patterns: []string{"runner_*"}},
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	open, err := exportData(".")
	if err != nil {
		return err
	}
	uses, err := families.Check(".", order, open)
	if err != nil {
		return err
	}
	for _, u := range uses {
		fmt.Fprintln(os.Stderr, u)
	}
	if len(uses) > 0 {
		return fmt.Errorf("%d uses break the order of the families", len(uses))
	}
	return nil
}

// exportData returns a function that opens the export data of the packages that the
// package in dir imports. The go command builds these packages.
func exportData(dir string) (func(path string) (io.ReadCloser, error), error) {
	list := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}", dir)
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		files[path] = file
	}
	return func(path string) (io.ReadCloser, error) { return os.Open(files[path]) }, nil
}
