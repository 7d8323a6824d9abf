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
