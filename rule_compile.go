package automation

import (
	"fmt"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// CompiledRule is a rule in the form in which a Graph evaluates it. Compile a rule
// once, and evaluate it for any number of contacts. A CompiledRule is immutable and
// safe for concurrent use.
type CompiledRule struct {
	leaves     []ruleLeaf // the comparisons, in the order of the document
	recordSize int        // the most bytes that appendOutcomes appends
}

// RuleOptions tune CompileRule. The zero value works.
type RuleOptions struct {
	// WaitEvents are the names of the events whose payloads the rule may read with
	// wait_events.<event name>.<field>. Nil allows none.
	WaitEvents []string
	// StepKeys are the keys of the steps whose outputs the rule may read with
	// steps.<key>.<field>. Nil allows none.
	StepKeys []string
	// Limits bound the rule by RuleDepth and Rules. A zero field means the default.
	Limits Limits
}

// CompileRule validates and compiles a rule outside of an automation. With it, an
// application can find out which contacts would take a branch, before it enables
// the automation. The error is a *ValidationError with every problem that Validate
// reports for the rule of a Condition. The zero Rule is an error.
func CompileRule(r Rule, opts RuleOptions) (*CompiledRule, error) {
	var problems Problems
	names := &pathNames{waits: opts.WaitEvents, steps: opts.StepKeys}
	for _, p := range ruleProblems(r, opts.Limits, names) {
		problems.Add(p.Code, p.Path, "%s", p.Message)
	}
	if err := problems.Err("rule"); err != nil {
		return nil, err
	}
	return compileRule(r, names)
}

// ruleLeaf is one comparison of a compiled rule. A compiled rule has no groups. It
// has jumps instead: ifHeld and ifNot are either the index of the comparison to
// evaluate next, which is always a later one, or the result of the whole rule.
type ruleLeaf struct {
	operator Operator
	slot     int // the same for all comparisons of one field
	field    path
	value    operand
	other    *otherValue // instead of value, unless nil
	ifHeld   int
	ifNot    int
	prefix   string // the comparison's outcome in JSON, up to the result
}

// The results of a whole rule, as targets of jumps. They differ from every index.
const (
	ruleHolds       = -1
	ruleDoesNotHold = -2
)

// compileRule compiles r, for which ruleProblems returned no problem. names are
// those of the automation.
func compileRule(r Rule, names *pathNames) (*CompiledRule, error) {
	leaves := make([]ruleLeaf, 0, r.comparisons())
	c := ruleCompiler{names: names, rule: CompiledRule{leaves: leaves}}
	if err := c.add(r, ruleHolds, ruleDoesNotHold); err != nil {
		return nil, err
	}
	return &c.rule, nil
}

// comparisons counts the comparisons in r.
func (r *Rule) comparisons() int {
	if !r.Type.isGroup() {
		return 1
	}
	n := 0
	for i := range r.Rules {
		n += r.Rules[i].comparisons()
	}
	return n
}

type ruleCompiler struct {
	names *pathNames
	rule  CompiledRule
}

// add compiles r. The evaluation continues at ifHeld if r holds, and at ifNot if r
// does not hold.
func (c *ruleCompiler) add(r Rule, ifHeld, ifNot int) error {
	switch r.Type {
	case "", RuleCompare:
		return c.addLeaf(r, ifHeld, ifNot)
	case RuleAll, RuleAny:
		return c.addGroup(r, ifHeld, ifNot)
	case RuleNot:
		if len(r.Rules) != 1 {
			return fmt.Errorf("group of type %q has %d rules", r.Type, len(r.Rules))
		}
		return c.add(r.Rules[0], ifNot, ifHeld)
	default:
		return fmt.Errorf("rule type %q is unknown", r.Type)
	}
}

// addGroup compiles the members of a group. A member that does not decide the group
// jumps to the next member. The last member always decides.
func (c *ruleCompiler) addGroup(r Rule, ifHeld, ifNot int) error {
	if len(r.Rules) == 0 {
		return fmt.Errorf("group of type %q has no rules", r.Type)
	}
	last := len(r.Rules) - 1
	for _, member := range r.Rules[:last] {
		held, not := ifHeld, ifNot
		next := len(c.rule.leaves) + member.comparisons()
		if r.Type == RuleAll {
			held = next
		} else {
			not = next
		}
		if err := c.add(member, held, not); err != nil {
			return err
		}
	}
	return c.add(r.Rules[last], ifHeld, ifNot)
}

func (c *ruleCompiler) addLeaf(r Rule, ifHeld, ifNot int) error {
	if !r.Operator.isKnown() {
		return fmt.Errorf("operator %q is unknown", r.Operator)
	}
	field, err := compilePath(r.Field, c.names)
	if err != nil {
		return err
	}
	other, err := otherValueOf(r, c.names)
	if err != nil {
		return err
	}
	leaf := ruleLeaf{
		operator: r.Operator,
		slot:     c.slot(r.Field),
		field:    field,
		value:    literalOperand(r.Operator, r.Value),
		other:    other,
		ifHeld:   ifHeld,
		ifNot:    ifNot,
		prefix:   outcomePrefix(r),
	}
	c.rule.leaves = append(c.rule.leaves, leaf)
	c.rule.recordSize += len(leaf.prefix) + len("false},")
	return nil
}

// slot returns the number of a field. Numbers begin at 1.
func (c *ruleCompiler) slot(field string) int {
	for i := range c.rule.leaves {
		if leaf := &c.rule.leaves[i]; leaf.field.text == field {
			return leaf.slot
		}
	}
	return len(c.rule.leaves) + 1
}

// ConditionError means that a rule could not be evaluated: its field is absent, the
// reference that is its value leads to nothing, or its operator does not accept operands
// of these types. It fails the condition step that has the rule.
type ConditionError struct {
	Field    string
	Operator Operator
	// FieldType is the JSON type of the field: "absent", "null", "string",
	// "number", "boolean", "array" or "object". It is a Go type if the host put a
	// value of no JSON type into a contact's properties or into the Data of Holds.
	FieldType string
	// ValueType is the JSON type of the rule's value. It is "date" for a string that
	// the operator compares as a date, and "list" for the values of OpIn. If
	// the value is a reference, it is the type of what that leads to, as in FieldType.
	ValueType string
	// ValuePath is the path of a value that is a reference, and empty for a literal. It is
	// "now" for a time, if the Data have none.
	ValuePath string
}

func (e *ConditionError) Error() string {
	absent := operandAbsent.String()
	switch {
	case e.FieldType == absent && e.ValuePath != "":
		return fmt.Sprintf("field %q is absent, so operator %q cannot compare it with %q: test it with %q first",
			e.Field, e.Operator, e.ValuePath, OpExists)
	case e.FieldType == absent:
		return fmt.Sprintf("field %q is absent, so operator %q cannot compare it with a %s: test it with %q first",
			e.Field, e.Operator, e.ValueType, OpExists)
	case e.ValueType == absent:
		return fmt.Sprintf("%q is absent, so operator %q cannot compare field %q with it: test it with %q first",
			e.ValuePath, e.Operator, e.Field, OpExists)
	case e.ValuePath != "":
		return fmt.Sprintf("field %q is of type %s, which operator %q cannot compare with %q, which is of type %s",
			e.Field, e.FieldType, e.Operator, e.ValuePath, e.ValueType)
	}
	return fmt.Sprintf("field %q is of type %s, which operator %q cannot compare with a value of type %s",
		e.Field, e.FieldType, e.Operator, e.ValueType)
}

// Holds reports whether the rule holds for d, as in a run with this data. It
// evaluates the comparisons in order, until the result is certain. The error is a
// *ConditionError. Holds allocates nothing if all numbers in d are of type
// json.Number and the rule does not read contact.created_at.
func (c *CompiledRule) Holds(d Data) (bool, error) { return c.eval(&d, nil) }

// eval is Holds. It overwrites out, which is nil or comes from makeOutcomes, with the
// outcome of every comparison.
func (c *CompiledRule) eval(d *Data, out ruleOutcomes) (bool, error) {
	clear(out)
	var field operand
	slot, next := 0, 0
	for next >= 0 {
		leaf := &c.leaves[next]
		if leaf.slot != slot { // consecutive comparisons often read the same field
			field = operand{}
			leaf.field.read(d, &field)
			slot = leaf.slot
		}
		held, fits := leaf.compare(d, &field)
		if !fits {
			return false, leaf.conditionError(d, field.kind)
		}
		if out != nil {
			out[next] = outcomeOf(held)
		}
		next = leaf.ifNot
		if held {
			next = leaf.ifHeld
		}
	}
	return next == ruleHolds, nil
}

func (l *ruleLeaf) compare(d *Data, field *operand) (held, fits bool) {
	if field.kind != operandAbsent {
		return l.comparePresent(d, field)
	}
	switch {
	case l.operator.takesNone():
		return l.operator == OpIsEmpty, true
	case l.field.scope != scopeContact:
		return false, false
	default:
		// An unset field of a contact compares as null and is no mistake: contacts
		// gain fields over time. An absent field of a payload is a mistake, because
		// the author of an event chooses its fields.
		return l.comparePresent(d, &operand{kind: operandNull})
	}
}

func (l *ruleLeaf) comparePresent(d *Data, field *operand) (held, fits bool) {
	if l.other != nil {
		return l.other.compare(l.operator, d, field)
	}
	return l.operator.compare(field, &l.value)
}

func (l *ruleLeaf) conditionError(d *Data, kind operandKind) error {
	if kind == operandAbsent && l.field.scope == scopeContact {
		kind = operandNull // see compare: the mistake is in the value
	}
	e := &ConditionError{
		Field:     l.field.text,
		Operator:  l.operator,
		FieldType: l.field.typeName(d, kind),
		ValueType: l.value.kind.String(),
	}
	if l.other != nil {
		l.other.describe(d, e)
	}
	return e
}

// ruleOutcomes holds the outcomes of the comparisons of a compiled rule, in the
// order of the document.
type ruleOutcomes []ruleOutcome

type ruleOutcome uint8

const (
	ruleNotEvaluated ruleOutcome = iota // not reached, or its operands do not fit
	ruleHeld
	ruleDidNotHold
)

func outcomeOf(held bool) ruleOutcome {
	if held {
		return ruleHeld
	}
	return ruleDidNotHold
}

// makeOutcomes returns a slice for the outcomes of c. It uses buffer if that is
// large enough.
func (c *CompiledRule) makeOutcomes(buffer ruleOutcomes) ruleOutcomes {
	return append(buffer[:0], make(ruleOutcomes, len(c.leaves))...)
}

// recordOutcomes returns the record of a condition: a byte for its result, and a
// byte for the outcome of each comparison. The graph has the rest of the output.
func recordOutcomes(met bool, out ruleOutcomes) []byte {
	b := make([]byte, 1, 1+len(out))
	b[0] = byte(outcomeOf(met))
	for _, o := range out {
		b = append(b, byte(o))
	}
	return b
}

// readOutcomes decodes the result of recordOutcomes. The result ok is false for any
// other bytes: the first format of states records the output itself.
func readOutcomes(record []byte) (met bool, out ruleOutcomes, ok bool) {
	if len(record) == 0 || record[0] > byte(ruleDidNotHold) {
		return false, nil, false
	}
	out = make(ruleOutcomes, len(record)-1)
	for i, b := range record[1:] {
		out[i] = ruleOutcome(b)
	}
	return record[0] == byte(ruleHeld), out, true
}

// outcomePrefix returns the outcome of the comparison r in JSON, up to the result.
// Only the result differs from one evaluation to the next.
func outcomePrefix(r Rule) string {
	b := make([]byte, 0, 96+len(r.Field))
	b = jsondoc.AppendString(append(b, `{"field":`...), r.Field)
	b = jsondoc.AppendString(append(b, `,"operator":`...), string(r.Operator))
	if !r.Value.IsZero() {
		b = r.Value.appendJSON(append(b, `,"value":`...))
	}
	if r.Values != nil {
		b = append(b, `,"values":[`...)
		for i, v := range r.Values {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.appendJSON(b)
		}
		b = append(b, ']')
	}
	return string(append(b, `,"result":`...))
}

// appendOutcomes appends to dst a JSON array with the field, operator, value or values (if
// any) and result of every comparison. The result is null for a comparison that was
// not evaluated, and for one that out is too short for.
func (c *CompiledRule) appendOutcomes(dst []byte, out ruleOutcomes) []byte {
	dst = append(dst, '[')
	for i := range c.leaves {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, c.leaves[i].prefix...)
		outcome := ruleNotEvaluated
		if i < len(out) {
			outcome = out[i]
		}
		dst = append(append(dst, outcome.json()...), '}')
	}
	return append(dst, ']')
}

func (o ruleOutcome) json() string {
	switch o {
	case ruleHeld:
		return "true"
	case ruleDidNotHold:
		return "false"
	default:
		return "null"
	}
}
