package automation

import "fmt"

// ConditionError means that a rule could not be evaluated: its field is absent,
// or its operator does not take operands of these types. The step fails with
// it.
type ConditionError struct {
	Field    string
	Operator Operator
	// FieldType is the JSON type of the field: "absent", "null", "string",
	// "number", "boolean", "array" or "object"; or a Go type, if a host gave
	// a contact a property that is none of these.
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

// compiledRule is a rule that is ready to be evaluated. It is immutable.
type compiledRule struct {
	root   ruleNode
	leaves []ruleLeaf // the comparisons, in the order of the document
}

type ruleNode struct {
	typ     RuleType
	leaf    int        // index of the comparison, if typ is RuleCompare
	members []ruleNode // otherwise
}

type ruleLeaf struct {
	rule  Rule
	field path
	value operand
}

// compileRule compiles r, in which checkRule found no problem. The names are
// those of the events that the graph waits for.
func compileRule(r Rule, waitNames []string) (*compiledRule, error) {
	var c compiledRule
	root, err := c.add(r, waitNames)
	if err != nil {
		return nil, err
	}
	c.root = root
	return &c, nil
}

func (c *compiledRule) add(r Rule, waitNames []string) (ruleNode, error) {
	switch r.Type {
	case "", RuleCompare:
		return c.addLeaf(r, waitNames)
	case RuleAll, RuleAny:
		return c.addGroup(r, waitNames)
	default:
		return ruleNode{}, fmt.Errorf("rule type %q is unknown", r.Type)
	}
}

func (c *compiledRule) addGroup(r Rule, waitNames []string) (ruleNode, error) {
	n := ruleNode{typ: r.Type, members: make([]ruleNode, len(r.Rules))}
	for i, member := range r.Rules {
		var err error
		if n.members[i], err = c.add(member, waitNames); err != nil {
			return ruleNode{}, err
		}
	}
	return n, nil
}

func (c *compiledRule) addLeaf(r Rule, waitNames []string) (ruleNode, error) {
	if !r.Operator.isKnown() {
		return ruleNode{}, fmt.Errorf("operator %q is unknown", r.Operator)
	}
	field, err := compilePath(r.Field, waitNames)
	if err != nil {
		return ruleNode{}, err
	}
	c.leaves = append(c.leaves, ruleLeaf{rule: r, field: field, value: literalOperand(r.Operator, r.Value)})
	return ruleNode{typ: RuleCompare, leaf: len(c.leaves) - 1}, nil
}

// eval reports whether the rule holds. It evaluates comparisons in order and
// only until the result is certain. The error is a *ConditionError. If out is
// not nil it is overwritten with the outcome of every comparison; one that is
// used again costs no allocation.
func (c *compiledRule) eval(d *Data, out *ruleOutcomes) (bool, error) {
	var outcomes ruleOutcomes
	if out != nil {
		*out = append((*out)[:0], make(ruleOutcomes, len(c.leaves))...)
		outcomes = *out
	}
	return c.evalNode(&c.root, d, outcomes)
}

func (c *compiledRule) evalNode(n *ruleNode, d *Data, out ruleOutcomes) (bool, error) {
	if n.typ == RuleCompare {
		held, err := c.leaves[n.leaf].eval(d)
		if out != nil && err == nil {
			out[n.leaf] = outcomeOf(held)
		}
		return held, err
	}
	decisive := n.typ == RuleAny
	for i := range n.members {
		held, err := c.evalNode(&n.members[i], d, out)
		if err != nil || held == decisive {
			return held, err
		}
	}
	return !decisive, nil
}

func (l *ruleLeaf) eval(d *Data) (bool, error) {
	op := l.rule.Operator
	field := l.field.operand(d)
	if field.kind == operandAbsent {
		switch {
		case op == OpExists || op == OpIsEmpty:
			return op == OpIsEmpty, nil
		case l.field.scope != scopeContact:
			return false, l.conditionError(d, field.kind)
		}
		// What a contact does not have is null and no mistake: contacts fill
		// up over time, while the author of a payload knows its fields.
		field.kind = operandNull
	}
	held, fits := op.compare(&field, &l.value)
	if !fits {
		return false, l.conditionError(d, field.kind)
	}
	return held, nil
}

func (l *ruleLeaf) conditionError(d *Data, kind operandKind) error {
	fieldType := kind.String()
	if kind == operandOther {
		v, _ := l.field.resolve(d)
		fieldType = fmt.Sprintf("%T", v)
	}
	return &ConditionError{
		Field:     l.rule.Field,
		Operator:  l.rule.Operator,
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

// appendOutcomes appends a JSON array to dst with the field, operator, value
// (if any) and result of every comparison. The result of a comparison that was
// not evaluated is null. out was filled by eval of the same rule.
func (c *compiledRule) appendOutcomes(dst []byte, out *ruleOutcomes) []byte {
	dst = append(dst, '[')
	for i := range c.leaves {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = c.leaves[i].appendOutcome(dst, (*out)[i])
	}
	return append(dst, ']')
}

func (l *ruleLeaf) appendOutcome(dst []byte, outcome ruleOutcome) []byte {
	dst = append(dst, `{"field":`...)
	dst = appendJSONString(dst, l.rule.Field)
	dst = append(dst, `,"operator":`...)
	dst = appendJSONString(dst, string(l.rule.Operator))
	if !l.rule.Value.IsZero() {
		dst = append(dst, `,"value":`...)
		dst = l.rule.Value.appendJSON(dst)
	}
	dst = append(dst, `,"result":`...)
	switch outcome {
	case ruleHeld:
		dst = append(dst, "true"...)
	case ruleDidNotHold:
		dst = append(dst, "false"...)
	default:
		dst = append(dst, "null"...)
	}
	return append(dst, '}')
}
