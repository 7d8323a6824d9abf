package automation

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

// recordOf returns the outcome of the comparison r in JSON, up to the result,
// which is all that differs from one evaluation to the next.
func recordOf(r Rule) string {
	b := make([]byte, 0, 96+len(r.Field))
	b = appendJSONString(append(b, `{"field":`...), r.Field)
	b = appendJSONString(append(b, `,"operator":`...), string(r.Operator))
	if !r.Value.IsZero() {
		b = r.Value.appendJSON(append(b, `,"value":`...))
	}
	return string(append(b, `,"result":`...))
}

// appendOutcomes appends a JSON array to dst with the field, operator, value
// (if any) and result of every comparison. The result of a comparison that was
// not evaluated is null. out was filled by eval of the same rule.
func (c *CompiledRule) appendOutcomes(dst []byte, out ruleOutcomes) []byte {
	dst = append(dst, '[')
	for i := range c.leaves {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, c.leaves[i].record...)
		dst = append(append(dst, out[i].json()...), '}')
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
