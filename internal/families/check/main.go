// Command check holds the root package to the order of its families of files, which
// docs/design.md explains. Run it in the root of the module.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/seed-b636437c/automation/internal/families"
)

// order is the order of dependence: a family uses itself and those above it.
var order = []families.Family{
	{Name: "what a person writes", Patterns: []string{
		"automation", "step", "rule*", "value", "duration", "event", "contact", "run", "problem", "errors"}},
	{Name: "reading it", Patterns: []string{"decode*", "registry"}},
	{Name: "what is wrong with it", Patterns: []string{"validate*"}},
	{Name: "the machine", Patterns: []string{"graph", "machine*", "effect", "output", "state*", "retry"}},
	{Name: "what a host plugs in", Patterns: []string{"store", "mailer", "observer", "options"}},
	{Name: "the Runner itself", Patterns: []string{"runner", "cache"}},
	{Name: "the work on a contact", Patterns: []string{"task*", "lease"}},
	{Name: "doing it", Patterns: []string{"worker*", "drain"}},
	{Name: "what a host calls", Patterns: []string{"runner_*"}},
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

// exportData returns what opens the export data of the packages that the one in dir
// imports. The go command builds them.
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
