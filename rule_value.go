package automation

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed-b636437c/automation/internal/civil"
	"github.com/seed-b636437c/automation/internal/durationtext"
	"github.com/seed-b636437c/automation/internal/jsonvalue"
)

// otherValue is what a comparison compares its field with, if that is not one literal.
type otherValue struct {
	list    []operand     // of OpIn
	ref     *path         // of a reference
	isTime  bool          // whether it is a time that is relative to Data.Now
	fromNow time.Duration // of a time
}

// otherValueOf returns what r compares its field with, or nil if that is a literal.
func otherValueOf(r Rule, names *pathNames) (*otherValue, error) {
	if ref, ok := r.Value.Ref(); ok {
		p, err := compilePath(ref, names)
		return &otherValue{ref: &p}, err
	}
	if offset, ok := r.Value.FromNow(); ok {
		fromNow, err := parseOffset(offset)
		return &otherValue{isTime: true, fromNow: fromNow}, err
	}
	if r.Operator != OpIn {
		return nil, nil
	}
	o := &otherValue{list: make([]operand, len(r.Values))}
	for i, v := range r.Values {
		o.list[i] = operandOf(v.Literal())
	}
	return o, nil
}

// compare compares a field that is present. The result fits is false if op does not accept
// operands of these types.
func (o *otherValue) compare(op Operator, d *Data, field *operand) (held, fits bool) {
	switch {
	case o.isTime && d.lacksNow():
		return false, false
	case o.isTime:
		return op.compareTime(field, d.Now.Add(o.fromNow))
	case o.ref == nil:
		return field.isIn(o.list)
	}
	var value operand
	o.read(d, &value)
	return op.compareWith(field, &value)
}

func (d *Data) lacksNow() bool { return d == nil || d.Now.IsZero() }

// read fills in value, which is zero, with what the reference leads to. It stays absent if
// that is nothing. An unset field of a contact is null.
func (o *otherValue) read(d *Data, value *operand) {
	o.ref.read(d, value)
	if value.kind == operandAbsent && o.ref.scope == scopeContact {
		value.kind = operandNull
	}
}

// compareWith compares a field that is present with a value that comes from data, and not
// from the rule, which is validated.
func (op Operator) compareWith(field, value *operand) (held, fits bool) {
	switch {
	case op.orders() && value.kind == operandString:
		date, ok := jsonvalue.ParseDate(value.text)
		if !ok {
			return false, false
		}
		return op.compareTime(field, date)
	case op.orders():
		fits = value.kind == operandNumber
	case op == OpStartsWith || op == OpEndsWith:
		fits = value.kind == operandString
	default:
		fits = value.isScalar()
	}
	if !fits {
		return false, false
	}
	return op.compare(field, value)
}

// isIn reports whether a scalar equals an element of list.
func (o *operand) isIn(list []operand) (held, fits bool) {
	if !o.isScalar() {
		return false, false
	}
	for i := range list {
		if o.equals(&list[i]) {
			return true, true
		}
	}
	return false, true
}

// describe adds the value to the error of a comparison.
func (o *otherValue) describe(d *Data, e *ConditionError) {
	switch {
	case o.isTime && d.lacksNow():
		e.ValuePath, e.ValueType = "now", operandAbsent.String()
		return
	case o.isTime:
		return // it is a date
	case o.ref == nil:
		e.ValueType = operandList.String()
		return
	}
	var value operand
	o.read(d, &value)
	e.ValuePath, e.ValueType = o.ref.text, o.ref.typeName(d, value.kind)
}

// typeName returns the name of the type that an operand of this kind, read from the path,
// has in messages.
func (p *path) typeName(d *Data, kind operandKind) string {
	if kind != operandOther {
		return kind.String()
	}
	v, _ := p.resolve(d)
	return fmt.Sprintf("%T", v)
}

// parseOffset parses how far a time is from now: "-7 days", "36h", or nothing, such as "0s".
func parseOffset(text string) (time.Duration, error) {
	if isNoTime(text) {
		return 0, nil
	}
	offset, err := civil.ParseOffset(text)
	return offset.Std(), err
}

// isNoTime reports whether text is a zero and its unit, such as "0 seconds" or "0s".
func isNoTime(text string) bool {
	text = strings.TrimLeft(strings.TrimSpace(text), "+-")
	if words := strings.Fields(text); len(words) == 2 && words[0] == "0" {
		_, err := durationtext.Parse("1 " + words[1])
		return err == nil
	}
	d, err := time.ParseDuration(text)
	return err == nil && d == 0
}
