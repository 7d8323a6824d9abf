package main

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
)

// shippedFiles are embedded, so that the program works in any folder.
//
//go:embed *.json *.jsonl
var shippedFiles embed.FS

// shipped are the flows to choose from.
var shipped = []struct{ name, automation, events string }{
	{"welcome", "automation.json", "events.jsonl"},
	{"payment_recovery", "payment_recovery.json", "payment_recovery.jsonl"},
	{"trial_expiration", "trial_expiration.json", "trial_expiration.jsonl"},
}

// allFlows is the name for all flows together.
const allFlows = "all"

// The endings of file names.
const (
	extAutomation = ".json"
	extEvents     = ".jsonl"
)

// scene holds the automations and the lines to play.
type scene struct {
	automations []automationFile
	lines       []line // in order of time
}

type automationFile struct {
	path       string
	automation automation.Automation
	problems   automation.Problems
}

// load reads the files of the command line, or the shipped ones in their place.
func load(o options) (scene, error) {
	automations, events := o.sources()
	var s scene
	var errs []error
	for _, p := range automations {
		f, err := p.automation()
		s.automations = append(s.automations, f)
		errs = append(errs, err)
	}
	for _, p := range events {
		lines, err := p.lines(o.start)
		s.lines = append(s.lines, lines...)
		errs = append(errs, err)
	}
	slices.SortStableFunc(s.lines, func(a, b line) int { return cmp.Compare(a.at, b.at) })
	return s, errors.Join(errs...)
}

// file is a file to be read.
type file struct {
	path string
	read func(path string) ([]byte, error)
}

// sources returns the files to read.
func (o options) sources() (automations, events []file) {
	for _, path := range o.files {
		if filepath.Ext(path) == extAutomation {
			automations = append(automations, file{path, os.ReadFile})
		} else {
			events = append(events, file{path, os.ReadFile})
		}
	}
	ownAutomations, ownEvents := len(automations) > 0, len(events) > 0
	for _, f := range shipped {
		if o.flow != f.name && o.flow != allFlows {
			continue
		}
		if !ownAutomations {
			automations = append(automations, file{f.automation, shippedFiles.ReadFile})
		}
		if !ownEvents {
			events = append(events, file{f.events, shippedFiles.ReadFile})
		}
	}
	return automations, events
}

// automation reads an automation. Its errors name the file, and the path in the JSON.
func (f file) automation() (automationFile, error) {
	data, err := f.read(f.path)
	if err != nil {
		return automationFile{}, err
	}
	a, err := automation.Parse(data, nil)
	if err != nil {
		return automationFile{}, located(f.path, err)
	}
	a.ID, a.Status = f.path, automation.StatusEnabled
	problems := automation.Validate(a, automation.ValidateOptions{})
	return automationFile{f.path, a, problems}, located(f.path, problems.Err(a.Name))
}

// warnings lists the warnings about the automations, one a line.
func (s scene) warnings() string {
	var b strings.Builder
	for _, f := range s.automations {
		for _, p := range f.problems.Warnings() {
			fmt.Fprintf(&b, "%s: warning: %s\n", f.path, pointed(p))
		}
	}
	return b.String()
}

// located returns err with where before each of its problems, one a line.
func located(where string, err error) error {
	var invalid *automation.ValidationError
	if !errors.As(err, &invalid) {
		if err != nil {
			err = fmt.Errorf("%s: %w", where, err)
		}
		return err
	}
	lines := make([]string, len(invalid.Problems))
	for i, p := range invalid.Problems {
		lines[i] = where + ": " + pointed(p)
	}
	return errors.New(strings.Join(lines, "\n"))
}

// pointed returns the problem after its path in the JSON.
func pointed(p automation.Problem) string {
	text := p.String()
	if p.Path == "" || strings.HasPrefix(text, p.Path+":") {
		return text
	}
	return p.Path + ": " + text
}
