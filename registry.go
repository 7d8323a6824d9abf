package automation

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/options"
)

// Registry holds the custom step types with their functions. Fill it with Handle when
// the application starts. Afterwards it is safe for concurrent use. A nil *Registry
// is empty.
type Registry struct {
	kinds map[StepType]*stepKind
}

// NewRegistry returns an empty Registry.
func NewRegistry() *Registry {
	return &Registry{kinds: make(map[StepType]*stepKind)}
}

// Handle registers do as the function that executes steps with configs of type C:
//
//	automation.Handle(reg, func(ctx context.Context, call automation.Call, c Slack) (automation.Result, error) {
//		return automation.Result{}, client.Post(ctx, c.Channel, c.Text)
//	}, automation.StepOptions{})
//
// C is a struct. Its method StepType has a value receiver and returns a name with a
// prefix, such as "acme.slack", which no built-in type has. C is decoded from JSON
// as strictly as the built-in configs: with exact field names, and without unknown
// fields. A field whose type has its own UnmarshalJSON is decoded by that method.
// A stored config that does not fit C any more, because a field has another name or
// Validate refuses the config, sets its runs aside until a process can read it. To rename
// a field, read the old name too until no run needs it.
//
// Handle panics if it cannot register the type: r or do is nil, C is unsuitable, its
// name has no prefix or is taken, or opts is invalid. It is not safe for concurrent
// use.
func Handle[C StepConfig](r *Registry, do StepFunc[C], opts StepOptions) {
	if r == nil {
		panic("automation: Handle needs a Registry; make one with NewRegistry")
	}
	kind, err := newStepKind(do, opts)
	if err == nil && r.kinds[kind.name] != nil {
		err = fmt.Errorf("step type %q is registered twice", kind.name)
	}
	if err != nil {
		panic("automation: Handle: " + err.Error())
	}
	r.kinds[kind.name] = kind
}

// StepFunc executes a custom step. A Runner may call it more than once for the same
// step of the same run, always with the same call.IdempotencyKey. The Runner retries
// after an error as after an error of the Mailer. A panic is a failed attempt.
type StepFunc[C StepConfig] func(ctx context.Context, call Call, config C) (Result, error)

// StepOptions tune a custom step type.
type StepOptions struct {
	// Branches are the connection types that a Result may choose, besides
	// ConnectionDefault.
	Branches []ConnectionType
	// Delivery overrides Options.Delivery for steps of this type. Empty means
	// Options.Delivery.
	Delivery Delivery
	// Retry is the policy for failed steps of this type. The zero value means the
	// policy of the automation.
	Retry RetryPolicy
}

func (o StepOptions) check() error {
	for i, branch := range o.Branches {
		switch {
		case branch == "":
			return fmt.Errorf("branch %d has no name", i)
		case branch == ConnectionDefault:
			return fmt.Errorf("branch %q need not be listed: every step has it", branch)
		case slices.Contains(o.Branches[:i], branch):
			return fmt.Errorf("branch %q is listed twice", branch)
		}
	}
	switch o.Delivery {
	case "", AtLeastOnce, AtMostOnce:
		var ps Problems
		o.Retry.validate(options.New(&ps, CodeInvalidRetry), retryOptionNames)
		return ps.Err("step options")
	default:
		return fmt.Errorf("delivery %q is neither %q nor %q", o.Delivery, AtLeastOnce, AtMostOnce)
	}
}

// ConfigValidator is an optional interface of a custom config. The struct or a
// pointer to it implements the interface. An error of Validate makes the automation
// invalid: validation reports the error as a problem of the step, and each problem of
// a *ValidationError separately. Without this interface, every config that can be
// decoded is valid.
type ConfigValidator interface {
	Validate() error
}

// Call is the input of a custom step.
type Call struct {
	IdempotencyKey               string // run/<run id>/<step key>, for every attempt
	AutomationID, RunID, StepKey string
	EventID                      string  // of the event that started the run
	Attempt                      int     // counts from 1
	Contact                      Contact // the current contact
	data                         *Data
}

// Resolve returns the value of v in this run: its literal, or the value that its
// reference leads to. The second result is false for an absent Value and for a
// reference that resolves to nothing. Of the outputs of other steps, a step has those that
// references in its config read.
func (c Call) Resolve(v Value) (any, bool) { return v.resolve(c.data) }

// Result is the result of a custom step.
type Result struct {
	// Branch is the type of the connection to take. Empty means ConnectionDefault.
	Branch ConnectionType
	// Output is recorded in StepRun.Output. It must encode to a JSON object, or be
	// nil.
	Output any
}

// lookup returns the custom step type with this name.
func (r *Registry) lookup(t StepType) (*stepKind, bool) {
	if r == nil {
		return nil, false
	}
	kind, ok := r.kinds[t]
	return kind, ok
}

// types returns the names of the custom step types, sorted.
func (r *Registry) types() []StepType {
	if r == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(r.kinds))
}

// stepKind is a custom step type. Its functions accept configs of its Go type, as
// resolve returns them.
type stepKind struct {
	name     StepType
	branches []ConnectionType
	delivery Delivery
	retry    RetryPolicy
	config   configShape
	do       func(ctx context.Context, call Call, config StepConfig) (Result, error)
	// validate calls the Validate method of the config, if there is one.
	validate func(config StepConfig) error
}

func newStepKind[C StepConfig](do StepFunc[C], opts StepOptions) (*stepKind, error) {
	goType := reflect.TypeFor[C]()
	if goType.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s is not a struct; declare StepType on the struct, not on a pointer", goType)
	}
	var zero C
	name := zero.StepType()
	if err := customTypeFlaw(name); err != nil {
		return nil, err
	}
	if do == nil {
		return nil, fmt.Errorf("step type %q has no function", name)
	}
	if err := opts.check(); err != nil {
		return nil, fmt.Errorf("step type %q: %w", name, err)
	}
	shape, err := shapes{}.of(goType)
	if err != nil {
		return nil, fmt.Errorf("step type %q: %s: %w", name, goType, err)
	}
	return &stepKind{
		name:     name,
		branches: slices.Clone(opts.Branches),
		delivery: opts.Delivery,
		retry:    opts.Retry,
		config:   configShape{goType: goType, shape: shape},
		do: func(ctx context.Context, call Call, config StepConfig) (Result, error) {
			return do(ctx, call, config.(C))
		},
		validate: validateConfig[C],
	}, nil
}

// outcomes returns the connection types that steps of the type may have.
func (k *stepKind) outcomes() []ConnectionType {
	return append([]ConnectionType{ConnectionDefault}, k.branches...)
}

func validateConfig[C StepConfig](config StepConfig) error {
	c := config.(C)
	if v, ok := any(&c).(ConfigValidator); ok {
		return v.Validate()
	}
	return nil
}

func customTypeFlaw(name StepType) error {
	if _, ok := builtin().configs[name]; ok {
		return fmt.Errorf("step type %q is built in", name)
	}
	prefix, rest, _ := strings.Cut(string(name), ".")
	if prefix == "" || rest == "" {
		return fmt.Errorf(`step type %q has no prefix; name it like "acme.slack"`, name)
	}
	return nil
}

// resolve returns the config of a step as a value of the kind's Go type: c itself,
// the config that c points to, or the decoded RawConfig.
func (k *stepKind) resolve(c StepConfig) (StepConfig, Problems) {
	c = plainConfig(c)
	if raw, ok := c.(RawConfig); ok {
		return k.decode(raw.Config)
	}
	if reflect.TypeOf(c) != k.config.goType {
		var ps Problems
		ps.Add(CodeInvalidConfig, "", "the config of a %q step must be a %s, not a %T", k.name, k.config.goType, c)
		return nil, ps
	}
	return c, nil
}

// decode decodes a config as strictly as Parse does. The paths of the problems begin
// at the config. No bytes and null give the zero config.
func (k *stepKind) decode(raw json.RawMessage) (StepConfig, Problems) {
	config := reflect.New(k.config.goType).Elem()
	if len(raw) > 0 && string(raw) != "null" {
		var r reader
		if problems := r.document(raw, k.config.shape, config); problems != nil {
			return nil, problems
		}
	}
	return config.Interface().(StepConfig), nil
}

// readBack reports the problems that a process will have when it reads config from a
// store.
func (k *stepKind) readBack(config StepConfig) (ps Problems) {
	text, err := jsondoc.Encode(config)
	if err != nil {
		ps.Add(CodeInvalidConfig, "", "the config cannot be encoded as JSON: %s", err)
		return ps
	}
	_, problems := k.decode(text)
	for _, p := range problems {
		ps.Add(CodeInvalidConfig, p.Path, "%s: the %s encodes as what it does not read back, so give it "+
			"MarshalJSON and UnmarshalJSON methods that agree", p.Message, k.config.goType)
	}
	return ps
}

// configValue is a Value inside a custom config.
type configValue struct {
	path  string // from the config, such as "fields.title"
	value Value
}

// values returns the Values in config and in its nested structs, slices and maps, in
// the order of their paths in JSON.
func (k *stepKind) values(config StepConfig) []configValue {
	return appendValues(nil, reflect.ValueOf(config), nil, 0)
}

func appendValues(found []configValue, v reflect.Value, path []byte, depth int) []configValue {
	if depth > jsondoc.MaxNesting {
		return found // a Go value can point to itself
	}
	switch v.Kind() {
	case reflect.Struct:
		if value, ok := v.Interface().(Value); ok {
			return append(found, configValue{string(path), value})
		}
		return appendStructValues(found, v, path, depth)
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			found = appendValues(found, v.Elem(), path, depth+1)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			found = appendValues(found, v.Index(i), jsondoc.AppendIndex(path, i), depth+1)
		}
	case reflect.Map:
		found = appendMapValues(found, v, path, depth)
	}
	return found
}

func appendStructValues(found []configValue, v reflect.Value, path []byte, depth int) []configValue {
	fields, err := jsonFields(v.Type())
	if err != nil {
		return found // a type with its own UnmarshalJSON can hold anything
	}
	for _, f := range fields {
		found = appendValues(found, v.FieldByIndex(f.Index), jsondoc.AppendKey(path, f.json), depth+1)
	}
	return found
}

func appendMapValues(found []configValue, v reflect.Value, path []byte, depth int) []configValue {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	for _, key := range keys {
		found = appendValues(found, v.MapIndex(key), jsondoc.AppendKey(path, fmt.Sprint(key)), depth+1)
	}
	return found
}
