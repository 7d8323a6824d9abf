package automation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// beforeRun completes "is not known" for rules about a run that has not started.
const beforeRun = "before a run has started"

func (c *stepValidator) validateEntry(e Entry) {
	trigger := c.graph.triggerEvent()
	c.validateTriggers(e.Triggers, trigger)
	if !e.FilterRule.IsZero() {
		c.validateOuterRule("entry.filter_rule", e.FilterRule, trigger, beforeRun, scopeEvent, scopeContact)
	}
	if !e.AudienceRule.IsZero() {
		c.validateOuterRule("entry.audience_rule", e.AudienceRule, "", "to the audience, which is the same for all events", scopeContact)
	}
	c.validateReentry(e.Reentry)
}

func (c *stepValidator) validateTriggers(triggers []EntryTrigger, trigger string) {
	if n := len(triggers); n > c.limits.Triggers {
		c.errorf(CodeLimit, "entry.triggers", "there are %d further triggers, the limit is %d: raise Limits.Triggers, "+
			"or make an automation for the rest", n, c.limits.Triggers)
		return
	}
	seen := map[string]bool{trigger: trigger != ""}
	for i, t := range triggers {
		at := fmt.Sprintf("entry.triggers[%d]", i)
		c.validateEventNameAt(at+".event_name", t.EventName)
		if seen[t.EventName] {
			c.errorf(CodeInvalidEventName, at+".event_name", "event %s starts runs already: name it once", jsondoc.Quote(t.EventName))
		}
		seen[t.EventName] = t.EventName != ""
		if !t.FilterRule.IsZero() {
			c.validateOuterRule(at+".filter_rule", t.FilterRule, t.EventName, beforeRun, scopeEvent, scopeContact)
		}
	}
}

func (c *stepValidator) validateReentry(r Reentry) {
	const path = "entry.reentry"
	switch r.WhileRunning {
	case "", ReentryParallel, ReentryIgnore, ReentryRestart:
	default:
		c.errorf(CodeInvalidReentry, path+".while_running", "%s is unknown: use %q, %q or %q",
			jsondoc.Quote(r.WhileRunning), ReentryParallel, ReentryIgnore, ReentryRestart)
	}
	switch {
	case r.Limit < 0:
		c.errorf(CodeInvalidReentry, path+".limit", "the limit %d is negative: give 1 to %d", r.Limit, KeptStarts)
	case r.Limit > KeptStarts:
		c.errorf(CodeInvalidReentry, path+".limit", "the limit %d is over %d: give less, or no limit", r.Limit, KeptStarts)
	case r.Limit == 0 && !r.Per.IsZero():
		c.errorf(CodeInvalidReentry, path+".per", "there is a period, and no limit for it: add a limit, such as 1. "+
			"A limit of 0 starts no run: disable the automation instead")
	}
	if err := r.Per.Err(); err != nil {
		c.errorf(CodeInvalidDuration, path+".per", "%s", err)
	}
	if r.Key != "" {
		c.validateReentryKey(path+".key", r.Key)
	}
}

func (c *stepValidator) validateReentryKey(path, key string) {
	p, err := compilePath(key, nil)
	switch {
	case err == nil && p.scope != scopeEvent || err != nil && !strings.HasPrefix(key, "event."):
		c.errorf(CodeInvalidReentry, path, "the key %s does not lead into the payload: it must begin with \"event.\", such as \"event.cart_id\"", jsondoc.Quote(key))
	case err != nil:
		c.errorf(CodeInvalidReentry, path, "%s", err)
	default:
		c.validateField(path, p, c.graph.triggerEvent())
		c.validateUnkeyed()
	}
}

// validateUnkeyed warns about events that end or resume the runs of all keys. Events that
// start runs are of one key each.
func (c *stepValidator) validateUnkeyed() {
	triggers := c.automation.triggers()
	warn := func(at *stepValidator, path, event string, isKeyed bool) {
		if isKeyed || event == "" || slices.Contains(triggers, event) {
			return
		}
		at.warnf(CodeUnkeyedListener, path, "event %s is for the runs of all keys of the contact, because nothing compares it with the run: "+
			"add a match, or a filter_rule", jsondoc.Quote(event))
	}
	if x := c.automation.Exit; x != nil {
		for i, l := range x.Events {
			warn(c, fmt.Sprintf("exit.events[%d]", i), l.EventName, l.isKeyed())
		}
	}
	for i, config := range c.graph.configs {
		step := &stepValidator{c.validator, i, c.automation.Steps[i].Key}
		switch config := config.(type) {
		case WaitForEvent:
			warn(step, "config", config.EventName, !config.FilterRule.IsZero())
		case WaitForAny:
			for j, l := range config.Events {
				warn(step, fmt.Sprintf("config.events[%d]", j), l.EventName, l.isKeyed())
			}
			for j, l := range config.ResetOn {
				warn(step, fmt.Sprintf("config.reset_on[%d]", j), l.EventName, l.isKeyed())
			}
		}
	}
}

// validateResets warns about events that put off the end of a wait and start another run, too.
func (c *stepValidator) validateResets() {
	triggers := c.automation.triggers()
	while := ReentryParallel
	if e := c.automation.Entry; e != nil && e.Reentry.WhileRunning != "" {
		while = e.Reentry.WhileRunning
	}
	for i, config := range c.graph.configs {
		wait, ok := config.(WaitForAny)
		if !ok || while == ReentryIgnore {
			continue
		}
		step := &stepValidator{c.validator, i, c.automation.Steps[i].Key}
		for j, l := range wait.ResetOn {
			effect := "starts a run beside this one, too"
			if while == ReentryRestart {
				effect = "starts a run in the place of this one, and so resets nothing"
			}
			if slices.Contains(triggers, l.EventName) {
				step.warnf(CodeResetAlsoStarts, fmt.Sprintf("config.reset_on[%d]", j), "event %s %s: set entry.reentry.while_running to %q",
					jsondoc.Quote(l.EventName), effect, ReentryIgnore)
			}
		}
	}
}
