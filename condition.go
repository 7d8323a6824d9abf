package automation

// Operator is how a rule compares its field with its value.
type Operator string

// The operators.
const (
	OpEq         Operator = "eq"
	OpNeq        Operator = "neq"
	OpGt         Operator = "gt"
	OpGte        Operator = "gte"
	OpLt         Operator = "lt"
	OpLte        Operator = "lte"
	OpContains   Operator = "contains"
	OpStartsWith Operator = "starts_with"
	OpEndsWith   Operator = "ends_with"
	OpExists     Operator = "exists"
	OpIsEmpty    Operator = "is_empty"
)

// RuleType says whether a Rule compares one field or groups other rules.
type RuleType string

// The rule types. An empty RuleType is read as RuleCompare.
const (
	RuleCompare RuleType = "rule"
	RuleAll     RuleType = "and"
	RuleAny     RuleType = "or"
)

// Rule is a condition: a comparison, or a group of rules. Write one with Field,
// All and Any:
//
//	automation.All(
//		automation.Field("event.plan").Eq("pro"),
//		automation.Field("contact.properties.seats").Gte(5),
//	)
//
// The zero Rule means "no rule".
type Rule struct {
	// Type is RuleCompare (or empty), RuleAll or RuleAny.
	Type RuleType `json:"type,omitempty"`
	// Field is the path a comparison reads: event.…, contact.… or wait_events.….
	Field string `json:"field,omitempty"`
	// Operator compares Field with Value.
	Operator Operator `json:"operator,omitempty"`
	// Value is a literal. It is absent for OpExists and OpIsEmpty.
	Value Value `json:"value,omitzero"`
	// Rules are the members of a group, evaluated in order until one decides.
	// A group without members is encoded as such, and refused by Validate.
	Rules []Rule `json:"rules,omitzero"`
}

// All returns a rule that holds if every one of rules does.
func All(rules ...Rule) Rule {
	return Rule{Type: RuleAll, Rules: append([]Rule{}, rules...)}
}

// Any returns a rule that holds if at least one of rules does.
func Any(rules ...Rule) Rule {
	return Rule{Type: RuleAny, Rules: append([]Rule{}, rules...)}
}

// IsZero reports whether r is no rule at all.
func (r Rule) IsZero() bool {
	return r.Type == "" && r.Field == "" && r.Operator == "" && r.Value == (Value{}) && r.Rules == nil
}

// FieldRef is the field that a comparison reads. Its methods make Rules; what
// they are given is turned into a literal by ValueOf.
type FieldRef struct{ path string }

// Field returns the field that path leads to, such as "event.plan",
// "contact.properties.seats" or "wait_events.order.paid.amount". A path that
// leads nowhere is refused by Validate.
func Field(path string) FieldRef { return FieldRef{path} }

// Eq holds if the field equals value: a string, number, boolean or nil. Values
// of different JSON types are not equal; numbers compare exactly.
func (f FieldRef) Eq(value any) Rule { return f.rule(OpEq, ValueOf(value)) }

// Neq holds if the field does not equal value.
func (f FieldRef) Neq(value any) Rule { return f.rule(OpNeq, ValueOf(value)) }

// Gt holds if the field is greater than value: a number, or an RFC 3339 date or
// date-time, of which the former means midnight in UTC.
func (f FieldRef) Gt(value any) Rule { return f.rule(OpGt, ValueOf(value)) }

// Gte holds if the field is greater than value or equal to it.
func (f FieldRef) Gte(value any) Rule { return f.rule(OpGte, ValueOf(value)) }

// Lt holds if the field is less than value: a number or a date, as for Gt.
func (f FieldRef) Lt(value any) Rule { return f.rule(OpLt, ValueOf(value)) }

// Lte holds if the field is less than value or equal to it.
func (f FieldRef) Lte(value any) Rule { return f.rule(OpLte, ValueOf(value)) }

// Contains holds if the field is a string with value, a string, in it, or an
// array with an element that equals value.
func (f FieldRef) Contains(value any) Rule { return f.rule(OpContains, ValueOf(value)) }

// StartsWith holds if the field is a string that begins with prefix, in the
// same case.
func (f FieldRef) StartsWith(prefix string) Rule { return f.rule(OpStartsWith, String(prefix)) }

// EndsWith holds if the field is a string that ends with suffix, in the same
// case.
func (f FieldRef) EndsWith(suffix string) Rule { return f.rule(OpEndsWith, String(suffix)) }

// Exists holds if the field is there, even if it is null. A contact's field
// that is unset is not there.
func (f FieldRef) Exists() Rule { return f.rule(OpExists, Value{}) }

// IsEmpty holds if the field is absent, null, or an empty string, array or
// object.
func (f FieldRef) IsEmpty() Rule { return f.rule(OpIsEmpty, Value{}) }

func (f FieldRef) rule(op Operator, value Value) Rule {
	return Rule{Type: RuleCompare, Field: f.path, Operator: op, Value: value}
}
