package automation

import (
	"errors"
	"maps"
	"slices"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

func (c *stepValidator) validateValues(path string, values map[string]Value) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		member, v := string(jsondoc.AppendKey([]byte(path), name)), values[name]
		if name == "" {
			c.errorf(CodeInvalidConfig, path, "a name is empty: give every value a name")
		}
		if v.IsZero() {
			c.errorf(CodeInvalidConfig, member, "%s has no value: give one, or null", jsondoc.Quote(name))
		}
		c.validateText(path, "name", name)
		c.validateValue(member, v)
	}
}

// validateValue validates a literal or a reference. It accepts an absent value.
func (c *stepValidator) validateValue(path string, v Value) {
	if err := v.err(); err != nil {
		c.errorf(CodeInvalidConfig, path, "%s", err)
		return
	}
	if _, ok := v.FromNow(); ok {
		c.errorf(CodeInvalidConfig, path, "%s is a time, which only rules compare with: give a literal or a reference", jsondoc.Shorten(v.String()))
	}
	if ref, ok := v.Ref(); ok {
		c.validateReference(path, ref)
	}
	if v.kind == valueString {
		c.validateLiteral(path, v.text)
	}
}

func (c *stepValidator) validateReference(path, ref string) {
	p, err := compilePath(ref, c.names)
	switch {
	case errors.Is(err, errNotWaitedFor):
		c.errorf(CodeWaitNeverBefore, path, "%s", err)
	case err != nil:
		c.errorf(CodeInvalidReference, path, "%s", err)
	}
	if err == nil {
		c.validateEarlier(path, p)
		c.validateField(path, p, c.graph.triggerEvent())
	}
}

// validateEarlier checks that what p reads of earlier steps is there when a run reaches the
// step.
func (c *stepValidator) validateEarlier(path string, p path) {
	switch {
	case c.i == noStep || !c.graph.reached[c.i]:
	case p.scope == scopeWaitEvents:
		c.validateWaitedFor(path, p)
	case p.scope == scopeSteps:
		c.validateOutput(path, p)
	}
}

// validateWaitedFor checks that a run has received the event whose payload p reads
// when it reaches the step.
func (c *stepValidator) validateWaitedFor(path string, p path) {
	switch c.reception(p.name) {
	case notWaitedFor:
		c.errorf(CodeWaitNeverBefore, path, "%s reads event %q, which no step before this one waits for: "+
			"put a wait_for_event before it", jsondoc.Quote(p.text), p.name)
	case receivedNever:
		c.warnf(CodeWaitSometimesBefore, path, "%s reads event %q, which is received on no path to the step: "+
			"it is always absent, so read it where the event was received", jsondoc.Quote(p.text), p.name)
	case receivedSometimes:
		c.warnf(CodeWaitSometimesBefore, path, "%s reads event %q, which is not received on every path to the step: "+
			"it can be absent", jsondoc.Quote(p.text), p.name)
	}
}

// isObscured reports whether a mistake in a connection hides what comes before the step.
func (c *stepValidator) isObscured() bool {
	if c.obscure == nil {
		c.obscure = c.obscured()
	}
	return c.obscure[c.i]
}

// reception returns the reception of the event on the paths to the step, or on the paths
// that are meant if these are better.
func (c *stepValidator) reception(event string) reception {
	if c.flows == nil {
		c.flows = []*waitFlow{newWaitFlow(c.graph, c.names.waits), nil}
		c.flows[1] = c.flows[0]
		if c.meant != c.graph {
			c.flows[1] = newWaitFlow(c.meant, c.names.waits)
		}
	}
	if c.isObscured() {
		return receivedAlways
	}
	return min(c.flows[0].at(c.i, event), c.flows[1].at(c.i, event))
}
