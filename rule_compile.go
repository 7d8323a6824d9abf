package automation

import (
	"fmt"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// CompiledRule is a rule that is ready to be evaluated, as the conditions of a
// Graph are. Compile it once and evaluate it for any number of contacts. It is
// immutable and safe for concurrent use.
type CompiledRule struct {
	leaves     []ruleLeaf // the comparisons, in the order of the document
	recordSize int        // bytes that appendOutcomes appends, at most
}

// RuleOptions say what a rule that is not part of an automation may contain. The
// zero value works.
type RuleOptions struct {
	// WaitEvents are the names of the events whose payloads the rule may read with
	// wait_events.<event name>.<field>. Nil allows none.
	WaitEvents []string
	// Limits bound the rule by RuleDepth and Rules; zero fields are the defaults.
	Limits Limits
}

// CompileRule validates a rule and compiles it by itself: to ask which contacts
// would take a branch, say, before the automation is enabled. The error is a
// *ValidationError with everything that Validate would find in the rule of a
// Condition. The zero Rule is refused.
func CompileRule(r Rule, opts RuleOptions) (*CompiledRule, error) {
	var problems Problems
	for _, p := range ruleProblems(r, opts.Limits, opts.WaitEvents) {
		problems.Add(p.Code, p.Path, "%s", p.Message)
	}
	if err := problems.Err("rule"); err != nil {
		return nil, err
	}
	return compileRule(r, opts.WaitEvents)
}

// ruleLeaf is a comparison. What comes after it is the index of another one
// further on, or the result of the whole rule: that is all that is left of the
// groups.
type ruleLeaf struct {
	operator Operator
	slot     int // the same for all comparisons of one field
	field    path
	value    operand
	ifHeld   int
	ifNot    int
	record   string // its outcome in JSON, up to the result
}

// The results of a rule, where the index of a comparison would stand.
const (
	ruleHolds       = -1
	ruleDoesNotHold = -2
)

// compileRule compiles r, in which checkRule found no problem. The names are
// those of the events that the graph waits for.
func compileRule(r Rule, waitNames []string) (*CompiledRule, error) {
	leaves := make([]ruleLeaf, 0, r.comparisons())
	c := ruleCompiler{waitNames: waitNames, rule: CompiledRule{leaves: leaves}}
	if err := c.add(r, ruleHolds, ruleDoesNotHold); err != nil {
		return nil, err
	}
	return &c.rule, nil
}

// comparisons counts the comparisons in r.
func (r *Rule) comparisons() int {
	if r.Type != RuleAll && r.Type != RuleAny {
		return 1
	}
	n := 0
	for i := range r.Rules {
		n += r.Rules[i].comparisons()
	}
	return n
}

type ruleCompiler struct {
	waitNames []string
	rule      CompiledRule
}

// add compiles r. What comes after it is ifHeld or ifNot.
func (c *ruleCompiler) add(r Rule, ifHeld, ifNot int) error {
	switch r.Type {
	case "", RuleCompare:
		return c.addLeaf(r, ifHeld, ifNot)
	case RuleAll, RuleAny:
		return c.addGroup(r, ifHeld, ifNot)
	default:
		return fmt.Errorf("rule type %q is unknown", r.Type)
	}
}

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
	field, err := compilePath(r.Field, c.waitNames)
	if err != nil {
		return err
	}
	leaf := ruleLeaf{
		operator: r.Operator,
		slot:     c.slot(r.Field),
		field:    field,
		value:    literalOperand(r.Operator, r.Value),
		ifHeld:   ifHeld,
		ifNot:    ifNot,
		record:   recordOf(r),
	}
	c.rule.leaves = append(c.rule.leaves, leaf)
	c.rule.recordSize += len(leaf.record) + len("false},")
	return nil
}

// slot numbers the fields from 1.
func (c *ruleCompiler) slot(field string) int {
	for i := range c.rule.leaves {
		if leaf := &c.rule.leaves[i]; leaf.field.text == field {
			return leaf.slot
		}
	}
	return len(c.rule.leaves) + 1
}

// ConditionError means that a rule could not be evaluated: its field is absent,
// or its operator does not take operands of these types. The step fails with
// it.
type ConditionError struct {
	Field    string
	Operator Operator
	// FieldType is the JSON type of the field: "absent", "null", "string",
	// "number", "boolean", "array" or "object"; or a Go type, if a host gave
	// a contact a property, or a payload to Holds, that is none of these.
	FieldType string
	// ValueType is the JSON type of the rule's value, or "date" for a string
	// that an operator compares as a date.
	ValueType string
}

func (e *ConditionError) Error() string {
	if e.FieldType == operandAbsent.String() {
		return fmt.Sprintf("field %q is absent, so operator %q cannot compare it with a %s: test it with %q first",
			e.Field, e.Operator, e.ValueType, OpExists)
	}
	return fmt.Sprintf("field %q is of type %s, which operator %q cannot compare with a value of type %s",
		e.Field, e.FieldType, e.Operator, e.ValueType)
}

// Holds reports whether the rule holds for d, as it would in a run with this
// data. It evaluates comparisons in order and only until the result is certain.
// The error is a *ConditionError. Where numbers are json.Number it allocates
// nothing, unless it reads contact.created_at.
func (c *CompiledRule) Holds(d Data) (bool, error) { return c.eval(&d, nil) }

// eval is Holds. If out is not nil it is overwritten with the outcome of every
// comparison, for which it has been given room by makeOutcomes.
func (c *CompiledRule) eval(d *Data, out ruleOutcomes) (bool, error) {
	clear(out)
	var field operand
	slot, next := 0, 0
	for next >= 0 {
		leaf := &c.leaves[next]
		if leaf.slot != slot { // two in a row often read one field
			field = operand{}
			leaf.field.read(d, &field)
			slot = leaf.slot
		}
		held, fits := leaf.compare(&field)
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

func (l *ruleLeaf) compare(field *operand) (held, fits bool) {
	if field.kind != operandAbsent {
		return l.operator.compare(field, &l.value)
	}
	switch {
	case l.operator == OpExists || l.operator == OpIsEmpty:
		return l.operator == OpIsEmpty, true
	case l.field.scope != scopeContact:
		return false, false
	default:
		// What a contact does not have is null and no mistake: contacts fill
		// up over time, while the author of a payload knows its fields.
		return l.operator.compare(&operand{kind: operandNull}, &l.value)
	}
}

func (l *ruleLeaf) conditionError(d *Data, kind operandKind) error {
	fieldType := kind.String()
	if kind == operandOther {
		v, _ := l.field.resolve(d)
		fieldType = fmt.Sprintf("%T", v)
	}
	return &ConditionError{
		Field:     l.field.text,
		Operator:  l.operator,
		FieldType: fieldType,
		ValueType: l.value.kind.String(),
	}
}

// ruleOutcomes holds what became of each comparison of a compiled rule, in the
// order of the document.
type ruleOutcomes []ruleOutcome

type ruleOutcome uint8

const (
	ruleNotEvaluated ruleOutcome = iota // an earlier comparison decided, or it failed
	ruleHeld
	ruleDidNotHold
)

func outcomeOf(held bool) ruleOutcome {
	if held {
		return ruleHeld
	}
	return ruleDidNotHold
}

// makeOutcomes returns room for the outcomes of c: buffer, if that is large enough.
func (c *CompiledRule) makeOutcomes(buffer ruleOutcomes) ruleOutcomes {
	return append(buffer[:0], make(ruleOutcomes, len(c.leaves))...)
}

// recordOutcomes returns what a condition has to record: a byte for what it has
// decided, and one for each comparison. The rest of its output follows from the graph.
func recordOutcomes(met bool, out ruleOutcomes) []byte {
	b := make([]byte, 1, 1+len(out))
	b[0] = byte(outcomeOf(met))
	for _, o := range out {
		b = append(b, byte(o))
	}
	return b
}

// readOutcomes reads what recordOutcomes has made. It reports false for anything
// else: an earlier version has recorded the output itself.
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

// recordOf returns the outcome of the comparison r in JSON, up to the result,
// which is all that differs from one evaluation to the next.
func recordOf(r Rule) string {
	b := make([]byte, 0, 96+len(r.Field))
	b = jsondoc.AppendString(append(b, `{"field":`...), r.Field)
	b = jsondoc.AppendString(append(b, `,"operator":`...), string(r.Operator))
	if !r.Value.IsZero() {
		b = r.Value.appendJSON(append(b, `,"value":`...))
	}
	return string(append(b, `,"result":`...))
}

// appendOutcomes appends a JSON array to dst with the field, operator, value
// (if any) and result of every comparison. The result of a comparison that was
// not evaluated is null, also if out is too short for the rule.
func (c *CompiledRule) appendOutcomes(dst []byte, out ruleOutcomes) []byte {
	dst = append(dst, '[')
	for i := range c.leaves {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, c.leaves[i].record...)
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
