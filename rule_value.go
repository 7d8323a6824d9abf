package automation

// otherValue is what a comparison compares its field with, if that is not one literal.
type otherValue struct {
	list []operand // of OpIn
}

// otherValueOf returns what r compares its field with, or nil if that is a literal.
func otherValueOf(r Rule) *otherValue {
	if r.Operator != OpIn {
		return nil
	}
	o := &otherValue{list: make([]operand, len(r.Values))}
	for i, v := range r.Values {
		o.list[i] = operandOf(v.Literal())
	}
	return o
}

// compare compares a field that is present. The result fits is false if op does not accept
// operands of these types.
func (o *otherValue) compare(field *operand) (held, fits bool) {
	if !field.isScalar() {
		return false, false
	}
	for i := range o.list {
		if field.equals(&o.list[i]) {
			return true, true
		}
	}
	return false, true
}

// kind returns the kind of the value, for messages.
func (o *otherValue) kind() operandKind { return operandList }
