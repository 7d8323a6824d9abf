package automation

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

func (c *stepValidator) validateWaitForAny(wait WaitForAny) {
	const events, resets = "config.events", "config.reset_on"
	c.validateDuration("timeout", wait.Timeout, "connect the timeout of this wait to a second wait for the rest")
	if len(wait.Events) == 0 {
		c.errorf(CodeMissingField, events, "the step waits for no event: give at least one, with an event_name")
	}
	if len(wait.ResetOn) > 0 && wait.Timeout.IsZero() {
		c.errorf(CodeMissingField, "config.timeout", "reset_on puts off the end of the wait, which has none: give the wait a timeout")
	}
	if !c.areBounded(events, wait.Events) || !c.areBounded(resets, wait.ResetOn) {
		return
	}
	first := map[string]int{}
	for i, l := range wait.Events {
		at := fmt.Sprintf("%s[%d]", events, i)
		c.validateListener(at, l)
		if l.Name != "" {
			c.validateBranchName(at, "event", l.Name, i, first)
		}
		if n := slices.IndexFunc(wait.Events[:i], l.isCoveredBy); n >= 0 {
			c.warnf(CodeDuplicateListener, at, "event %d of the step matches all that this one does, so this one never wins: remove one of them", n+1)
		}
	}
	for i, l := range wait.ResetOn {
		at := fmt.Sprintf("%s[%d]", resets, i)
		c.validateListener(at, l)
		if l.Name != "" {
			c.errorf(CodeInvalidConfig, jsondoc.Join(at, "name"), "a reset has no name, because it leads nowhere: remove the name, "+
				"or put the event into events if it is to end the wait")
		}
		switch n := slices.IndexFunc(wait.Events, l.isCoveredBy); {
		case n >= 0:
			c.warnf(CodeDuplicateListener, at, "event %d of the step matches all that this one does and ends the wait, "+
				"so this one never resets it: remove one of them", n+1)
		case slices.ContainsFunc(wait.ResetOn[:i], l.isCoveredBy):
			c.warnf(CodeDuplicateListener, at, "an earlier reset matches all that this one does: remove this one")
		}
	}
}

// areBounded reports whether there are not too many listeners at path.
func (c *stepValidator) areBounded(path string, listeners []Listener) bool {
	if n := len(listeners); n > c.limits.Listeners {
		c.errorf(CodeLimit, path, "the step has %d, the limit is %d: raise Limits.Listeners, or wait for one event that the "+
			"application sends in the place of several", n, c.limits.Listeners)
		return false
	}
	return true
}

// isCoveredBy reports whether every event that l matches certainly matches other too.
func (l Listener) isCoveredBy(other Listener) bool {
	if l.EventName == "" || l.EventName != other.EventName {
		return false
	}
	if !other.FilterRule.IsZero() && !reflect.DeepEqual(l.FilterRule, other.FilterRule) {
		return false
	}
	return !slices.ContainsFunc(other.Match, func(m Match) bool { return !slices.ContainsFunc(l.Match, m.means) })
}

// means reports whether both compare the same fields.
func (m Match) means(other Match) bool {
	event, run := m.paths()
	otherEvent, otherRun := other.paths()
	return event == otherEvent && run == otherRun
}

// leadsOn returns the outcome whose connection a run takes from the wait at step i after an
// event of a listener with this name. The second result is false if the run completes.
func (g *stepGraph) leadsOn(i int, name string) (ConnectionType, bool) {
	for _, typ := range []ConnectionType{ConnectionType(name), ConnectionEventReceived, ConnectionDefault} {
		if typ != "" && g.hasBranch(i, typ) {
			return typ, true
		}
	}
	return "", false
}

// timesOutTo returns the outcome whose connection a run takes from the wait at step i after
// its timeout. The second result is false if the run fails, or never times out.
func (g *stepGraph) timesOutTo(i int, timeout Duration) (ConnectionType, bool) {
	for _, typ := range []ConnectionType{ConnectionTimeout, ConnectionDefault} {
		if !timeout.IsZero() && g.hasBranch(i, typ) {
			return typ, true
		}
	}
	return "", false
}

// validateAnyTargets warns about events that lead nowhere, and about a wait whose outcome makes
// no difference.
func (c *stepValidator) validateAnyTargets(wait WaitForAny) {
	if c.hasForeignConnection(wait.Outcomes()) {
		return
	}
	for i, l := range wait.followed() {
		if _, ok := c.meant.leadsOn(c.i, l.Name); !ok && l.Name != "" {
			c.warnf(CodeBranchUnconnected, fmt.Sprintf("config.events[%d]", i), "the run ends after this event: add a connection of type %s, %q or %q "+
				"unless that is meant", jsondoc.Quote(l.Name), ConnectionEventReceived, ConnectionDefault)
		}
	}
	var taken []ConnectionType
	for _, l := range wait.followed() {
		typ, ok := c.graph.leadsOn(c.i, l.Name)
		if !ok {
			return
		}
		taken = appendOutcome(taken, string(typ))
	}
	if !wait.Timeout.IsZero() {
		typ, ok := c.graph.timesOutTo(c.i, wait.Timeout)
		if !ok {
			return
		}
		taken = appendOutcome(taken, string(typ))
	}
	c.validateMeeting(taken)
}

// validateTakenOfAny warns about a connection of a wait that no outcome takes.
func (c *connectionValidator) validateTakenOfAny(wait WaitForAny) {
	typ := c.connection.Type.orDefault()
	if typ != ConnectionDefault && typ != ConnectionEventReceived {
		return
	}
	for _, l := range wait.followed() {
		if taken, ok := c.graph.leadsOn(c.ends.from, l.Name); ok && taken == typ {
			return
		}
	}
	if taken, ok := c.graph.timesOutTo(c.ends.from, wait.Timeout); !ok || taken != typ {
		c.warnNeverTaken()
	}
}

// receptions returns the events that a run may have received when it takes a connection of
// this type out of the wait at step i. The second result reports whether it has received one
// of them for certain.
func (g *stepGraph) receptions(i int, wait WaitForAny, typ ConnectionType) (events []string, certain bool) {
	for _, l := range wait.followed() {
		if taken, ok := g.leadsOn(i, l.Name); ok && taken == typ {
			events = append(events, l.EventName)
		}
	}
	taken, timesOut := g.timesOutTo(i, wait.Timeout)
	return events, !timesOut || taken != typ
}

// maxFollowed bounds how many events of one wait Validate follows to the steps after it, because
// each of them is looked for among the connections.
const maxFollowed = 1000

func (w WaitForAny) followed() []Listener { return w.Events[:min(len(w.Events), maxFollowed)] }
