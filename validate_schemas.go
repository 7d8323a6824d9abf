package automation

import (
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/nearest"
	"github.com/seed-b636437c/automation/internal/schema"
)

// maxFieldWarnings bounds how many warnings about fields of events Validate looks for,
// because each of them compares a name with all names of a schema.
const maxFieldWarnings = 100

// schemasOf returns the schemas of the definitions by event. It leaves out definitions
// that are invalid, which is a problem of their own.
func schemasOf(definitions []EventDefinition) map[string]*schema.Schema {
	schemas := make(map[string]*schema.Schema, len(definitions))
	for _, d := range definitions {
		if s, _ := schema.Compile(d.Schema); s != nil {
			schemas[d.Name] = s
		}
	}
	return schemas
}

// triggerEvent returns the name of the event that starts runs, or "" if that is unknown.
func (g *stepGraph) triggerEvent() string {
	if !g.isRooted() {
		return ""
	}
	trigger, _ := g.configs[g.trigger].(Trigger)
	return trigger.EventName
}

// payloadField is a path into the payload of an event.
type payloadField struct {
	event  string // the name of the event
	prefix string // of the path, before the field
	path
}

// payloadField returns p as a path into a payload, if it is one. Paths that begin with
// event. read the payload of event, and those that begin with trigger. that of trigger.
func (p path) payloadField(event, trigger string) (payloadField, bool) {
	switch p.scope {
	case scopeEvent:
		return payloadField{event, "event.", p}, event != ""
	case scopeTrigger:
		return payloadField{trigger, "trigger.", p}, trigger != ""
	case scopeWaitEvents:
		return payloadField{p.name, "wait_events." + p.name + ".", p}, true
	default:
		return payloadField{}, false
	}
}

// describe returns what the definition of the event states about p. Without a definition
// everything is known.
func (c *stepValidator) describe(p path, event string) (payloadField, schema.Description) {
	f, ok := p.payloadField(event, c.graph.triggerEvent())
	s := c.schemas[f.event]
	if !ok || s == nil || c.fieldWarnings >= maxFieldWarnings {
		return f, schema.Description{Known: true}
	}
	return f, s.Describe(f.keys)
}

// validateField warns about a field that the definition of its event does not declare. It
// returns the type of the field, or "" if that is unknown.
func (c *stepValidator) validateField(at string, p path, event string) (typ string) {
	f, d := c.describe(p, event)
	hint := f.hint(d)
	if hint == "" {
		return d.Type
	}
	c.fieldWarnings++
	c.warnf(CodeUnknownEventField, at, "the definition of event %s has no field %s: %s", jsondoc.Quote(f.event), jsondoc.Quote(f.keys), hint)
	return ""
}

// hint returns how to correct a path that d does not know. It is empty if d knows the path,
// and if the event may have other fields and none of them is similar.
func (f payloadField) hint(d schema.Description) string {
	if d.Known {
		return ""
	}
	parent := strings.TrimSuffix(f.prefix+d.Parent, ".")
	if d.ParentType != "" {
		return fmt.Sprintf("%s is a %s, which has no fields", jsondoc.Quote(parent), d.ParentType)
	}
	missing := strings.TrimPrefix(f.keys, d.Parent)
	if near := nearest.Match(missing, d.Fields); near != "" {
		return fmt.Sprintf("did you mean %s?", jsondoc.Quote(parent+"."+near))
	}
	first, rest, deeper := strings.Cut(missing, ".")
	if near := nearest.Match(first, d.Fields); near != "" && deeper {
		return fmt.Sprintf("did you mean %s?", jsondoc.Quote(parent+"."+near+"."+rest))
	}
	if d.Open {
		return ""
	}
	fields := jsondoc.Shorten(strings.Join(d.Fields, ", "))
	if d.Parent == "" {
		return "its fields are " + fields
	}
	return fmt.Sprintf("the fields of %s are %s", jsondoc.Quote(parent), fields)
}

// validateOperands warns about a comparison that cannot hold, or not fail to hold, for any
// value of the type that the definition of the event declares.
func (c *stepValidator) validateOperands(at string, p path, r Rule, typ string) {
	if r.Operator == OpIn {
		c.validateList(at, p, r, typ)
		return
	}
	if typ == "" || r.Operator.takesNone() || !isGiven(r.Value) || !r.Operator.accepts(r.Value) {
		return
	}
	field, value := sampleOf(typ), literalOperand(r.Operator, r.Value)
	_, fits := r.Operator.compare(&field, &value)
	switch equality := r.Operator == OpEq || r.Operator == OpNeq; {
	case !fits:
		c.fieldWarnings++
		c.warnf(CodeEventFieldType, at, "%s is a %s by the definition of its event, which operator %q cannot compare with %s",
			jsondoc.Quote(p.text), typ, r.Operator, jsondoc.Shorten(r.Value.String()))
	case equality && field.kind != value.kind:
		c.fieldWarnings++
		c.warnf(CodeEventFieldType, at, "%s is a %s by the definition of its event, and never equals %s, which is a %s",
			jsondoc.Quote(p.text), typ, jsondoc.Shorten(r.Value.String()), value.kind)
	}
}

// validateTypes warns about a comparison of two fields whose declared types the operator
// cannot compare, or that are never equal.
func (c *stepValidator) validateTypes(at string, p, value path, op Operator, typ, valueType string) {
	if typ == "" || valueType == "" || op.takesNone() || !op.isKnown() || c.fieldWarnings >= maxFieldWarnings {
		return
	}
	field, other := sampleOf(typ), sampleOf(valueType)
	_, fits := op.compareWith(&field, &other)
	switch equality := op == OpEq || op == OpNeq; {
	case !fits:
		c.fieldWarnings++
		c.warnf(CodeEventFieldType, at, "%s is a %s by the definition of its event, which operator %q cannot compare with %s, a %s",
			jsondoc.Quote(p.text), typ, op, jsondoc.Quote(value.text), valueType)
	case equality && field.kind != other.kind:
		c.fieldWarnings++
		c.warnf(CodeEventFieldType, at, "%s is a %s by the definition of its event, and never equals %s, which is a %s",
			jsondoc.Quote(p.text), typ, jsondoc.Quote(value.text), valueType)
	}
}

// validateList warns about the values of OpIn that the field cannot equal.
func (c *stepValidator) validateList(at string, p path, r Rule, typ string) {
	if typ == "" {
		return
	}
	field := sampleOf(typ)
	for i, v := range r.Values {
		if value := operandOf(v.Literal()); isGiven(v) && v.err() == nil && field.kind != value.kind && c.fieldWarnings < maxFieldWarnings {
			c.fieldWarnings++
			c.warnf(CodeEventFieldType, fmt.Sprintf("%s.values[%d]", at, i), "%s is a %s by the definition of its event, and never equals %s, which is a %s",
				jsondoc.Quote(p.text), typ, jsondoc.Shorten(v.String()), value.kind)
		}
	}
}

// sampleOf returns an operand of a type that a definition declares. A text can be a date.
func sampleOf(typ string) operand {
	switch typ {
	case "number":
		return operandOf(0)
	case "boolean":
		return operandOf(false)
	default:
		return operandOf("2026-01-31")
	}
}
