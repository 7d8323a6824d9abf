package automation

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/seed-b636437c/automation/internal/jsonvalue"
)

// operand is one side of a comparison. It is not an interface value, because a
// comparison must not allocate. Callers fill operands in place, because copying an
// operand takes longer than comparing it. The zero operand is an absent field.
type operand struct {
	kind   operandKind
	yes    bool   // the boolean; for an object, whether it is empty
	text   string // the string or the date
	number jsonvalue.Number
	array  []any
	texts  *[]string  // of a list of texts, instead of array: the segments of a contact
	date   *time.Time // for operandDate
}

type operandKind uint8

const (
	operandAbsent operandKind = iota
	operandNull
	operandString
	operandNumber
	operandBool
	operandArray
	operandObject
	operandDate  // a rule's value that an operator orders as a date
	operandOther // a Go value that has no JSON type, in the host's own data
	operandList  // the values of OpIn
)

var operandTypes = [...]string{"absent", "null", "string", "number", "boolean", "array", "object", "date", "other", "list"}

// String returns the JSON type, for messages.
func (k operandKind) String() string { return operandTypes[k] }

// operandOf converts v, which is decoded JSON or a Go string, boolean or number of
// any type.
func operandOf(v any) operand {
	var o operand
	o.set(v)
	return o
}

// set sets o, which is zero, to the operand for v.
func (o *operand) set(v any) {
	switch v := v.(type) {
	case nil:
		o.kind = operandNull
	case string:
		o.kind, o.text = operandString, v
	case json.Number:
		o.setNumber(jsonvalue.ParseNumber(string(v)))
	case bool:
		o.kind, o.yes = operandBool, v
	case []any:
		o.kind, o.array = operandArray, v
	case map[string]any:
		o.kind, o.yes = operandObject, len(v) == 0
	default:
		o.setGo(reflect.ValueOf(v))
	}
}

func (o *operand) setGo(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		o.kind, o.text = operandString, v.String()
	case reflect.Bool:
		o.kind, o.yes = operandBool, v.Bool()
	default:
		o.setNumber(jsonvalue.NumberOf(v))
	}
}

func (o *operand) setNumber(n jsonvalue.Number, ok bool) {
	o.kind = operandOther
	if ok {
		o.kind, o.number = operandNumber, n
	}
}

// literalOperand returns the operand for the value v of a rule with operator op. The operand
// for a time has the type of a date, and no date: that is known when the rule is evaluated.
func literalOperand(op Operator, v Value) operand {
	if v.kind == valueNow {
		return operand{kind: operandDate, date: &time.Time{}}
	}
	if v.kind == valueString && op.orders() {
		if date, ok := jsonvalue.ParseDate(v.text); ok {
			return operand{kind: operandDate, text: v.text, date: &date}
		}
	}
	return operandOf(v.Literal())
}

// orders reports whether op compares the order of its operands.
func (op Operator) orders() bool {
	return op == OpGt || op == OpGte || op == OpLt || op == OpLte
}

// compare applies op to a field that is present. The result fits is false if op does
// not accept operands of these types.
func (op Operator) compare(field, value *operand) (held, fits bool) {
	switch op {
	case OpEq:
		return field.equals(value), field.isScalar()
	case OpNeq:
		return !field.equals(value), field.isScalar()
	case OpExists:
		return true, true
	case OpIsEmpty:
		return field.isEmpty(), true
	case OpIsNotEmpty:
		return !field.isEmpty(), true
	case OpContains:
		return field.contains(value)
	case OpNotContains:
		held, fits = field.contains(value)
		return !held, fits
	case OpStartsWith:
		return field.hasAffix(value, strings.HasPrefix)
	case OpEndsWith:
		return field.hasAffix(value, strings.HasSuffix)
	default:
		return op.order(field, value)
	}
}

// order applies an ordering operator. No ordering operator holds for null.
func (op Operator) order(field, value *operand) (held, fits bool) {
	if field.kind == operandNull {
		return false, true
	}
	order, fits := field.order(value)
	fits = fits && op.orders()
	return fits && op.admits(order), fits
}

// admits reports whether an ordering operator holds for operands whose order is -1, 0 or 1.
func (op Operator) admits(order int) bool {
	switch op {
	case OpGt:
		return order > 0
	case OpGte:
		return order >= 0
	case OpLt:
		return order < 0
	case OpLte:
		return order <= 0
	default:
		return false
	}
}

// compareTime applies an ordering operator to a field that is present, and to a time.
func (op Operator) compareTime(field *operand, at time.Time) (held, fits bool) {
	switch field.kind {
	case operandNull:
		return false, true
	case operandString:
		date, ok := jsonvalue.ParseDate(field.text)
		return ok && op.admits(date.Compare(at)), ok
	default:
		return false, false
	}
}

func (o *operand) isScalar() bool {
	switch o.kind {
	case operandNull, operandString, operandNumber, operandBool:
		return true
	default:
		return false
	}
}

// equals reports whether two scalars are of one type and equal. It is false for all
// other operands.
func (o *operand) equals(value *operand) bool {
	if o.kind != value.kind {
		return false
	}
	switch o.kind {
	case operandNull:
		return true
	case operandString:
		return o.text == value.text
	case operandNumber:
		return o.number.Compare(value.number) == 0
	case operandBool:
		return o.yes == value.yes
	default:
		return false
	}
}

func (o *operand) isEmpty() bool {
	switch o.kind {
	case operandAbsent, operandNull:
		return true
	case operandString:
		return o.text == ""
	case operandArray:
		return len(o.array) == 0 && (o.texts == nil || len(*o.texts) == 0)
	case operandObject:
		return o.yes
	default:
		return false
	}
}

// contains reports whether a string has value as a substring, or an array has it as
// an element. Null contains nothing.
func (o *operand) contains(value *operand) (held, fits bool) {
	switch o.kind {
	case operandNull:
		return false, true
	case operandString:
		return strings.Contains(o.text, value.text), value.kind == operandString
	case operandArray:
		for _, v := range o.array {
			if element := operandOf(v); element.equals(value) {
				return true, true
			}
		}
		return o.texts != nil && value.kind == operandString && slices.Contains(*o.texts, value.text), true
	default:
		return false, false
	}
}

// hasAffix applies has to two strings. Null has no prefix or suffix, not even "".
func (o *operand) hasAffix(value *operand, has func(text, affix string) bool) (held, fits bool) {
	if o.kind == operandNull {
		return false, true
	}
	fits = o.kind == operandString && value.kind == operandString
	return fits && has(o.text, value.text), fits
}

// order returns -1, 0 or 1 if o is less than, equal to or greater than value.
func (o *operand) order(value *operand) (order int, fits bool) {
	switch {
	case o.kind == operandNumber && value.kind == operandNumber:
		return o.number.Compare(value.number), true
	case o.kind == operandString && value.kind == operandDate:
		date, ok := jsonvalue.ParseDate(o.text)
		return date.Compare(*value.date), ok
	default:
		return 0, false
	}
}
