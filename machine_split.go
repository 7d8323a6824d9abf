package automation

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// split is a compiled split step.
type split struct {
	salt     string
	variants []Variant
	weights  []int
	byRun    bool
	by       *path // into the payload; nil for the contact or the run
}

// split compiles the config of the step with this key.
func (c *compiler) split(key string, s Split) (*split, error) {
	compiled := &split{salt: s.Salt, variants: s.Variants, byRun: s.By == splitByRun}
	if s.Salt == "" {
		compiled.salt = c.id + "/" + key
	}
	for _, v := range s.Variants {
		compiled.weights = append(compiled.weights, v.Weight)
	}
	if VariantIndex("", "", compiled.weights) < 0 {
		return nil, errors.New("the weights of the variants divide nothing")
	}
	switch s.By {
	case "", splitByContact, splitByRun:
		return compiled, nil
	}
	p, err := compilePath(s.By, nil)
	if err == nil && p.scope != scopeEvent {
		err = fmt.Errorf("path %q leads not into the payload", s.By)
	}
	if err != nil {
		return nil, err
	}
	c.reads(&p)
	compiled.by = &p
	return compiled, nil
}

// divide takes the variant of the run, and records it.
func (a *advance) divide(n *node) (ConnectionType, error) {
	unit, err := n.split.unit(a.s.RunID, a.data())
	if err != nil {
		return "", err
	}
	chosen := n.split.variants[VariantIndex(n.split.salt, unit, n.split.weights)]
	a.s.current().branch = ConnectionType(chosen.Name)
	return ConnectionType(chosen.Name), nil
}

// unit returns what the variant belongs to.
func (s *split) unit(runID string, d *Data) (string, error) {
	switch {
	case s.byRun:
		return runID, nil
	case s.by != nil:
		return s.by.unit(d)
	case d.Contact == nil:
		return "", errNoContact
	default:
		return d.Contact.ID, nil
	}
}

// unit returns the scalar at the path as text. Equal numbers have equal texts.
func (p *path) unit(d *Data) (string, error) {
	var value operand
	p.read(d, &value)
	switch value.kind {
	case operandString:
		return value.text, nil
	case operandNumber:
		return value.number.Canonical(), nil
	case operandBool:
		return strconv.FormatBool(value.yes), nil
	case operandAbsent, operandNull:
		return "", &ReferenceError{p.text}
	default:
		return "", fmt.Errorf("automation: %q is of type %s, and a split needs a text, a number or a boolean", p.text, value.kind)
	}
}

// output is the output of a split step. It follows from the variant, so that the state does
// not have it.
func (s *split) output(st *stepState) json.RawMessage {
	if st.branch == "" {
		return st.output
	}
	b := appendJSON([]byte(`{"branch":`), string(st.branch), '}')
	for _, v := range s.variants {
		if v.Holdout && v.Name == string(st.branch) {
			return append(b[:len(b)-1], `,"holdout":true}`...)
		}
	}
	return b
}
