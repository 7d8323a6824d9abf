package automation

import "github.com/seed-b636437c/automation/internal/jsondoc"

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
