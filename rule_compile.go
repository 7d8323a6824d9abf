package automation

import "fmt"

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
	for _, p := range checkRule(r, opts.Limits, opts.WaitEvents) {
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
