package automation

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// frameProblems returns the problems in an automation, except those in its graph: in its name,
// its status, its policy, its entry and its exit.
func frameProblems(a Automation, limits Limits) Problems {
	v := validator{automation: a, limits: limits.withDefaults()}
	v.validateHead()
	v.graph = newStepGraph(a)
	v.names = &pathNames{waits: v.graph.waitNames(), steps: v.graph.keys(a.Steps)}
	v.validateFrame()
	return v.problems
}

// validateFrame validates what decides about runs besides the graph.
func (v *validator) validateFrame() {
	c := &stepValidator{v, noStep, ""}
	if e := v.automation.Entry.given(); e != nil {
		c.validateEntry(*e)
	}
	if x := v.automation.Exit.given(); x != nil {
		c.validateExit(*x)
	}
	c.validateResets()
}

// validateOuterRule validates a rule that is evaluated without a step, and reads only these
// scopes. where completes "is not known".
func (c *stepValidator) validateOuterRule(path string, r Rule, event, where string, scopes ...pathScope) {
	c.validateScopes(path, r, where, scopes)
	c.validateRule(path, r, event)
}

// validateScopes reports the paths of a rule that begin with none of the scopes.
func (c *stepValidator) validateScopes(path string, r Rule, where string, scopes []pathScope) {
	for i, member := range r.Rules {
		c.validateScopes(fmt.Sprintf("%s.rules[%d]", path, i), member, where, scopes)
	}
	if r.Field != "" {
		c.validateScope(jsondoc.Join(path, "field"), r.Field, where, scopes)
	}
	if ref, ok := r.Value.Ref(); ok {
		c.validateScope(jsondoc.Join(path, "value"), ref, where, scopes)
	}
}

func (c *stepValidator) validateScope(at, text, where string, scopes []pathScope) {
	p, err := compilePath(text, c.names)
	if errors.Is(err, errNotWaitedFor) {
		p.scope = scopeWaitEvents
	} else if err != nil {
		return // a problem of its own
	}
	if slices.Contains(scopes, p.scope) {
		return
	}
	var names []string
	for _, s := range scopes {
		names = append(names, strconv.Quote(scopeNames[scopeIndex(s)]+"."))
	}
	c.errorf(CodeInvalidReference, at, "%s is not known %s: the path must begin with %s", jsondoc.Quote(text), where, strings.Join(names, " or "))
}

// scopeIndex returns the index of the scope's name in scopeNames.
func scopeIndex(s pathScope) int {
	return slices.Index([]pathScope{scopeEvent, scopeTrigger, scopeContact, scopeWaitEvents, scopeSteps, scopeRun}, s)
}
