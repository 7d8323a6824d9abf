package automation

import (
	"fmt"
	"slices"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// validateConnections validates each connection, and compares it with those before.
func (v *validator) validateConnections() {
	taken := outlets{first: make(map[outlet]int, len(v.automation.Connections))}
	for i, conn := range v.automation.Connections {
		c := connectionValidator{v, i, conn, v.graph.ends[i]}
		c.validateEnds()
		c.validateType()
		if c.ends.from >= 0 && c.ends.to >= 0 {
			c.validateOutlet(&taken)
		}
	}
}

// connectionValidator validates one connection.
type connectionValidator struct {
	*validator
	i          int
	connection Connection
	ends       ends
}

// report adds a problem. The path begins at the connection.
func (c *connectionValidator) report(severity Severity, code Code, path, format string, args ...any) {
	connection := c.connection
	c.problems = append(c.problems, Problem{
		Severity:   severity,
		Code:       code,
		Path:       jsondoc.Join(fmt.Sprintf("connections[%d]", c.i), path),
		Connection: &connection,
		Message:    fmt.Sprintf(format, args...),
	})
}

func (c *connectionValidator) errorf(code Code, path, format string, args ...any) {
	c.report(SeverityError, code, path, format, args...)
}

func (c *connectionValidator) warnf(code Code, path, format string, args ...any) {
	c.report(SeverityWarning, code, path, format, args...)
}

func (c *connectionValidator) validateEnds() {
	if c.ends.from < 0 {
		c.errorf(CodeUnknownStep, "from", "%s", c.unknownStep(c.connection.From, c.meant.ends[c.i].from))
	}
	switch {
	case c.ends.to < 0:
		c.errorf(CodeUnknownStep, "to", "%s", c.unknownStep(c.connection.To, c.meant.ends[c.i].to))
	case c.ends.to == c.ends.from:
		c.errorf(CodeSelfConnection, "to", "a step cannot lead to itself: connect it to another step")
	case c.ends.to == c.graph.trigger:
		c.errorf(CodeConnectionToTrigger, "to", "nothing can lead to the trigger, which starts the run: "+
			"connect to another step")
	}
}

// validateType checks that the step at the start of the connection can have an
// outcome of the connection's type.
func (c *connectionValidator) validateType() {
	if c.ends.from < 0 {
		return
	}
	typ := c.connection.Type.orDefault()
	branches, ok := c.branches(c.ends.from)
	if ok && !slices.Contains(branches, typ) {
		c.errorf(CodeConnectionType, "type", "a step of type %q has no connection of type %s: %s",
			c.graph.types[c.ends.from], jsondoc.Quote(typ), branchHint(typ, branches))
		return
	}
	switch wait := c.graph.configs[c.ends.from].(type) {
	case WaitForEvent:
		c.validateTimeoutOf(wait.Timeout)
		if typ == ConnectionDefault {
			c.validateTaken(wait)
		}
	case WaitForAny:
		c.validateTimeoutOf(wait.Timeout)
		c.validateTakenOfAny(wait)
	}
}

// validateTimeoutOf refuses a connection for the timeout of a wait without one.
func (c *connectionValidator) validateTimeoutOf(timeout Duration) {
	if c.connection.Type == ConnectionTimeout && timeout.IsZero() {
		c.errorf(CodeTimeoutConnectionWithoutTimeout, "type", "the wait never times out: give step %s a timeout, "+
			"or remove the connection", jsondoc.Quote(c.connection.From))
	}
}

// validateTaken warns about the default connection of a wait that has a connection of
// its own for every outcome.
func (c *connectionValidator) validateTaken(wait WaitForEvent) {
	timesOut := !wait.Timeout.IsZero() && !c.graph.hasBranch(c.ends.from, ConnectionTimeout)
	if !timesOut && c.graph.hasBranch(c.ends.from, ConnectionEventReceived) {
		c.warnNeverTaken()
	}
}

func (c *connectionValidator) warnNeverTaken() {
	c.warnf(CodeNeverTaken, "", "the connection is never taken, because step %s has another one for all that can happen: "+
		"remove it", jsondoc.Quote(c.connection.From))
}

var (
	conditionBranches = []ConnectionType{ConnectionConditionMet, ConnectionConditionNotMet}
	waitBranches      = []ConnectionType{ConnectionEventReceived, ConnectionTimeout, ConnectionDefault}
	untilBranches     = []ConnectionType{ConnectionDefault, ConnectionPast}
	defaultBranch     = []ConnectionType{ConnectionDefault}
)

// branches returns the outcomes of step i. The second result is false if they are unknown.
func (v *validator) branches(i int) ([]ConnectionType, bool) {
	if t := v.graph.types[i]; !hasNamedOutcomes(t) {
		return outcomes(t, v.registry)
	}
	return namedOutcomes(v.graph.configs[i])
}

// outcomes returns the outcomes that all steps of type t have. The second result is false for
// an unknown type.
func outcomes(t StepType, registry *Registry) ([]ConnectionType, bool) {
	switch {
	case t == TypeCondition:
		return conditionBranches, true
	case t == TypeWaitForEvent || t == TypeWaitForAny:
		return waitBranches, true
	case t == TypeDelayUntil:
		return untilBranches, true
	case isBuiltin(t):
		return defaultBranch, true
	}
	kind, ok := registry.lookup(t)
	if !ok {
		return nil, false
	}
	return kind.outcomes(), true
}

// outlet is an outcome of a step, at which a connection can start.
type outlet struct {
	from int
	typ  ConnectionType
}

type outletTarget struct {
	outlet
	to int
}

// outlets records the targets of the connections so far. Only a mistake gives an
// outlet a second connection, so more is usually empty.
type outlets struct {
	first map[outlet]int        // the target of the first connection
	more  map[outletTarget]bool // the further connections
}

// validateOutlet checks that no earlier connection starts at the same outlet.
func (c *connectionValidator) validateOutlet(taken *outlets) {
	out := outlet{c.ends.from, c.connection.Type.orDefault()}
	first, ok := taken.first[out]
	if !ok {
		taken.first[out] = c.ends.to
		return
	}
	target := outletTarget{out, c.ends.to}
	if first == c.ends.to || taken.more[target] {
		c.errorf(CodeDuplicateConnection, "", "the connection is there twice: remove one")
		return
	}
	if taken.more == nil {
		taken.more = map[outletTarget]bool{}
	}
	taken.more[target] = true
	c.errorf(CodeAmbiguousConnection, "type", "a connection of type %s leads from step %s to step %s already: "+
		"a step has one connection for each outcome",
		jsondoc.Quote(out.typ), jsondoc.Quote(c.connection.From), jsondoc.Quote(c.automation.Steps[first].Key))
}
