package automation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/nearest"
)

// Parse decodes an automation from a JSON document that a person or a client wrote.
// It is strict: it refuses everything in the document that it would otherwise have to
// ignore. The error is a *ValidationError that lists the problems with their paths:
// unknown fields, duplicate keys of an object, values of the wrong type, steps
// without a key or a type. If data is not one JSON document in valid UTF-8, the error
// has a single problem, which names the line and the column.
//
// A step type must be built in or registered in reg, which may be nil. The configs of
// registered types become their Go structs. null means the same as no value. An
// automation without a status is disabled, as at Resend. Parse does not validate the
// graph: Validate does.
func Parse(data []byte, reg *Registry) (Automation, error) {
	r := reader{registry: reg}
	return r.automation(data, "document")
}

// decodeDefinition decodes an automation from a store. It is lenient, because a newer
// version of this library or of the host may have written the automation: it ignores
// unknown fields, but not those of custom configs. A step keeps its config as a RawConfig,
// unchanged, if its type is neither built in nor in reg, or if the config does not fit its
// type in reg.
func decodeDefinition(data []byte, reg *Registry) (Automation, error) {
	r := reader{registry: reg, lenient: true, keepUnknownSteps: true}
	a, err := r.automation(data, "stored automation")
	if err == nil {
		err = r.checkEngine()
	}
	return a, err
}

// engine is what this release knows of stored definitions. A definition that an older
// release would misunderstand names the least engine that it needs, as "engine".
const engine = 1

// checkEngine returns an error that wraps ErrNewerVersion if the stored definition needs a
// newer engine.
func (r *reader) checkEngine() error {
	n := r.doc.Member(0, "engine")
	if n < 0 {
		return nil
	}
	needed, err := strconv.Atoi(r.doc.Literal(n))
	if r.doc.Kind(n) == jsondoc.Number && err == nil && needed <= engine {
		return nil
	}
	return fmt.Errorf("automation: the stored automation needs engine %s, this process has engine %d: %w", r.doc.Raw(n), engine, ErrNewerVersion)
}

// unmarshal implements an UnmarshalJSON method, strictly. By the convention of
// encoding/json, null leaves the value unchanged.
func unmarshal[T any](data []byte, subject string, s *shape, into *T) error {
	if string(data) == "null" {
		return nil
	}
	var decoded T
	r := reader{keepUnknownSteps: true}
	if problems := r.document(data, s, reflect.ValueOf(&decoded).Elem()); problems != nil {
		return problems.Err(subject)
	}
	*into = decoded
	return nil
}

// maxProblems bounds the problems that are reported for one document.
const maxProblems = jsondoc.MaxViolations

// reader decodes one JSON document and collects its problems.
type reader struct {
	registry         *Registry
	lenient          bool // ignore unknown and repeated fields
	keepUnknownSteps bool // as RawConfig

	doc     *jsondoc.Doc
	builtin *builtinShapes
	found   []foundProblem
}

// foundProblem is a problem and its node. Problems are sorted by node, which is the
// order of the document.
type foundProblem struct {
	node    int
	problem Problem
}

// automation decodes data. subject names the data in errors.
func (r *reader) automation(data []byte, subject string) (Automation, error) {
	var a Automation
	if problems := r.document(data, builtin().automation, reflect.ValueOf(&a).Elem()); problems != nil {
		return Automation{}, problems.Err(subject)
	}
	if a.Status == "" {
		if !r.lenient && r.doc.Kind(0) == jsondoc.Object && !r.absent(0, "status") {
			var ps Problems
			ps.Add(CodeInvalidStatus, "status", "must not be empty: use %q or %q", StatusEnabled, StatusDisabled)
			return Automation{}, ps.Err(subject)
		}
		a.Status = StatusDisabled
	}
	// A nil list and an empty one encode alike, so they decode alike.
	if len(a.Steps) == 0 {
		a.Steps = nil
	}
	if len(a.Connections) == 0 {
		a.Connections = nil
	}
	return a, nil
}

// document decodes data, which has the shape s, into v and returns the problems.
func (r *reader) document(data []byte, s *shape, v reflect.Value) Problems {
	doc, err := jsondoc.Scan(data)
	if err != nil {
		var ps Problems
		ps.Add(CodeSyntax, "", "%s", err)
		return ps
	}
	r.doc, r.builtin = doc, builtin()
	s.read(r, 0, v)
	if !r.lenient {
		for _, key := range doc.Repeated {
			r.report(key, CodeDuplicateKey, "the object has this key more than once; keep one")
		}
	}
	return r.problems()
}

func (r *reader) problems() Problems {
	slices.SortStableFunc(r.found, func(a, b foundProblem) int { return a.node - b.node })
	var problems Problems
	for _, f := range r.found {
		problems = append(problems, f.problem)
	}
	return problems
}

// report adds a problem with node n.
func (r *reader) report(n int, code Code, format string, args ...any) {
	if len(r.found) < maxProblems {
		r.add(n, r.doc.Path(n), code, fmt.Sprintf(format, args...))
	}
}

// reportMissing adds a problem: object n lacks a value for key.
func (r *reader) reportMissing(n int, key, message string) {
	if len(r.found) < maxProblems {
		path := jsondoc.AppendKey([]byte(r.doc.Path(n)), key)
		r.add(n, string(path), CodeMissingField, message)
	}
}

func (r *reader) add(n int, path string, code Code, message string) {
	r.found = append(r.found, foundProblem{n, Problem{
		Severity: SeverityError, Code: code, Path: path, Message: message,
	}})
}

// is reports whether node n is of this kind. If not, is adds a problem.
func (r *reader) is(n int, kind jsondoc.Kind) bool {
	if r.doc.Kind(n) == kind {
		return true
	}
	r.report(n, CodeWrongType, "must be %s, not %s", kind, r.doc.Kind(n))
	return false
}

// isStruct reports whether node n is an object. If not, it adds a problem, with the fields that
// an object of shape s has, unless n is the whole document.
func (r *reader) isStruct(n int, s *shape) bool {
	if r.doc.Kind(n) == jsondoc.Object {
		return true
	}
	hint := ""
	if n > 0 && len(s.fields) > 0 {
		hint = ": its fields are " + strings.Join(s.names(), ", ")
	}
	r.report(n, CodeWrongType, "must be an object, not %s%s", r.doc.Kind(n), hint)
	return false
}

// unknownField adds a problem: an object of shape s has no field named key.
func (r *reader) unknownField(key int, s *shape) {
	if r.lenient || len(r.found) >= maxProblems {
		return
	}
	name := r.doc.Text(key)
	hint := "remove it"
	if near := nearest.Match(name, s.names()); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	} else if len(s.fields) > 0 {
		hint = "the fields here are " + strings.Join(s.names(), ", ")
	}
	r.report(key, CodeUnknownField, "there is no field %s: %s", jsondoc.Quote(name), hint)
}

// opaqueError adds a problem: the type's own UnmarshalJSON refused node n.
func (r *reader) opaqueError(n int, err error) {
	message := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "automation: "), "json: ")
	r.report(n, CodeWrongType, "%s", jsondoc.Shorten(message))
}

// UnmarshalJSON is as strict as Parse, but needs no Registry: a step whose type is
// not built in gets a RawConfig. null leaves a unchanged.
func (a *Automation) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	r := reader{keepUnknownSteps: true}
	decoded, err := r.automation(data, "document")
	if err != nil {
		return err
	}
	*a = decoded
	return nil
}

// UnmarshalJSON is as strict as Parse, but needs no Registry: a step whose type is
// not built in gets a RawConfig. null leaves s unchanged.
func (s *Step) UnmarshalJSON(data []byte) error {
	return unmarshal(data, "step", builtin().step, s)
}

// UnmarshalJSON decodes a rule as strictly as Parse does. null leaves c unchanged.
func (c *Condition) UnmarshalJSON(data []byte) error {
	return unmarshal(data, "condition", builtin().configs[TypeCondition].shape, c)
}

// UnmarshalJSON accepts a string, a number, a boolean, null, {"var": path} and
// {"now": offset}. A number keeps its digits. null is the literal null.
func (v *Value) UnmarshalJSON(data []byte) error {
	var decoded Value
	r := reader{}
	if problems := r.document(data, builtin().value, reflect.ValueOf(&decoded).Elem()); problems != nil {
		return problems.Err("value")
	}
	*v = decoded
	return nil
}

// builtinShapes are the shapes of the types that this package decodes.
type builtinShapes struct {
	automation, step, stepFields, value, retry, match *shape
	configs                                           map[StepType]configShape
}

// builtin returns the shapes of the built-in types. The first call makes them.
var builtin = sync.OnceValue(func() *builtinShapes {
	m := shapes{}
	b := &builtinShapes{
		automation: m.must(reflect.TypeFor[Automation]()),
		step:       m.must(reflect.TypeFor[Step]()),
		stepFields: m.must(reflect.TypeFor[stepFields]()),
		value:      m.must(reflect.TypeFor[Value]()),
		retry:      m.must(reflect.TypeFor[RetryPolicy]()),
		match:      m.must(reflect.TypeFor[Match]()),
		configs:    map[StepType]configShape{},
	}
	for _, config := range []StepConfig{
		Trigger{}, Condition{}, Delay{}, WaitForEvent{}, SendEmail{}, ContactUpdate{}, ContactDelete{}, AddToSegment{}, Branch{}, Split{}, WaitForAny{}, RemoveFromSegment{},
		DelayUntil{}, Window{},
		SendEvent{},
	} {
		t := reflect.TypeOf(config)
		b.configs[config.StepType()] = configShape{goType: t, shape: m.must(t)}
	}
	return b
})

// configShape decodes the configs of one step type.
type configShape struct {
	goType reflect.Type
	shape  *shape
}

// read returns the config at node n. null is the zero config.
func (c configShape) read(r *reader, n int) StepConfig {
	config := reflect.New(c.goType).Elem()
	if r.doc.Kind(n) != jsondoc.Null {
		c.shape.read(r, n, config)
	}
	return config.Interface().(StepConfig)
}

// stepFields is a step in JSON.
type stepFields struct {
	Key    string   `json:"key"`
	Type   StepType `json:"type"`
	Config jsonRef  `json:"config"`
}

// readStep is the readFunc of a Step.
func readStep(r *reader, n int, v reflect.Value) {
	var fields stepFields
	r.builtin.stepFields.read(r, n, reflect.ValueOf(&fields).Elem())
	if r.doc.Kind(n) != jsondoc.Object {
		return
	}
	if r.absent(n, "key") {
		r.reportMissing(n, "key", "the step has no key; give it one that no other step has")
	}
	*v.Addr().Interface().(*Step) = Step{Key: fields.Key, Config: r.config(n, fields)}
}

// config returns the config of the step at node n, or nil if its type is
// missing or unknown.
func (r *reader) config(n int, fields stepFields) StepConfig {
	if kind, ok := r.builtin.configs[fields.Type]; ok {
		return r.typedConfig(kind, fields)
	}
	if kind, ok := r.registry.lookup(fields.Type); ok {
		return r.customConfig(kind, fields)
	}
	switch {
	case fields.Type != "" && r.keepUnknownSteps:
		return r.rawConfig(fields)
	case fields.Type != "":
		r.unknownStep(r.doc.Member(n, "type"), fields.Type)
	case r.absent(n, "type") || r.doc.Kind(r.doc.Member(n, "type")) == jsondoc.String:
		r.reportMissing(n, "type", "the step has no type; it may be "+strings.Join(r.stepTypes(), ", "))
	}
	return nil
}

func (r *reader) typedConfig(kind configShape, fields stepFields) StepConfig {
	if fields.Config == 0 {
		return reflect.Zero(kind.goType).Interface().(StepConfig)
	}
	return kind.read(r, int(fields.Config))
}

// customConfig returns the config of a step of type kind. A stored config that does
// not fit the type becomes a RawConfig, and the automation can still be decoded.
// Compiling the automation reports the problems of such a config. A stored config with a
// field that the type does not have does not fit either: the host may have renamed the
// field, and the step must not execute without its value.
func (r *reader) customConfig(kind *stepKind, fields stepFields) StepConfig {
	before, lenient := len(r.found), r.lenient
	r.lenient = false
	config := r.typedConfig(kind.config, fields)
	r.lenient = lenient
	if lenient && len(r.found) > before {
		r.found = r.found[:before]
		return r.rawConfig(fields)
	}
	return config
}

// rawConfig keeps the text of a config, but removes the blanks between its parts.
// Thus the text does not change when it is encoded again.
func (r *reader) rawConfig(fields stepFields) RawConfig {
	if fields.Config == 0 {
		return RawConfig{Type: fields.Type}
	}
	var text bytes.Buffer
	if err := json.Compact(&text, r.doc.Raw(int(fields.Config))); err != nil {
		r.opaqueError(int(fields.Config), err)
	}
	return RawConfig{Type: fields.Type, Config: text.Bytes()}
}

// absent reports whether object n has no value for key, or the value null.
func (r *reader) absent(n int, key string) bool {
	value := r.doc.Member(n, key)
	return value < 0 || r.doc.Kind(value) == jsondoc.Null
}

// unknownStep adds a problem: the value at node n names no step type.
func (r *reader) unknownStep(n int, name StepType) {
	r.report(n, CodeUnknownType, "there is no step type %s: %s", jsondoc.Quote(name), typeHint(name, r.stepTypes()))
}

// typeHint suggests how to correct an unknown step type.
func typeHint(name StepType, known []string) string {
	if near := nearest.Match(string(name), known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "register it with Handle, or use " + strings.Join(known, ", ")
}

// stepTypes returns the names of the built-in step types and of those in the reader's
// Registry.
func (r *reader) stepTypes() []string { return r.builtin.stepTypes(r.registry) }

// stepTypes returns the names of the built-in step types and of those in registry.
func (b *builtinShapes) stepTypes(registry *Registry) []string {
	var names []string
	for _, t := range append(slices.Sorted(maps.Keys(b.configs)), registry.types()...) {
		names = append(names, string(t))
	}
	return names
}

// readValue is the readFunc of a Value, which is a scalar, {"var": path} or {"now": offset}.
func readValue(r *reader, n int, v reflect.Value) {
	value := v.Addr().Interface().(*Value)
	switch r.doc.Kind(n) {
	case jsondoc.Null:
		*value = Null()
	case jsondoc.Bool:
		*value = Bool(r.doc.Literal(n) == "true")
	case jsondoc.Number:
		*value = Value{kind: valueNumber, text: r.doc.Literal(n)}
	case jsondoc.String:
		*value = String(r.doc.Text(n))
	case jsondoc.Object:
		if offset := r.doc.Member(n, "now"); offset >= 0 {
			if r.doc.Kind(offset) != jsondoc.String || r.doc.Count(n) != 1 {
				r.report(n, CodeWrongType, `must be {"now": "-7 days"}, with nothing else in it, to be a time`)
				return
			}
			*value = Now(r.doc.Text(offset))
			return
		}
		path := r.doc.Member(n, "var")
		if path < 0 || r.doc.Kind(path) != jsondoc.String || r.doc.Count(n) != 1 {
			r.report(n, CodeWrongType, `must be a string, a number, a boolean, null or {"var": "path"} with nothing else in it, not another object`)
			return
		}
		*value = Var(r.doc.Text(path))
	default:
		r.report(n, CodeWrongType, `must be a string, a number, a boolean, null or {"var": "path"}, not %s`, r.doc.Kind(n))
	}
}

func (m shapes) condition() (readFunc, error) {
	rule, err := m.of(reflect.TypeFor[Rule]())
	return func(r *reader, n int, v reflect.Value) { rule.read(r, n, v.Field(0)) }, err
}

func (m shapes) wait(s *shape) error {
	return m.strict(s, reflect.TypeFor[WaitForEvent](), (*reader).refuseEmptyFilter)
}

// jsonRef is the node of a field's value, which is decoded later. Zero, which is the
// root of every document, means that the field is absent.
type jsonRef int

func readRef(_ *reader, n int, v reflect.Value) { v.SetInt(int64(n)) }
