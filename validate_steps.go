package automation

import (
	"errors"
	"fmt"
	"net/mail"
	"reflect"
	"strings"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// stepValidator validates one step, or something that applies to the run at every step.
type stepValidator struct {
	*validator
	i   int // noStep for what applies at every step; its paths begin at the automation
	key string
}

func (c *stepValidator) validate() {
	c.validateKey()
	c.validateTrigger()
	c.validateConfig()
	c.validatePosition()
	c.validateBranches()
}

// noStep is the index of no step.
const noStep = -1

// report adds a problem. The path begins at the step.
func (c *stepValidator) report(severity Severity, code Code, path, format string, args ...any) {
	if c.i != noStep {
		path = jsondoc.Join(fmt.Sprintf("steps[%d]", c.i), path)
	}
	c.problems = append(c.problems, Problem{
		Severity: severity,
		Code:     code,
		Path:     path,
		Step:     c.key,
		Message:  fmt.Sprintf(format, args...),
	})
}

func (c *stepValidator) errorf(code Code, path, format string, args ...any) {
	c.report(SeverityError, code, path, format, args...)
}

func (c *stepValidator) warnf(code Code, path, format string, args ...any) {
	c.report(SeverityWarning, code, path, format, args...)
}

func (c *stepValidator) validateKey() {
	if c.key == "" {
		c.errorf(CodeEmptyKey, "key", "the step has no key: give it one that no other step has")
		return
	}
	if first := c.graph.index[c.key]; first != c.i {
		c.errorf(CodeDuplicateStep, "key", "steps[%d] has the same key: give every step a key of its own", first)
	}
	if len(c.key) > c.limits.StepKeyBytes {
		c.errorf(CodeLimit, "key", "the key has %d bytes, the limit is %d: shorten it", len(c.key), c.limits.StepKeyBytes)
	}
	if flaw := characterFlaw(c.key); flaw != "" {
		c.errorf(CodeInvalidName, "key", "the key %s", flaw)
	}
}

func (c *stepValidator) validateTrigger() {
	switch {
	case c.graph.types[c.i] != TypeTrigger:
	case c.i != c.graph.trigger:
		c.errorf(CodeMultipleTriggers, "type", "step %s is the trigger already: keep one, and make an automation for each event",
			jsondoc.Quote(c.automation.Steps[c.graph.trigger].Key))
	case c.i > 0:
		c.errorf(CodeTriggerNotFirst, "type", "the trigger is not the first step: move it to the front of steps")
	}
}

// validatePosition validates the position of the step in the graph.
func (c *stepValidator) validatePosition() {
	if cycle, ok := c.graph.cycles[c.i]; ok {
		c.errorf(CodeCycle, "", "the steps run in a circle, %s: remove one of these connections", c.keys(cycle))
	}
	if c.graph.reached[c.i] && !c.live[c.i] {
		c.warnf(CodeStepAfterDelete, "", "the step never runs, because it comes after a contact_delete: "+
			"move it before that, or remove it")
	}
	switch behind, unreachable := c.strays[c.i]; {
	case !unreachable:
	case behind == 0:
		c.errorf(CodeUnreachable, "", "no path leads from the trigger to the step: connect it, or remove it")
	case behind == 1:
		c.errorf(CodeUnreachable, "", "no path leads from the trigger to the step and the step behind it: connect it, or remove both")
	default:
		c.errorf(CodeUnreachable, "", "no path leads from the trigger to the step and the %d steps behind it: "+
			"connect it, or remove them all", behind)
	}
}

func (c *stepValidator) keys(steps []int) string {
	keys := make([]string, len(steps))
	for i, step := range steps {
		keys[i] = jsondoc.Shorten(c.automation.Steps[step].Key)
	}
	return strings.Join(keys, " → ")
}

// validateBranches warns about outcomes of the step without a connection, and about
// outcomes that make no difference.
func (c *stepValidator) validateBranches() {
	switch config := c.graph.configs[c.i].(type) {
	case Condition:
		met := c.meant.hasBranch(c.i, ConnectionConditionMet)
		notMet := c.meant.hasBranch(c.i, ConnectionConditionNotMet)
		if met != notMet {
			missing := ConnectionConditionMet
			if met {
				missing = ConnectionConditionNotMet
			}
			c.warnf(CodeOneBranch, "", "the condition has one branch only, and the run ends otherwise: "+
				"add a connection of type %q unless that is meant", missing)
		}
		c.validateTargets()
	case Branch:
		c.validateArms(config)
	case Split:
		c.validateVariants(config)
	case DelayUntil:
		c.validatePast(config)
	case WaitForEvent:
		c.validateTimeout(config.Timeout)
		c.validateTargets()
	case WaitForAny:
		c.validateTimeout(config.Timeout)
		c.validateAnyTargets(config)
	}
}

// validateTimeout warns about a wait that never ends, and about one whose timeout fails the
// run.
func (c *stepValidator) validateTimeout(timeout Duration) {
	switch {
	case timeout.IsZero():
		c.warnf(CodeWaitForever, "config", "the wait has no timeout, and can last for ever: give it one")
	case !c.meant.hasBranch(c.i, ConnectionTimeout) && !c.meant.hasBranch(c.i, ConnectionDefault):
		c.warnf(CodeUnhandledTimeout, "config.timeout", "the run fails when the wait times out: "+
			"add a connection of type %q or %q", ConnectionTimeout, ConnectionDefault)
	}
}

// validateTargets warns if two outcomes of the step lead to the same step.
func (c *stepValidator) validateTargets() {
	for _, types := range [...][2]ConnectionType{
		{ConnectionConditionMet, ConnectionConditionNotMet},
		{ConnectionEventReceived, ConnectionTimeout},
		{ConnectionEventReceived, ConnectionDefault},
		{ConnectionTimeout, ConnectionDefault},
	} {
		one, ok1 := c.graph.branch(c.i, types[0])
		two, ok2 := c.graph.branch(c.i, types[1])
		if ok1 && ok2 && one.to == two.to && one.to >= 0 {
			c.warnf(CodeSameTarget, "", "the branches %q and %q both lead to step %s: "+
				"the outcome makes no difference, so connect one of them elsewhere", types[0], types[1],
				jsondoc.Quote(c.automation.Steps[one.to].Key))
		}
	}
}

// isBuiltin reports whether t is a step type of this package.
func isBuiltin(t StepType) bool {
	_, ok := builtin().configs[t]
	return ok
}

// validateConfig validates the config of the step.
func (c *stepValidator) validateConfig() {
	switch config := c.graph.configs[c.i].(type) {
	case nil:
		c.errorf(CodeInvalidConfig, "config", "the step has no config: give it one, such as automation.Delay{…}")
		return
	case Trigger:
		c.validateEventName(config.EventName)
	case Condition:
		c.validateRule("config", config.Rule, c.graph.triggerEvent())
	case Branch:
		c.validateBranch(config)
	case Split:
		c.validateSplit(config)
	case DelayUntil:
		c.validateDelayUntil(config)
	case Window:
		c.validateWindow("config", config)
	case Delay:
		c.validateDelay(config)
	case WaitForEvent:
		c.validateWait(config)
	case WaitForAny:
		c.validateWaitForAny(config)
	case SendEmail:
		c.validateEmail(config)
	case ContactUpdate:
		c.validateContactUpdate(config)
	case ContactDelete:
	case AddToSegment:
		c.validateID("config.segment_id", "segment id", config.SegmentID)
	case RemoveFromSegment:
		c.validateID("config.segment_id", "segment id", config.SegmentID)
	case SendEvent:
		c.validateSendEvent(config)
	default:
		c.validateCustom(config)
		return
	}
	if reflect.TypeOf(c.automation.Steps[c.i].Config).Kind() == reflect.Pointer {
		c.errorf(CodeInvalidConfig, "config", "the config is a pointer: give the %s itself, not its address",
			reflect.TypeOf(c.graph.configs[c.i]))
	}
}

func (c *stepValidator) validateEventName(name string) {
	c.validateEventNameAt("config.event_name", name)
}

func (c *stepValidator) validateEventNameAt(path, name string) {
	if name == "" {
		c.errorf(CodeMissingField, path, "the event name is missing: give one, such as \"user.created\"")
		return
	}
	if flaw := eventNameFlaw(name); flaw != "" {
		c.errorf(CodeInvalidEventName, path, "event name %s %s", jsondoc.Quote(name), flaw)
	}
}

func (c *stepValidator) validateID(path, what, id string) {
	if id == "" {
		c.errorf(CodeMissingField, path, "the %s is missing: give one", what)
		return
	}
	if flaw := resourceFlaw(id); flaw != "" {
		c.errorf(CodeInvalidConfig, path, "the %s %s %s", what, jsondoc.Quote(id), flaw)
	}
}

func (c *stepValidator) validateText(path, what, text string) {
	if flaw := textFlaw(text); flaw != "" {
		c.errorf(CodeInvalidConfig, path, "the %s %s %s", what, jsondoc.Quote(text), flaw)
	}
}

func (c *stepValidator) validateDelay(delay Delay) {
	if delay.Duration.IsZero() {
		c.errorf(CodeMissingField, "config.duration", `the duration is missing: give one, such as "3 days"`)
		return
	}
	c.validateDuration("duration", delay.Duration, "connect this delay to a second one for the rest")
}

// validateDuration reports the problems of the field of the config that has this name.
// chain is how several steps make a longer duration.
func (c *stepValidator) validateDuration(name string, d Duration, chain string) {
	path := "config." + name
	switch err := d.Err(); {
	case err != nil:
		c.errorf(CodeInvalidDuration, path, "%s", err)
	case d.Std() > c.limits.Duration:
		c.errorf(CodeLimit, path, "%s %s is over the limit of %s: raise Limits.Duration, or %s",
			name, jsondoc.Quote(d.String()), DurationOf(c.limits.Duration), chain)
	}
}

func (c *stepValidator) validateWait(wait WaitForEvent) {
	c.validateEventName(wait.EventName)
	c.validateDuration("timeout", wait.Timeout, "connect the timeout of this wait to a second wait for the rest")
	if !wait.FilterRule.IsZero() {
		c.validateRule("config.filter_rule", wait.FilterRule, wait.EventName)
	}
}

// validateRule validates the rule at path. Its event. paths read the payload of event.
func (c *stepValidator) validateRule(path string, r Rule, event string) {
	bounded := true
	for _, p := range ruleProblems(r, c.limits, c.names) {
		c.errorf(p.Code, jsondoc.Join(path, p.Path), "%s", p.Message)
		bounded = bounded && p.Code != CodeLimit
	}
	if bounded {
		c.validateComparisons(path, r, event)
	}
}

// validateComparisons validates the fields and the values of a rule against what is known
// about the events that it reads. It skips invalid paths, whose problems validateRule
// reports.
func (c *stepValidator) validateComparisons(path string, r Rule, event string) {
	for i, member := range r.Rules {
		c.validateComparisons(fmt.Sprintf("%s.rules[%d]", path, i), member, event)
	}
	if r.Field == "" {
		return
	}
	c.validateRuleLiteral(jsondoc.Join(path, "value"), r.Value)
	for i, v := range r.Values {
		c.validateRuleLiteral(fmt.Sprintf("%s[%d]", jsondoc.Join(path, "values"), i), v)
	}
	p, typ := c.validateData(jsondoc.Join(path, "field"), r.Field, event)
	if ref, ok := r.Value.Ref(); ok {
		value, valueType := c.validateData(jsondoc.Join(path, "value"), ref, event)
		c.validateTypes(path, p, value, r.Operator, typ, valueType)
		return
	}
	c.validateOperands(path, p, r, typ)
}

// validateData validates what a path in a rule reads, and returns the path and the type that
// the definition of its event declares, or "".
func (c *stepValidator) validateData(at, text, event string) (p path, typ string) {
	if strings.HasPrefix(text, "contact.") {
		return path{}, ""
	}
	p, err := compilePath(text, c.names)
	if err != nil {
		return path{}, ""
	}
	c.validateEarlier(at, p)
	return p, c.validateField(at, p, event)
}

func (c *stepValidator) validateEmail(email SendEmail) {
	c.validateAddress("config.from", "sender", email.From)
	c.validateHeader("config.subject", "subject", email.Subject)
	c.validateAddress("config.reply_to", "reply address", email.ReplyTo)
	c.validateHeaderLiteral("config.from", email.From)
	c.validateHeaderLiteral("config.subject", email.Subject)
	c.validateHeaderLiteral("config.reply_to", email.ReplyTo)
	c.validateID("config.template.id", "template's id", email.Template.ID)
	c.validateValues("config.template.variables", email.Template.Variables)
	for _, p := range email.Retry.problems() {
		c.errorf(p.Code, jsondoc.Join("config.retry", p.Path), "%s", p.Message)
	}
	if !email.Window.IsZero() {
		c.validateWindow("config.window", email.Window)
	}
	switch email.Delivery {
	case "", AtLeastOnce, AtMostOnce:
	default:
		c.errorf(CodeInvalidConfig, "config.delivery", "delivery %s is unknown: use %q or %q",
			jsondoc.Quote(email.Delivery), AtLeastOnce, AtMostOnce)
	}
}

// validateHeader refuses line breaks: a text with a line break could add headers to
// an email. Subjects are headers, and names can become part of headers.
func (c *stepValidator) validateHeader(path, what, text string) (safe bool) {
	if strings.ContainsAny(text, "\r\n") {
		c.errorf(CodeUnsafeHeader, path, "the %s %s has a line break: write it on one line", what, jsondoc.Quote(text))
		return false
	}
	c.validateText(path, what, text)
	return true
}

func (c *stepValidator) validateAddress(path, what, text string) {
	if text == "" || !c.validateHeader(path, what, text) {
		return
	}
	if _, err := mail.ParseAddress(text); err != nil {
		c.errorf(CodeInvalidEmail, path, `the %s %s is not an email address: write "name@example.com" or "Name <name@example.com>"`,
			what, jsondoc.Quote(text))
	}
}

func (c *stepValidator) validateContactUpdate(update ContactUpdate) {
	if update.FirstName.IsZero() && update.LastName.IsZero() && update.Unsubscribed.IsZero() && len(update.Properties) == 0 {
		c.errorf(CodeMissingField, "config", "nothing is updated: give first_name, last_name, unsubscribed or properties")
	}
	c.validateName("config.first_name", update.FirstName)
	c.validateName("config.last_name", update.LastName)
	c.validateUnsubscribed("config.unsubscribed", update.Unsubscribed)
	c.validateValues("config.properties", update.Properties)
}

func (c *stepValidator) validateName(path string, v Value) {
	switch v.kind {
	case valueString:
		c.validateHeader(path, "name", v.text)
		c.validateLiteral(path, v.text)
	case valueNumber, valueBool:
		c.errorf(CodeInvalidConfig, path, "%s is not a name: give a string, a reference, or null to clear it", jsondoc.Shorten(v.String()))
	default:
		c.validateValue(path, v)
	}
}

func (c *stepValidator) validateUnsubscribed(path string, v Value) {
	switch v.kind {
	case valueString, valueNumber, valueNull:
		c.errorf(CodeInvalidConfig, path, "%s is neither true nor false: give a boolean or a reference", jsondoc.Shorten(v.String()))
	default:
		c.validateValue(path, v)
	}
}

// validateCustom validates a config that is not built in.
func (c *stepValidator) validateCustom(config StepConfig) {
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
	if problems == nil {
		problems = kind.readBack(config)
	}
	if problems != nil {
		c.relay(problems)
		return
	}
	if err := kind.validate(config); err != nil {
		c.reportCustom(err)
	}
	for _, v := range kind.values(config) {
		c.validateValue(jsondoc.Join("config", v.path), v.value)
	}
}

// reportCustom reports the error of a custom config's Validate method. It reports
// each problem of a *ValidationError separately.
func (c *stepValidator) reportCustom(err error) {
	if list := (*ValidationError)(nil); errors.As(err, &list) {
		c.relay(list.Problems)
		return
	}
	c.errorf(CodeInvalidConfig, "config", "%s", err)
}

// relay reports problems whose paths begin at the config.
func (c *stepValidator) relay(problems Problems) {
	for _, p := range problems {
		c.report(p.Severity, p.Code, jsondoc.Join("config", p.Path), "%s", p.Message)
	}
}
