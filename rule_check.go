package automation

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// ruleProblem is something that is wrong with a rule.
type ruleProblem struct {
	Path    string // from the rule, such as "rules[1].value"; "" is the rule itself
	Code    Code
	Message string
}

// checkRule returns everything that is wrong with r, in the order of the
// document. A rule without problems can be compiled. The names are those of
// the events that the graph waits for.
//
// It does not look below the nesting limit, nor at more rules than the limit
// allows, so that no rule is expensive to refuse.
func checkRule(r Rule, limits Limits, waitNames []string) []ruleProblem {
	c := ruleChecker{limits: limits.withDefaults(), waitNames: waitNames}
	c.check(r, "", 0)
	if c.rules > c.limits.Rules {
		c.report("", CodeLimit, "the rule has more than %d comparisons and groups: split it over several conditions",
			c.limits.Rules)
	}
	return c.problems
}

type ruleChecker struct {
	limits    Limits
	waitNames []string
	rules     int // comparisons and groups seen
	problems  []ruleProblem
}

func (c *ruleChecker) report(path string, code Code, format string, args ...any) {
	c.problems = append(c.problems, ruleProblem{path, code, fmt.Sprintf(format, args...)})
}

// check checks r, which lies at path within depth groups.
func (c *ruleChecker) check(r Rule, path string, depth int) {
	if c.rules++; c.rules > c.limits.Rules {
		return
	}
	switch r.Type {
	case "", RuleCompare:
		c.checkComparison(r, path)
	case RuleAll, RuleAny:
		c.checkGroup(r, path, depth+1)
	default:
		c.report(jsondoc.Join(path, "type"), CodeInvalidRule, `rule type %s is unknown: use "rule", "and" or "or"`, jsondoc.Quote(r.Type))
	}
}

func (c *ruleChecker) checkGroup(r Rule, path string, depth int) {
	if depth > c.limits.RuleDepth {
		c.report(path, CodeLimit, "groups are nested more than %d deep: flatten them", c.limits.RuleDepth)
		return
	}
	for _, given := range []struct {
		name string
		is   bool
	}{{"field", r.Field != ""}, {"operator", r.Operator != ""}, {"value", isGiven(r.Value)}} {
		if given.is {
			c.report(jsondoc.Join(path, given.name), CodeInvalidRule,
				"%q belongs to a comparison, not to a group of type %q: put it into one of its rules", given.name, r.Type)
		}
	}
	if len(r.Rules) == 0 {
		c.report(jsondoc.Join(path, "rules"), CodeInvalidRule, "a group of type %q needs at least one rule", r.Type)
	}
	for i, member := range r.Rules {
		if c.rules > c.limits.Rules {
			return
		}
		c.check(member, jsondoc.Join(path, fmt.Sprintf("rules[%d]", i)), depth)
	}
}

func (c *ruleChecker) checkComparison(r Rule, path string) {
	if r.Rules != nil {
		c.report(jsondoc.Join(path, "rules"), CodeInvalidRule, `a comparison has no rules: set "type" to "and" or "or" for a group`)
	}
	c.checkField(r.Field, jsondoc.Join(path, "field"))
	if r.Operator == "" {
		c.report(jsondoc.Join(path, "operator"), CodeInvalidRule, "the operator is missing: use one of %s", operatorList())
		return
	}
	if !r.Operator.isKnown() {
		c.report(jsondoc.Join(path, "operator"), CodeInvalidRule, "operator %s is unknown: use one of %s", jsondoc.Quote(r.Operator), operatorList())
		return
	}
	if problem := checkRuleValue(r.Operator, r.Value); problem != "" {
		c.report(jsondoc.Join(path, "value"), CodeInvalidRule, "%s", problem)
	}
}

func (c *ruleChecker) checkField(field, path string) {
	if field == "" {
		c.report(path, CodeInvalidRule, "the field is missing: name one, such as event.plan or contact.email")
		return
	}
	_, err := compilePath(field, c.waitNames)
	switch {
	case errors.Is(err, errNotWaitedFor):
		c.report(path, CodeWaitNeverBefore, "%s", err)
	case err != nil:
		c.report(path, CodeInvalidReference, "%s", err)
	}
}

// checkRuleValue says what is wrong with the value of a rule with a known
// operator, or "" if nothing is.
func checkRuleValue(op Operator, v Value) string {
	if err := v.err(); err != nil {
		return err.Error()
	}
	if op == OpExists || op == OpIsEmpty {
		if isGiven(v) {
			return fmt.Sprintf("operator %q takes no value: leave it out", op)
		}
		return ""
	}
	if v.IsZero() {
		return fmt.Sprintf("the value is missing: operator %q compares with %s", op, op.takes())
	}
	if ref, ok := v.Ref(); ok {
		return fmt.Sprintf("a rule compares with a literal, not with a reference to %s: operator %q takes %s", jsondoc.Quote(ref), op, op.takes())
	}
	if !op.accepts(v) {
		return fmt.Sprintf("operator %q compares with %s, not with %s", op, op.takes(), jsondoc.Shorten(v.String()))
	}
	return ""
}

// accepts reports whether op compares with the literal v.
func (op Operator) accepts(v Value) bool {
	kind := literalOperand(op, v).kind
	switch {
	case op.orders():
		return kind == operandNumber || kind == operandDate
	case op == OpStartsWith || op == OpEndsWith:
		return kind == operandString
	default:
		return true
	}
}

// takes says which literals op compares with.
func (op Operator) takes() string {
	switch {
	case op.orders():
		return `a number or an RFC 3339 date or date-time, such as "2026-01-31"`
	case op == OpStartsWith || op == OpEndsWith:
		return "a string"
	default:
		return "a string, a number, a boolean or null"
	}
}

var operators = []Operator{
	OpEq, OpNeq, OpGt, OpGte, OpLt, OpLte, OpContains, OpStartsWith, OpEndsWith, OpExists, OpIsEmpty,
}

func (op Operator) isKnown() bool { return slices.Contains(operators, op) }

func operatorList() string {
	names := make([]string, len(operators))
	for i, op := range operators {
		names[i] = string(op)
	}
	return strings.Join(names, ", ")
}

// isGiven reports whether v says anything: clients write null for "no value".
func isGiven(v Value) bool { return v.kind != valueAbsent && v.kind != valueNull }
