package automation

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

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
	v.checkAutomation()
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
		c := stepCheck{&v, i, a.Steps[i].Key}
		c.check()
	}
	v.checkConnections()
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
	v.problems = append(v.problems, Problem{
		Severity: SeverityError,
		Code:     code,
		Path:     path,
		Message:  fmt.Sprintf(format, args...),
	})
}

// checkHead reports what is wrong with an automation, its graph aside.
func checkHead(a Automation) Problems {
	v := validator{automation: a}
	v.checkAutomation()
	return v.problems
}

func (v *validator) checkAutomation() {
	a := v.automation
	if flaw := checkID(a.ID); flaw != "" {
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

// maxIDBytes bounds identifiers that applications and their users choose.
const maxIDBytes = 255

// checkID returns what is wrong with an identifier, or "". An empty one is for
// the caller to judge. Identifiers travel further than other texts: into headers
// such as the idempotency key of an email, URLs, logs and the keys of databases.
func checkID(id string) string {
	if len(id) > maxIDBytes {
		return fmt.Sprintf("must not be longer than %d bytes", maxIDBytes)
	}
	return checkCharacters(id)
}

// checkCharacters is checkID for an identifier with a limit of its own.
func checkCharacters(id string) string {
	switch {
	case !utf8.ValidString(id):
		return "must be valid UTF-8"
	case strings.ContainsFunc(id, unicode.IsControl):
		return "must not contain control characters"
	default:
		return ""
	}
}

// textFlaw says why a text cannot be stored as it is, or "" if it can.
func textFlaw(text string) string {
	switch {
	case !utf8.ValidString(text):
		return "is not valid UTF-8"
	case strings.ContainsRune(text, 0):
		return "contains a zero byte, which databases refuse"
	default:
		return ""
	}
}

// stepCheck checks one step.
type stepCheck struct {
	*validator
	i   int
	key string
}

func (c *stepCheck) check() {
	c.checkKey()
	c.checkTrigger()
	c.checkConfig()
	c.checkPlace()
	c.checkBranches()
}

// report adds a problem. The path leads on from the step.
func (c *stepCheck) report(severity Severity, code Code, path, format string, args ...any) {
	c.problems = append(c.problems, Problem{
		Severity: severity,
		Code:     code,
		Path:     jsondoc.Join(fmt.Sprintf("steps[%d]", c.i), path),
		Step:     c.key,
		Message:  fmt.Sprintf(format, args...),
	})
}

func (c *stepCheck) errorf(code Code, path, format string, args ...any) {
	c.report(SeverityError, code, path, format, args...)
}

func (c *stepCheck) warnf(code Code, path, format string, args ...any) {
	c.report(SeverityWarning, code, path, format, args...)
}

func (c *stepCheck) checkKey() {
	if c.key == "" {
		c.errorf(CodeEmptyKey, "key", "the step has no key: give it one that no other step has")
		return
	}
	if first := c.graph.index[c.key]; first != c.i {
		c.errorf(CodeDuplicateStep, "key", "steps[%d] has the same key: give every step a key of its own", first)
	}
	if len(c.key) > c.limits.StepKeyBytes {
		c.errorf(CodeLimit, "key", "the key has %d bytes, the limit is %d: jsondoc.Shorten it", len(c.key), c.limits.StepKeyBytes)
	}
	if flaw := checkCharacters(c.key); flaw != "" {
		c.errorf(CodeInvalidName, "key", "the key %s", flaw)
	}
}

func (c *stepCheck) checkTrigger() {
	switch {
	case c.graph.types[c.i] != TypeTrigger:
	case c.i != c.graph.trigger:
		c.errorf(CodeMultipleTriggers, "type", "step %s is the trigger already: keep one, and make an automation for each event",
			jsondoc.Quote(c.automation.Steps[c.graph.trigger].Key))
	case c.i > 0:
		c.errorf(CodeTriggerNotFirst, "type", "the trigger is not the first step: move it to the front of steps")
	}
}

// checkPlace checks where the step lies in the graph.
func (c *stepCheck) checkPlace() {
	if cycle, ok := c.graph.cycles[c.i]; ok {
		c.errorf(CodeCycle, "", "the steps run in a circle, %s: remove one of these connections", c.keys(cycle))
	}
	switch {
	case !c.graph.isRooted():
	case c.graph.reached[c.i]:
		if !c.live[c.i] {
			c.warnf(CodeStepAfterDelete, "", "the step never runs, because it comes after a contact_delete: "+
				"move it before that, or remove it")
		}
	case c.graph.index[c.key] == c.i:
		c.errorf(CodeUnreachable, "", "no path leads from the trigger to the step: connect it, or remove it")
	}
}

func (c *stepCheck) keys(steps []int) string {
	keys := make([]string, len(steps))
	for i, step := range steps {
		keys[i] = jsondoc.Shorten(c.automation.Steps[step].Key)
	}
	return strings.Join(keys, " → ")
}

// checkBranches warns about outcomes of the step that lead nowhere, or that
// make no difference.
func (c *stepCheck) checkBranches() {
	switch config := c.graph.configs[c.i].(type) {
	case Condition:
		met := c.graph.hasBranch(c.i, ConnectionConditionMet)
		notMet := c.graph.hasBranch(c.i, ConnectionConditionNotMet)
		if met != notMet {
			missing := ConnectionConditionMet
			if met {
				missing = ConnectionConditionNotMet
			}
			c.warnf(CodeOneBranch, "", "the condition has one branch only, and the run ends otherwise: "+
				"add a connection of type %q unless that is meant", missing)
		}
		c.checkSameTarget()
	case WaitForEvent:
		c.checkTimeout(config)
		c.checkSameTarget()
	}
}

func (c *stepCheck) checkTimeout(wait WaitForEvent) {
	switch {
	case wait.Timeout.IsZero():
		c.warnf(CodeWaitForever, "config", "the wait has no timeout, and can last for ever: give it one")
	case !c.graph.hasBranch(c.i, ConnectionTimeout) && !c.graph.hasBranch(c.i, ConnectionDefault):
		c.warnf(CodeUnhandledTimeout, "config.timeout", "the run fails when the wait times out: "+
			"add a connection of type %q or %q", ConnectionTimeout, ConnectionDefault)
	}
}

// checkSameTarget warns if two outcomes of the step lead to the same step.
func (c *stepCheck) checkSameTarget() {
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
