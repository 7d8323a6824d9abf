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
	Rules []Rule `json:"rules,omitempty"`
}

// IsZero reports whether r is no rule at all.
func (r Rule) IsZero() bool {
	return r.Type == "" && r.Field == "" && r.Operator == "" && r.Value == (Value{}) && r.Rules == nil
}
