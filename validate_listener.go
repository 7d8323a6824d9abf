package automation

import (
	"errors"
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// validateListener validates a listener at path, except its name.
func (c *stepValidator) validateListener(path string, l Listener) {
	c.validateEventNameAt(jsondoc.Join(path, "event_name"), l.EventName)
	if !l.FilterRule.IsZero() {
		c.validateRule(jsondoc.Join(path, "filter_rule"), l.FilterRule, l.EventName)
	}
	if n := len(l.Match); n > c.limits.Rules {
		c.errorf(CodeLimit, jsondoc.Join(path, "match"), "there are %d fields, the limit is %d: raise Limits.Rules, or match fewer", n, c.limits.Rules)
		return
	}
	for i, m := range l.Match {
		c.validateMatch(fmt.Sprintf("%s[%d]", jsondoc.Join(path, "match"), i), m, l.EventName)
	}
}

// validateMatch validates a match at path with events of this name.
func (c *stepValidator) validateMatch(path string, m Match, event string) {
	eventAt, runAt := path, path
	if m.Run != "" {
		eventAt, runAt = jsondoc.Join(path, "event"), jsondoc.Join(path, "run")
	}
	eventPath, runPath := m.paths()
	switch scope, rest, _ := strings.Cut(m.Event, "."); {
	case m.Event == "":
		c.errorf(CodeMissingField, eventAt, `the field is missing: name one, such as "cart_id"`)
		return
	case (scope == "event" || scope == "trigger") && rest != "":
		c.errorf(CodeInvalidReference, eventAt, "%s is the path of a field in the payload already, without %q: write %s",
			jsondoc.Quote(m.Event), scope+".", jsondoc.Quote(rest))
		return
	case m.Run != "" && !strings.Contains(m.Run, "."):
		c.errorf(CodeInvalidReference, runAt, "%s names no field of the run: write %s for that of the event that started the run",
			jsondoc.Quote(m.Run), jsondoc.Quote("trigger."+m.Run))
		return
	case strings.HasPrefix(m.Run, "event."):
		c.errorf(CodeInvalidReference, runAt, "%s reads the incoming event, which is the other side: write %s for the event that started the run",
			jsondoc.Quote(m.Run), jsondoc.Quote("trigger"+strings.TrimPrefix(m.Run, "event")))
		return
	case m.Run == segmentsPath:
		c.errorf(CodeInvalidReference, runAt, "%s is a list, which equals nothing: use a filter_rule with operator %q", segmentsPath, OpContains)
		return
	}
	if !c.validateMatchPath(eventAt, eventPath) || !c.validateMatchPath(runAt, runPath) {
		return
	}
	field, typ := c.validateData(eventAt, eventPath, event)
	value, valueType := c.validateData(runAt, runPath, event)
	c.validateTypes(path, field, value, OpEq, typ, valueType)
}

// validateMatchPath reports whether a path can be read.
func (c *stepValidator) validateMatchPath(at, text string) bool {
	_, err := compilePath(text, c.names)
	switch {
	case errors.Is(err, errNotWaitedFor):
		c.errorf(CodeWaitNeverBefore, at, "%s", err)
	case err != nil:
		c.errorf(CodeInvalidReference, at, "%s", err)
	}
	return err == nil
}
