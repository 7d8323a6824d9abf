package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// anyType is the value of --custom that accepts every custom step type.
const anyType = "any"

func validateCommand() command {
	var o validateOptions
	return command{
		name: "validate", arguments: "[FILE…]", offline: true,
		summary: "report the problems in flow files, without a database",
		about: `Reports every problem in flow files, which are documents of Resend's create-automation call,
with its line and column. It needs neither a database nor your application, so it suits CI.
Without a file, or for the file "-", it reads the standard input.

Errors make a file invalid, and the exit status 1. Warnings do not, unless --strict is given.

The step types of your application have a dot in their names, such as acme.slack. This tool
cannot know them. Name those that exist with --custom, so that a misspelled one is an error.
Their configs are not looked at.`,
		examples: []example{
			{"validate all flows of a repository", "validate flows/*.json"},
			{"with the step types of your application", "validate --custom acme.slack,acme.crm flow.json"},
			{"what a program prints", "validate --strict - < flow.json"},
		},
		define: o.define,
		run:    o.run,
	}
}

type validateOptions struct {
	custom string
	strict bool
}

func (o *validateOptions) define(f *flag.FlagSet) {
	f.StringVar(&o.custom, "custom", "", "accept these custom step `types`, separated by commas, or \"any\" with a dot in its name")
	f.BoolVar(&o.strict, "strict", false, "make warnings problems")
}

// validation is the result for one file.
type validation struct {
	Object   string              `json:"object"`
	File     string              `json:"file"`
	Valid    bool                `json:"valid"`
	Problems automation.Problems `json:"problems"`

	doc   *jsondoc.Doc // nil if the file is not JSON
	steps int
}

func (o *validateOptions) run(_ context.Context, c *call) error {
	files := c.args
	if len(files) == 0 {
		files = []string{"-"}
	}
	all := automation.Page[validation]{}
	failed := false
	for _, file := range files {
		v, err := o.validate(c.Stdin, file)
		if err != nil {
			return err
		}
		failed = failed || !v.Valid || o.strict && len(v.Problems) > 0
		all.Data = append(all.Data, v)
	}
	if err := c.printValidations(all); err != nil {
		return err
	}
	if failed {
		return errProblems
	}
	return nil
}

// validate validates one file. The error is one of reading it.
func (o *validateOptions) validate(stdin io.Reader, file string) (validation, error) {
	v := validation{Object: "validation", File: file}
	data, err := readFile(stdin, file)
	if err != nil {
		return v, err
	}
	v.doc, _ = jsondoc.Scan(data) // UnmarshalJSON reports the error
	var a automation.Automation
	var invalid *automation.ValidationError
	switch err := a.UnmarshalJSON(data); {
	case errors.As(err, &invalid):
		v.Problems = invalid.Problems
	case err != nil:
		return v, fmt.Errorf("%s: %w", file, err)
	default:
		v.Problems = automation.Validate(a, automation.ValidateOptions{})
	}
	v.Problems = o.judge(a, v.Problems)
	v.Valid, v.steps = len(v.Problems.Errors()) == 0, len(a.Steps)
	return v, nil
}

// judge returns the problems without those about step types that --custom accepts. For
// others that may exist, it adds how to accept them.
func (o *validateOptions) judge(a automation.Automation, found automation.Problems) automation.Problems {
	kept := automation.Problems{}
	for _, p := range found {
		name := customType(a, p)
		if name != "" && (o.custom == anyType || slices.Contains(list(o.custom), name)) {
			continue
		}
		if name != "" {
			p.Message = fmt.Sprintf("step type %q is unknown to this tool: if your application registers it, add --custom %s", name, name)
		}
		kept = append(kept, p)
	}
	return kept
}

// customType returns the step type that p reports as unknown, if it may be a type of an
// application.
func customType(a automation.Automation, p automation.Problem) string {
	if p.Code != automation.CodeUnknownType {
		return ""
	}
	for _, s := range a.Steps {
		if raw, ok := s.Config.(automation.RawConfig); ok && s.Key == p.Step && strings.Contains(string(raw.Type), ".") {
			return string(raw.Type)
		}
	}
	return ""
}

func readFile(stdin io.Reader, file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(file)
}

func (c *call) printValidations(all automation.Page[validation]) error {
	if c.json {
		return c.printJSON(listingOf(all))
	}
	for _, v := range all.Data {
		for _, p := range v.Problems {
			c.printf("%s: %s %s: %s\n", v.place(p), p.Severity, p.Code, clean(p.String()))
		}
		if v.Valid {
			c.printf("%s: valid, %s\n", v.name(), plural(v.steps, "step"))
		}
	}
	return nil
}

// name returns how messages name the file.
func (v validation) name() string {
	if v.File == "-" {
		return "standard input"
	}
	return v.File
}

// place returns where a problem is in the form that editors and CI link to, such as
// flow.json:12:7.
func (v validation) place(p automation.Problem) string {
	if v.doc == nil || p.Path == "" {
		return v.name()
	}
	line, column := v.doc.Position(v.doc.Find(p.Path))
	return fmt.Sprintf("%s:%d:%d", v.name(), line, column)
}
