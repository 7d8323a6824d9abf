package automation

import (
	"encoding/json"
	"fmt"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// arm is a compiled branch of a branch step.
type arm struct {
	name ConnectionType
	rule *CompiledRule
}

func (c *compiler) arms(b Branch) ([]arm, error) {
	arms := make([]arm, len(b.Branches))
	for i, branch := range b.Branches {
		rule, err := c.rule(branch.Rule)
		if err != nil {
			return nil, fmt.Errorf("branch %q: %w", branch.Name, err)
		}
		arms[i] = arm{ConnectionType(branch.Name), rule}
	}
	return arms, nil
}

// choose evaluates the rules of a branch step until one holds. It records the branch, and
// the outcomes of the rules that it has evaluated.
func (a *advance) choose(n *node) (ConnectionType, error) {
	var buffer [16]ruleOutcome // on the stack, and large enough for most rules
	record, branch := []byte(armsRecord), ConnectionDefault
	for i := range n.arms {
		rule := n.arms[i].rule
		outcomes := rule.makeOutcomes(buffer[:])
		held, err := rule.eval(a.data(), outcomes)
		if err != nil {
			return "", fmt.Errorf("branch %s: %w", jsondoc.Quote(n.arms[i].name), err)
		}
		for _, o := range outcomes {
			record = append(record, outcomeLetters[o])
		}
		if held {
			branch = n.arms[i].name
			break
		}
	}
	st := a.s.current()
	st.branch = branch
	st.setOutput(append(record, `"}`...))
	return branch, nil
}

// armsRecord is the beginning of the record of a branch step: a letter for each comparison
// of the rules that were evaluated. The graph has the rest of the output. The record is JSON,
// because a process that does not know the step type shows it as it is.
const armsRecord = `{"outcomes":"`

// outcomeLetters are the letters of the outcomes in a record. They are part of the format.
var outcomeLetters = [...]byte{ruleNotEvaluated: '-', ruleHeld: 't', ruleDidNotHold: 'f'}

// armsOutput is the output of a branch step: the branch that the run took, and the outcomes
// of the rules that were evaluated. It returns the record itself if that is of another form.
func (n *node) armsOutput(st *stepState) json.RawMessage {
	var record struct {
		Outcomes string `json:"outcomes"`
	}
	if json.Unmarshal(st.output, &record) != nil || record.Outcomes == "" {
		return st.output
	}
	b := appendJSON([]byte(`{"branch":`), string(st.branch), ',')
	b = append(b, `"branches":[`...)
	rest := record.Outcomes
	for i := range n.arms {
		size := len(n.arms[i].rule.leaves)
		if size > len(rest) {
			break
		}
		b = appendJSON(append(b, `{"name":`...), string(n.arms[i].name), ',')
		b = n.arms[i].rule.appendOutcomes(append(b, `"rules":`...), outcomesOf(rest[:size]))
		b = append(b, `},`...)
		rest = rest[size:]
	}
	return append(closeList(b), '}')
}

// outcomesOf decodes the letters of one rule.
func outcomesOf(letters string) ruleOutcomes {
	outcomes := make(ruleOutcomes, len(letters))
	for i := range outcomes {
		for o, letter := range outcomeLetters {
			if letters[i] == letter {
				outcomes[i] = ruleOutcome(o)
			}
		}
	}
	return outcomes
}

// closeList ends a JSON array in which a comma follows each element.
func closeList(b []byte) []byte {
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	return append(b, ']')
}
