package automation

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// Operator is the comparison that a rule makes.
type Operator string

// The operators.
const (
	OpEq          Operator = "eq"
	OpNeq         Operator = "neq"
	OpGt          Operator = "gt"
	OpGte         Operator = "gte"
	OpLt          Operator = "lt"
	OpLte         Operator = "lte"
	OpContains    Operator = "contains"
	OpNotContains Operator = "not_contains"
	OpStartsWith  Operator = "starts_with"
	OpEndsWith    Operator = "ends_with"
	OpExists      Operator = "exists"
	OpIsEmpty     Operator = "is_empty"
	OpIsNotEmpty  Operator = "is_not_empty"
	OpIn          Operator = "in"
)

// RuleType distinguishes comparisons from groups of rules.
type RuleType string

// The rule types. An empty RuleType means RuleCompare.
const (
	RuleCompare RuleType = "rule"
	RuleAll     RuleType = "and"
	RuleAny     RuleType = "or"
	RuleNot     RuleType = "not"
)

// isGroup reports whether rules of this type have rules instead of a field.
func (t RuleType) isGroup() bool { return t == RuleAll || t == RuleAny || t == RuleNot }

// Rule is a condition: a comparison, or a group of rules. Write one with Field,
// All, Any and Not:
//
//	automation.All(
//		automation.Field("event.plan").Eq("pro"),
//		automation.Field("contact.properties.seats").Gte(5),
//	)
//
// The zero Rule means "no rule".
type Rule struct {
	// Type is RuleCompare (or empty), RuleAll, RuleAny or RuleNot.
	Type RuleType `json:"type,omitempty"`
	// Field is the path of a comparison: event.…, trigger.…, contact.…, wait_events.…,
	// steps.<key>.… or run.….
	Field string `json:"field,omitempty"`
	// Operator compares Field with Value.
	Operator Operator `json:"operator,omitempty"`
	// Value is a literal, or a reference to data of the run, such as Var("event.limit").
	// The rule cannot be evaluated if the reference leads to nothing, or to a type that
	// the operator does not take. For OpGt, OpGte, OpLt and OpLte, it may be a time, such
	// as Now("-7 days"). Value is absent for OpExists, OpIsEmpty,
	// OpIsNotEmpty and OpIn.
	Value Value `json:"value,omitzero"`
	// Values are the literals of OpIn, from 1 to 1,000. They are absent for all other
	// operators. An empty list encodes as an empty list, and Validate refuses it.
	Values []Value `json:"values,omitzero"`
	// Rules are the members of a group. They are evaluated in order until one
	// decides the result. RuleNot has exactly one. An empty list encodes as an
	// empty list, and Validate refuses it.
	Rules []Rule `json:"rules,omitzero"`
}

// All returns a rule that holds if every member of rules holds.
func All(rules ...Rule) Rule {
	return Rule{Type: RuleAll, Rules: append([]Rule{}, rules...)}
}

// Any returns a rule that holds if at least one member of rules holds.
func Any(rules ...Rule) Rule {
	return Rule{Type: RuleAny, Rules: append([]Rule{}, rules...)}
}

// Not returns a rule that holds if r does not hold. What keeps r from being evaluated, such
// as an absent field, does so in Not(r) too: the step fails, and a filter does not match.
func Not(r Rule) Rule { return Rule{Type: RuleNot, Rules: []Rule{r}} }

// IsZero reports whether r is no rule at all.
func (r Rule) IsZero() bool {
	return r.Type == "" && r.Field == "" && r.Operator == "" && r.Value == (Value{}) && r.Values == nil && r.Rules == nil
}

// FieldRef is the field of a comparison. Its methods make Rules, and convert their
// arguments to literals with ValueOf, which leaves a reference made with Var as it is.
type FieldRef struct{ path string }

// Field returns the field at path, such as "event.plan",
// "contact.properties.seats" or "wait_events.order.paid.amount". Validate refuses
// a path that cannot lead to a field.
func Field(path string) FieldRef { return FieldRef{path} }

// Eq holds if the field equals value: a string, number, boolean or nil. Values of
// different JSON types are not equal. Numbers compare exactly.
func (f FieldRef) Eq(value any) Rule { return f.rule(OpEq, ValueOf(value)) }

// Neq holds if the field does not equal value.
func (f FieldRef) Neq(value any) Rule { return f.rule(OpNeq, ValueOf(value)) }

// In holds if the field equals one of the values, as Eq compares them. There are 1 to 1,000
// of them. An array is equal to none: a rule with one cannot be evaluated.
func (f FieldRef) In(values ...any) Rule {
	list := make([]Value, len(values))
	for i, v := range values {
		list[i] = ValueOf(v)
	}
	return Rule{Type: RuleCompare, Field: f.path, Operator: OpIn, Values: list}
}

// Gt holds if the field is greater than value: a number, or an RFC 3339 date or
// date-time. A date means midnight in UTC.
func (f FieldRef) Gt(value any) Rule { return f.rule(OpGt, ValueOf(value)) }

// Gte holds if the field is greater than or equal to value: a number or a date, as
// for Gt.
func (f FieldRef) Gte(value any) Rule { return f.rule(OpGte, ValueOf(value)) }

// Lt holds if the field is less than value: a number or a date, as for Gt.
func (f FieldRef) Lt(value any) Rule { return f.rule(OpLt, ValueOf(value)) }

// Lte holds if the field is less than or equal to value: a number or a date, as for
// Gt.
func (f FieldRef) Lte(value any) Rule { return f.rule(OpLte, ValueOf(value)) }

// Contains holds if the field is a string that contains the string value, or an
// array with an element that equals value.
func (f FieldRef) Contains(value any) Rule { return f.rule(OpContains, ValueOf(value)) }

// NotContains holds if the field is a string that does not contain the string value, or
// an array without an element that equals value. It also holds for null and for an unset
// field of a contact, which contain nothing.
func (f FieldRef) NotContains(value any) Rule { return f.rule(OpNotContains, ValueOf(value)) }

// StartsWith holds if the field is a string that begins with prefix. It is
// case-sensitive. A Rule with OpStartsWith can have a reference as its Value.
func (f FieldRef) StartsWith(prefix string) Rule { return f.rule(OpStartsWith, String(prefix)) }

// EndsWith holds if the field is a string that ends with suffix. It is
// case-sensitive. A Rule with OpEndsWith can have a reference as its Value.
func (f FieldRef) EndsWith(suffix string) Rule { return f.rule(OpEndsWith, String(suffix)) }

// Exists holds if the field is present. A null in a payload is present. An unset
// field of a contact is absent.
func (f FieldRef) Exists() Rule { return f.rule(OpExists, Value{}) }

// IsEmpty holds if the field is absent, null, or an empty string, array or
// object.
func (f FieldRef) IsEmpty() Rule { return f.rule(OpIsEmpty, Value{}) }

// IsNotEmpty holds if the field is present and neither null nor an empty string, array or
// object.
func (f FieldRef) IsNotEmpty() Rule { return f.rule(OpIsNotEmpty, Value{}) }

func (f FieldRef) rule(op Operator, value Value) Rule {
	return Rule{Type: RuleCompare, Field: f.path, Operator: op, Value: value}
}

// ruleProblem is a problem in a rule.
type ruleProblem struct {
	Path    string // from the rule, such as "rules[1].value"; "" is the rule itself
	Code    Code
	Message string
}

// ruleProblems returns all problems in r, in the order of the document. A rule
// without problems can be compiled. names are those of the automation.
//
// No rule is expensive to refuse: ruleProblems validates neither below the nesting
// limit nor beyond the limit of rules.
func ruleProblems(r Rule, limits Limits, names *pathNames) []ruleProblem {
	c := ruleValidator{limits: limits.withDefaults(), names: names}
	c.validate(r, "", 0)
	if c.rules > c.limits.Rules {
		c.report("", CodeLimit, "the rule has more than %d comparisons and groups: split it over several conditions",
			c.limits.Rules)
	}
	return c.problems
}

type ruleValidator struct {
	limits   Limits
	names    *pathNames
	rules    int // comparisons and groups so far
	problems []ruleProblem
}

func (c *ruleValidator) report(path string, code Code, format string, args ...any) {
	c.problems = append(c.problems, ruleProblem{path, code, fmt.Sprintf(format, args...)})
}

// validate validates r, which lies at path within depth groups.
func (c *ruleValidator) validate(r Rule, path string, depth int) {
	if c.rules++; c.rules > c.limits.Rules {
		return
	}
	switch r.Type {
	case "", RuleCompare:
		c.validateComparison(r, path)
	case RuleAll, RuleAny, RuleNot:
		c.validateGroup(r, path, depth+1)
	default:
		c.report(jsondoc.Join(path, "type"), CodeInvalidRule, `rule type %s is unknown: use "rule", "and", "or" or "not"`, jsondoc.Quote(r.Type))
	}
}

func (c *ruleValidator) validateGroup(r Rule, path string, depth int) {
	if depth > c.limits.RuleDepth {
		c.report(path, CodeLimit, "groups are nested more than %d deep: flatten them", c.limits.RuleDepth)
		return
	}
	for _, given := range []struct {
		name string
		is   bool
	}{{"field", r.Field != ""}, {"operator", r.Operator != ""}, {"value", isGiven(r.Value)}, {"values", r.Values != nil}} {
		if given.is {
			c.report(jsondoc.Join(path, given.name), CodeInvalidRule,
				"%q belongs to a comparison, not to a group of type %q: put it into one of its rules", given.name, r.Type)
		}
	}
	switch n := len(r.Rules); {
	case r.Type == RuleNot && n != 1:
		c.report(jsondoc.Join(path, "rules"), CodeInvalidRule, `a group of type "not" needs exactly one rule, not %d: `+
			`put several into one group of type "and" or "or"`, n)
	case n == 0:
		c.report(jsondoc.Join(path, "rules"), CodeInvalidRule, "a group of type %q needs at least one rule", r.Type)
	}
	for i, member := range r.Rules {
		if c.rules > c.limits.Rules {
			return
		}
		c.validate(member, jsondoc.Join(path, fmt.Sprintf("rules[%d]", i)), depth)
	}
}

func (c *ruleValidator) validateComparison(r Rule, path string) {
	if r.Rules != nil {
		c.report(jsondoc.Join(path, "rules"), CodeInvalidRule, `a comparison has no rules: set "type" to "and", "or" or "not" for a group`)
	}
	c.validateField(r.Field, jsondoc.Join(path, "field"))
	if r.Operator == "" {
		c.report(jsondoc.Join(path, "operator"), CodeInvalidRule, "the operator is missing: use one of %s", operatorList())
		return
	}
	if !r.Operator.isKnown() {
		c.report(jsondoc.Join(path, "operator"), CodeInvalidRule, "operator %s is unknown: use one of %s", jsondoc.Quote(r.Operator), operatorList())
		return
	}
	if r.Field == segmentsPath && !r.Operator.takesLists() {
		c.report(jsondoc.Join(path, "operator"), CodeInvalidRule, "%s is a list, which operator %q cannot compare: use %q or %q",
			segmentsPath, r.Operator, OpContains, OpNotContains)
	}
	if r.Operator == OpIn {
		c.validateList(r, path)
		return
	}
	if r.Values != nil {
		c.report(jsondoc.Join(path, "values"), CodeInvalidRule, `"values" belongs to operator "in": give operator %q one "value"`, r.Operator)
	}
	if problem := ruleValueFlaw(r.Operator, r.Value); problem != "" {
		c.report(jsondoc.Join(path, "value"), CodeInvalidRule, "%s", problem)
	} else if ref, ok := r.Value.Ref(); ok {
		c.validatePath(ref, jsondoc.Join(path, "value"))
		if ref == segmentsPath {
			c.report(jsondoc.Join(path, "value"), CodeInvalidRule, "%s is a list, with which operator %q cannot compare", segmentsPath, r.Operator)
		}
	}
}

// segmentsPath is the only path that always leads to a list.
const segmentsPath = "contact.segments"

// takesLists reports whether op accepts a field that is a list.
func (op Operator) takesLists() bool {
	return op.takesNone() || op == OpContains || op == OpNotContains
}

func (c *ruleValidator) validateField(field, path string) {
	if field == "" {
		c.report(path, CodeInvalidRule, "the field is missing: name one, such as event.plan or contact.email")
		return
	}
	c.validatePath(field, path)
}

// validatePath validates a reference, which lies at path.
func (c *ruleValidator) validatePath(ref, path string) {
	_, err := compilePath(ref, c.names)
	switch {
	case errors.Is(err, errNotWaitedFor):
		c.report(path, CodeWaitNeverBefore, "%s", err)
	case err != nil:
		c.report(path, CodeInvalidReference, "%s", err)
	}
}

// ruleValueFlaw returns the flaw of the value v for op, which is a known operator,
// or "".
func ruleValueFlaw(op Operator, v Value) string {
	if err := v.err(); err != nil {
		return err.Error()
	}
	if op.takesNone() {
		if isGiven(v) {
			return fmt.Sprintf("operator %q takes no value: leave it out", op)
		}
		return ""
	}
	if v.IsZero() {
		return fmt.Sprintf("the value is missing: operator %q compares with %s", op, op.takes())
	}
	_, isTime := v.FromNow()
	ref, isRef := v.Ref()
	switch {
	case isTime && op == OpIn:
		return fmt.Sprintf("a list has literals, not the time %s: compare with it in a rule of its own, with operator %q", jsondoc.Shorten(v.String()), OpGt)
	case isTime && !op.orders():
		return fmt.Sprintf("operator %q does not compare with the time %s: use %q, %q, %q or %q",
			op, jsondoc.Shorten(v.String()), OpGt, OpGte, OpLt, OpLte)
	case isRef && op == OpIn:
		return fmt.Sprintf("a list has literals, not a reference to %s: compare with it in a rule of its own, with operator %q", jsondoc.Quote(ref), OpEq)
	case !isRef && !op.accepts(v):
		return fmt.Sprintf("operator %q compares with %s, not with %s", op, op.takes(), jsondoc.Shorten(v.String()))
	}
	return ""
}

// maxRuleValues bounds the values of OpIn.
const maxRuleValues = 1000

// validateList validates a comparison with operator OpIn.
func (c *ruleValidator) validateList(r Rule, path string) {
	list := jsondoc.Join(path, "values")
	if isGiven(r.Value) {
		c.report(jsondoc.Join(path, "value"), CodeInvalidRule, `operator "in" takes a list: put the value into "values"`)
	}
	switch n := len(r.Values); {
	case n == 0:
		c.report(list, CodeInvalidRule, `the values are missing: operator "in" compares with a list of strings, numbers, booleans or nulls`)
		return
	case n > maxRuleValues:
		c.report(list, CodeLimit, "there are %d values, the limit is %d: put the rest into a second rule", n, maxRuleValues)
		return
	}
	for i, v := range r.Values {
		flaw := ruleValueFlaw(OpIn, v)
		if flaw != "" {
			c.report(fmt.Sprintf("%s[%d]", list, i), CodeInvalidRule, "%s", flaw)
		}
	}
}

// takesNone reports whether op looks only at the field. Such an operator accepts every
// field, also one that is absent.
func (op Operator) takesNone() bool {
	return op == OpExists || op == OpIsEmpty || op == OpIsNotEmpty
}

// accepts reports whether op can compare a field with the literal v.
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

// takes describes the literals that op accepts.
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
	OpEq, OpNeq, OpGt, OpGte, OpLt, OpLte, OpContains, OpNotContains, OpStartsWith, OpEndsWith,
	OpExists, OpIsEmpty, OpIsNotEmpty, OpIn,
}

func (op Operator) isKnown() bool { return slices.Contains(operators, op) }

func operatorList() string {
	names := make([]string, len(operators))
	for i, op := range operators {
		names[i] = string(op)
	}
	return strings.Join(names, ", ")
}

// isGiven reports whether v is a value: clients write null for "no value".
func isGiven(v Value) bool { return v.kind != valueAbsent && v.kind != valueNull }
