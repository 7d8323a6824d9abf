package automation

import (
	"fmt"
	"slices"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

func (c *stepValidator) validateExit(x Exit) {
	c.validateExits(x.Events)
	if !x.WhileRule.IsZero() {
		c.validateOuterRule("exit.while_rule", x.WhileRule, "", "to a rule that is evaluated at every step and at the entry", scopeContact, scopeTrigger)
		if readsNow(x.WhileRule) {
			c.warnf(CodeWhileRuleExpires, "exit.while_rule", "the rule compares with the current time, so it ends runs as time goes by, "+
				"although nothing happens: compare at the entry, or use max_age")
		}
	}
	switch err := x.MaxAge.Err(); {
	case err != nil:
		c.errorf(CodeInvalidDuration, "exit.max_age", "%s", err)
	case x.MaxAge.Std() > c.limits.Until:
		c.errorf(CodeLimit, "exit.max_age", "max_age %s is over the limit of %s: raise Limits.Until", jsondoc.Quote(x.MaxAge.String()), DurationOf(c.limits.Until))
	}
}

func (c *stepValidator) validateExits(events []Listener) {
	if n := len(events); n > c.limits.Exits {
		c.errorf(CodeLimit, "exit.events", "there are %d events that end a run, the limit is %d: raise Limits.Exits", n, c.limits.Exits)
		return
	}
	triggers := c.automation.triggers()
	restarts := c.automation.Entry != nil && c.automation.Entry.Reentry.WhileRunning == ReentryRestart
	for i, l := range events {
		at := fmt.Sprintf("exit.events[%d]", i)
		c.validateExitName(jsondoc.Join(at, "name"), l.Name, events[:i])
		c.validateListener(at, l)
		if n := slices.IndexFunc(events[:i], l.isCoveredBy); n >= 0 {
			c.warnf(CodeDuplicateListener, at, "event %d of the exits matches all that this one does, so this one never ends a run: remove one of them", n+1)
		}
		c.validateListenerScopes(at, l)
		if l.EventName != "" && slices.Contains(triggers, l.EventName) && !restarts {
			c.warnf(CodeListenerIsTrigger, at, "every %s would end the runs before it: use while_running %q to begin anew, or name another event",
				jsondoc.Quote(l.EventName), ReentryRestart)
		}
	}
}

// validateExitName validates the name of an exit, which it need not have.
func (c *stepValidator) validateExitName(path, name string, earlier []Listener) {
	if flaw := nameFlaw(name); flaw != "" {
		c.errorf(CodeInvalidName, path, "the name %s %s", jsondoc.Quote(name), flaw)
	}
	if n := slices.IndexFunc(earlier, func(l Listener) bool { return l.Name == name }); n >= 0 && name != "" {
		c.errorf(CodeInvalidName, path, "event %d of the exits has the name %s too: give every exit a name of its own, or none", n+1, jsondoc.Quote(name))
	}
}

// validateListenerScopes reports what an exit cannot read, because it can come at any step.
func (c *stepValidator) validateListenerScopes(at string, l Listener) {
	const where = "to an exit, which can come at any step"
	scopes := []pathScope{scopeEvent, scopeTrigger, scopeContact, scopeRun}
	if !l.FilterRule.IsZero() {
		c.validateScopes(jsondoc.Join(at, "filter_rule"), l.FilterRule, where, scopes)
	}
	for i, m := range l.Match {
		c.validateScope(fmt.Sprintf("%s.match[%d].run", at, i), m.Run, where, scopes)
	}
}

// readsNow reports whether a rule compares with a time that is counted from now.
func readsNow(r Rule) bool {
	if _, ok := r.Value.FromNow(); ok {
		return true
	}
	return slices.ContainsFunc(r.Rules, readsNow)
}
