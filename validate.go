package automation

import (
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// ValidateOptions say what an automation is checked against. The zero value
// works.
type ValidateOptions struct {
	// Registry knows the custom step types. Nil knows none, so that every
	// custom step is an unknown type.
	Registry *Registry
	// Limits bound the automation; zero fields are the defaults.
	Limits Limits
}

// Validate returns everything that is wrong with a, in the order of the
// document: errors, which reject it, and warnings, which do not. It returns nil
// if there is nothing to say.
//
// Where one mistake makes another check meaningless, only the mistake is
// reported: without exactly one trigger, for instance, no step is called
// unreachable. The steps and connections of an automation with more steps than
// the limit are not looked at, so that none is expensive to refuse.
func Validate(a Automation, opts ValidateOptions) Problems {
	v := validator{automation: a, registry: opts.Registry, limits: opts.Limits.withDefaults()}
	v.validateHead()
	if len(a.Steps) > v.limits.Steps {
		v.errorf(CodeLimit, "steps", "the automation has %d steps, the limit is %d: split it, "+
			"and let an event start the second part", len(a.Steps), v.limits.Steps)
		return v.problems
	}
	v.graph = newStepGraph(a)
	v.waitNames = v.graph.waitNames()
	v.live = v.graph.live()
	if v.graph.triggers == 0 {
		v.errorf(CodeNoTrigger, "steps", "no step starts a run: make the first step a trigger")
	}
	for i := range a.Steps {
		c := stepValidator{&v, i, a.Steps[i].Key}
		c.validate()
	}
	v.validateConnections()
	return v.problems
}

// validator holds what the checks of one automation share.
type validator struct {
	automation Automation
	registry   *Registry
	limits     Limits
	graph      *stepGraph
	live       []bool    // steps that some run can come to
	waitNames  []string  // the events that the graph waits for
	flow       *waitFlow // made when the first reference needs it
	problems   Problems
}

func (v *validator) errorf(code Code, path, format string, args ...any) {
	v.problems.Add(code, path, format, args...)
}

// headProblems reports what is wrong with an automation, its graph aside.
func headProblems(a Automation) Problems {
	v := validator{automation: a}
	v.validateHead()
	return v.problems
}

func (v *validator) validateHead() {
	a := v.automation
	if flaw := idFlaw(a.ID); flaw != "" {
		v.errorf(CodeInvalidName, "id", "the id %s %s", jsondoc.Quote(a.ID), flaw)
	}
	if a.Name == "" {
		v.errorf(CodeInvalidName, "name", "the automation has no name: give it one of at least one character")
	} else if flaw := textFlaw(a.Name); flaw != "" {
		v.errorf(CodeInvalidName, "name", "the name %s %s", jsondoc.Quote(a.Name), flaw)
	}
	switch a.Status {
	case "", StatusEnabled, StatusDisabled:
	default:
		v.errorf(CodeInvalidStatus, "status", "status %s is unknown: use %q or %q", jsondoc.Quote(a.Status), StatusEnabled, StatusDisabled)
	}
}
