package automation

import (
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"reflect"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// isBuiltin reports whether t is a step type of this package.
func isBuiltin(t StepType) bool {
	_, ok := builtin().configs[t]
	return ok
}

// checkConfig checks what the step's config says.
func (c *stepCheck) checkConfig() {
	switch config := c.graph.configs[c.i].(type) {
	case nil:
		c.errorf(CodeInvalidConfig, "config", "the step has no config: give it one, such as automation.Delay{…}")
		return
	case Trigger:
		c.checkEventName(config.EventName)
	case Condition:
		c.checkRule("config", config.Rule)
	case Delay:
		c.checkDelay(config)
	case WaitForEvent:
		c.checkWait(config)
	case SendEmail:
		c.checkEmail(config)
	case ContactUpdate:
		c.checkContactUpdate(config)
	case ContactDelete:
	case AddToSegment:
		c.checkID("config.segment_id", "segment id", config.SegmentID)
	default:
		c.checkCustom(config)
		return
	}
	if reflect.TypeOf(c.automation.Steps[c.i].Config).Kind() == reflect.Pointer {
		c.errorf(CodeInvalidConfig, "config", "the config is a pointer: give the %s itself, not its address",
			reflect.TypeOf(c.graph.configs[c.i]))
	}
}

func (c *stepCheck) checkEventName(name string) {
	if name == "" {
		c.errorf(CodeMissingField, "config.event_name", "the event name is missing: give one, such as \"user.created\"")
		return
	}
	if flaw := checkEventName(name); flaw != "" {
		c.errorf(CodeInvalidEventName, "config.event_name", "event name %s %s", jsondoc.Quote(name), flaw)
	}
}

func (c *stepCheck) checkID(path, what, id string) {
	if id == "" {
		c.errorf(CodeMissingField, path, "the %s is missing: give one", what)
		return
	}
	if flaw := checkID(id); flaw != "" {
		c.errorf(CodeInvalidConfig, path, "the %s %s %s", what, jsondoc.Quote(id), flaw)
	}
}

func (c *stepCheck) checkText(path, what, text string) {
	if flaw := textFlaw(text); flaw != "" {
		c.errorf(CodeInvalidConfig, path, "the %s %s %s", what, jsondoc.Quote(text), flaw)
	}
}

func (c *stepCheck) checkDelay(delay Delay) {
	if delay.Duration.IsZero() {
		c.errorf(CodeMissingField, "config.duration", `the duration is missing: give one, such as "3 days"`)
		return
	}
	c.checkDuration("config.duration", delay.Duration)
}

func (c *stepCheck) checkDuration(path string, d Duration) {
	switch err := d.Err(); {
	case err != nil:
		c.errorf(CodeInvalidDuration, path, "%s", err)
	case d.Std() > c.limits.Duration:
		c.errorf(CodeLimit, path, "duration %s is over the limit of %s: jsondoc.Shorten it, or put several steps in a row",
			jsondoc.Quote(d.String()), DurationOf(c.limits.Duration))
	}
}

func (c *stepCheck) checkWait(wait WaitForEvent) {
	c.checkEventName(wait.EventName)
	c.checkDuration("config.timeout", wait.Timeout)
	if !wait.FilterRule.IsZero() {
		c.checkRule("config.filter_rule", wait.FilterRule)
	}
}

func (c *stepCheck) checkRule(path string, r Rule) {
	bounded := true
	for _, p := range checkRule(r, c.limits, c.waitNames) {
		c.errorf(p.Code, jsondoc.Join(path, p.Path), "%s", p.Message)
		bounded = bounded && p.Code != CodeLimit
	}
	if bounded {
		c.checkWaitFields(path, r)
	}
}

// checkWaitFields checks those references of a rule that can be read: what is
// wrong with the others has been reported.
func (c *stepCheck) checkWaitFields(path string, r Rule) {
	for i, member := range r.Rules {
		c.checkWaitFields(fmt.Sprintf("%s.rules[%d]", path, i), member)
	}
	if !strings.HasPrefix(r.Field, "wait_events.") {
		return
	}
	if p, err := compilePath(r.Field, c.waitNames); err == nil {
		c.checkWaitedFor(jsondoc.Join(path, "field"), p)
	}
}

func (c *stepCheck) checkEmail(email SendEmail) {
	c.checkAddress("config.from", "sender", email.From)
	c.checkHeader("config.subject", "subject", email.Subject)
	c.checkAddress("config.reply_to", "reply address", email.ReplyTo)
	c.checkID("config.template.id", "template's id", email.Template.ID)
	c.checkValues("config.template.variables", email.Template.Variables)
	switch email.Delivery {
	case "", AtLeastOnce, AtMostOnce:
	default:
		c.errorf(CodeInvalidConfig, "config.delivery", "delivery %s is unknown: use %q or %q",
			jsondoc.Quote(email.Delivery), AtLeastOnce, AtMostOnce)
	}
}

// checkHeader refuses line breaks, with which a text would add headers of its
// own to an email: names stand before addresses, and in subjects.
func (c *stepCheck) checkHeader(path, what, text string) (safe bool) {
	if strings.ContainsAny(text, "\r\n") {
		c.errorf(CodeUnsafeHeader, path, "the %s %s has a line break: write it on one line", what, jsondoc.Quote(text))
		return false
	}
	c.checkText(path, what, text)
	return true
}

func (c *stepCheck) checkAddress(path, what, text string) {
	if text == "" || !c.checkHeader(path, what, text) {
		return
	}
	if _, err := mail.ParseAddress(text); err != nil {
		c.errorf(CodeInvalidEmail, path, `the %s %s is not an email address: write "name@example.com" or "Name <name@example.com>"`,
			what, jsondoc.Quote(text))
	}
}

func (c *stepCheck) checkContactUpdate(update ContactUpdate) {
	if update.FirstName.IsZero() && update.LastName.IsZero() && update.Unsubscribed.IsZero() && len(update.Properties) == 0 {
		c.errorf(CodeMissingField, "config", "nothing is updated: give first_name, last_name, unsubscribed or properties")
	}
	c.checkName("config.first_name", update.FirstName)
	c.checkName("config.last_name", update.LastName)
	c.checkUnsubscribed("config.unsubscribed", update.Unsubscribed)
	c.checkValues("config.properties", update.Properties)
}

func (c *stepCheck) checkName(path string, v Value) {
	switch v.kind {
	case valueString:
		c.checkHeader(path, "name", v.text)
	case valueNumber, valueBool:
		c.errorf(CodeInvalidConfig, path, "%s is not a name: give a string, a reference, or null to clear it", jsondoc.Shorten(v.String()))
	default:
		c.checkValue(path, v)
	}
}

func (c *stepCheck) checkUnsubscribed(path string, v Value) {
	switch v.kind {
	case valueString, valueNumber, valueNull:
		c.errorf(CodeInvalidConfig, path, "%s is neither true nor false: give a boolean or a reference", jsondoc.Shorten(v.String()))
	default:
		c.checkValue(path, v)
	}
}

func (c *stepCheck) checkValues(path string, values map[string]Value) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		member, v := string(jsondoc.AppendKey([]byte(path), name)), values[name]
		if name == "" {
			c.errorf(CodeInvalidConfig, path, "a name is empty: give every value a name")
		}
		if v.IsZero() {
			c.errorf(CodeInvalidConfig, member, "%s has no value: give one, or null", jsondoc.Quote(name))
		}
		c.checkText(path, "name", name)
		c.checkValue(member, v)
	}
}

// checkValue checks a literal or a reference. An absent value is fine.
func (c *stepCheck) checkValue(path string, v Value) {
	if err := v.err(); err != nil {
		c.errorf(CodeInvalidConfig, path, "%s", err)
		return
	}
	if ref, ok := v.Ref(); ok {
		c.checkReference(path, ref)
	}
}

func (c *stepCheck) checkReference(path, ref string) {
	p, err := compilePath(ref, c.waitNames)
	switch {
	case errors.Is(err, errNotWaitedFor):
		c.errorf(CodeWaitNeverBefore, path, "%s", err)
	case err != nil:
		c.errorf(CodeInvalidReference, path, "%s", err)
	case p.scope == scopeWaitEvents:
		c.checkWaitedFor(path, p)
	}
}

// checkWaitedFor checks that the event whose payload p reads has been received
// when a run comes to the step.
func (c *stepCheck) checkWaitedFor(path string, p path) {
	if !c.graph.reached[c.i] {
		return
	}
	if c.flow == nil {
		c.flow = newWaitFlow(c.graph, c.waitNames)
	}
	switch c.flow.at(c.i, p.event) {
	case notWaitedFor:
		c.errorf(CodeWaitNeverBefore, path, "%s reads event %q, which no step before this one waits for: "+
			"put a wait_for_event before it", jsondoc.Quote(p.text), p.event)
	case receivedNever:
		c.warnf(CodeWaitSometimesBefore, path, "%s reads event %q, which is received on no path to the step: "+
			"it is always absent, so read it where the event was received", jsondoc.Quote(p.text), p.event)
	case receivedSometimes:
		c.warnf(CodeWaitSometimesBefore, path, "%s reads event %q, which is not received on every path to the step: "+
			"it can be absent", jsondoc.Quote(p.text), p.event)
	}
}

// checkCustom checks a config that is not built in, as far as its type is known.
func (c *stepCheck) checkCustom(config StepConfig) {
	typ := config.StepType()
	if isBuiltin(typ) {
		c.errorf(CodeInvalidConfig, "config", "step type %q is built in, and %T is not its config: "+
			"give the struct of this package", typ, config)
		return
	}
	kind, ok := c.registry.lookup(typ)
	if !ok {
		c.errorf(CodeUnknownType, "type", "step type %s is unknown: %s", jsondoc.Quote(typ), typeHint(typ, builtin().stepTypes(c.registry)))
		return
	}
	config, problems := kind.resolve(config)
	if problems != nil {
		c.relay(problems)
		return
	}
	if err := kind.validate(config); err != nil {
		c.checkCustomError(err)
	}
	for _, v := range kind.values(config) {
		c.checkValue(jsondoc.Join("config", v.path), v.value)
	}
}

// checkCustomError reports what a config of the host says about itself, one by
// one if it lists problems.
func (c *stepCheck) checkCustomError(err error) {
	if list := (*ValidationError)(nil); errors.As(err, &list) {
		c.relay(list.Problems)
		return
	}
	c.errorf(CodeInvalidConfig, "config", "%s", err)
}

// relay reports problems whose paths lead on from the config.
func (c *stepCheck) relay(problems Problems) {
	for _, p := range problems {
		c.report(p.Severity, p.Code, jsondoc.Join("config", p.Path), "%s", p.Message)
	}
}
