package automation

import (
	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/schema"
)

// ValidateOptions tune Validate. The zero value works.
type ValidateOptions struct {
	// Registry has the custom step types. Without it, every custom step has an
	// unknown type.
	Registry *Registry
	// Limits bound the automation. A zero field means the default.
	Limits Limits
	// Definitions are those of the events that the automation reads. With them,
	// Validate warns about fields that a definition does not declare, and about
	// comparisons that cannot be right for a declared type. An event without a
	// definition or without a schema can have any fields.
	Definitions []EventDefinition
}

// Validate returns all problems in a. An error makes the automation invalid, a warning
// does not. Validate returns nil if there are no problems.
//
// Problems are in the order of the document, but causes come first: a step that no path
// leads to, a missing branch, and a reference to an event that no wait before it received, or
// to the output of a step that is not before it, follow all other problems. What a mistake explains is no problem of its own. If a
// connection names an unknown step, for instance, Validate does not report the steps that
// no path leads to for that reason. Without exactly one trigger it reports no unreachable
// steps at all.
//
// No automation is expensive to refuse: if there are more steps than the limit, Validate
// reports this, and does not look at the steps and connections.
func Validate(a Automation, opts ValidateOptions) Problems {
	v := validator{automation: a, registry: opts.Registry, limits: opts.Limits.withDefaults(), schemas: schemasOf(opts.Definitions)}
	v.validateHead()
	if len(a.Steps) > v.limits.Steps {
		v.errorf(CodeLimit, "steps", "the automation has %d steps, the limit is %d: split it, "+
			"and let an event start the second part", len(a.Steps), v.limits.Steps)
		return v.problems
	}
	v.graph = newStepGraph(a)
	v.meant = v.guess()
	v.strays = v.unreachable()
	v.names = &pathNames{waits: v.graph.waitNames(), steps: v.graph.keys(a.Steps)}
	v.live = v.graph.live()
	if v.graph.triggers == 0 {
		v.errorf(CodeNoTrigger, "steps", "no step starts a run: make the first step a trigger")
	}
	for i := range a.Steps {
		c := stepValidator{&v, i, a.Steps[i].Key}
		c.validate()
	}
	v.validateConnections()
	v.validateFrame()
	return causesFirst(v.problems)
}

// validator holds the state that the validation of one automation shares.
type validator struct {
	automation Automation
	registry   *Registry
	limits     Limits
	graph      *stepGraph
	meant      *stepGraph  // graph without misspelt keys: graph itself if there are none
	strays     map[int]int // what unreachable returns
	live       []bool      // by step: whether a run can reach it
	names      *pathNames
	flows      []*waitFlow // of graph and of meant; nil until the first reference needs them
	orders     []*stepFlow // of graph and of meant; nil until the first reference needs them
	obscure    []bool      // by step, set with flows and with orders: whether obscured
	problems   Problems

	schemas       map[string]*schema.Schema // by event
	fieldWarnings int                       // about fields of events, so far
}

func (v *validator) errorf(code Code, path, format string, args ...any) {
	v.problems.Add(code, path, format, args...)
}

// headProblems returns the problems in an automation, except those in its graph.
func headProblems(a Automation) Problems {
	v := validator{automation: a}
	v.validateHead()
	return v.problems
}

func (v *validator) validateHead() {
	a := v.automation
	if flaw := resourceFlaw(a.ID); flaw != "" {
		v.errorf(CodeInvalidName, "id", "the id %s %s", jsondoc.Quote(a.ID), flaw)
	}
	if a.Name == "" {
		v.errorf(CodeInvalidName, "name", "the automation has no name: give it one of at least one character")
	} else if flaw := textFlaw(a.Name); flaw != "" {
		v.errorf(CodeInvalidName, "name", "the name %s %s", jsondoc.Quote(a.Name), flaw)
	}
	for _, p := range a.Retry.problems() {
		v.errorf(p.Code, jsondoc.Join("retry", p.Path), "%s", p.Message)
	}
	switch a.Status {
	case "", StatusEnabled, StatusDisabled:
	default:
		v.errorf(CodeInvalidStatus, "status", "status %s is unknown: use %q or %q", jsondoc.Quote(a.Status), StatusEnabled, StatusDisabled)
	}
}
