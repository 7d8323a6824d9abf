package automation

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// StepTypeInfo describes a step type, so that a program can draw a form for its configs.
type StepTypeInfo struct {
	Type StepType `json:"type"`
	// BuiltIn is true for the step types of this package.
	BuiltIn bool `json:"built_in"`
	// Branches are the types of the connections out of a step. There are none after
	// contact_delete, which ends the run. The branches that the config of a step names come
	// first; see Branch.Outcomes.
	Branches []ConnectionType `json:"branches,omitempty"`
	// Config describes the configs. Its kind is ConfigObject, unless the config has an
	// UnmarshalJSON method, as that of a condition.
	Config ConfigType `json:"config"`
}

// ConfigKind is what the JSON of a value in a config is.
type ConfigKind string

// The kinds.
const (
	ConfigString   ConfigKind = "string" // also of type Offset, LocalTime, Date or Weekday
	ConfigNumber   ConfigKind = "number"
	ConfigInteger  ConfigKind = "integer" // a whole number, also of a time.Duration, which counts nanoseconds
	ConfigBoolean  ConfigKind = "boolean"
	ConfigDuration ConfigKind = "duration" // of type Duration: "3 days"
	ConfigTime     ConfigKind = "time"     // of type time.Time: "2026-01-31T09:30:00Z"
	ConfigRule     ConfigKind = "rule"     // of type Rule or Condition
	ConfigValue    ConfigKind = "value"    // of type Value, or Zone: a literal or a reference
	ConfigObject   ConfigKind = "object"   // with Fields
	ConfigList     ConfigKind = "list"     // of Element
	ConfigMap      ConfigKind = "map"      // an object with any keys, whose values are of Element
	// ConfigJSON is any JSON: of an interface, of a type with an UnmarshalJSON method, of
	// a struct inside itself, and of what comes after the first 1,000 fields of a config.
	ConfigJSON ConfigKind = "json"
)

// ConfigType describes a config, or a value in it.
type ConfigType struct {
	Kind    ConfigKind    `json:"kind"`
	Fields  []ConfigField `json:"fields,omitempty"`  // of a ConfigObject, in the order of the struct
	Element *ConfigType   `json:"element,omitempty"` // of a ConfigList or a ConfigMap
}

// ConfigField is a field of an object in a config.
type ConfigField struct {
	// Name is the name in JSON.
	Name string `json:"name"`
	// Required is true if the field is no pointer and has neither omitempty nor omitzero
	// in its tag: a config that is encoded always has a value for it. A config that is
	// decoded may lack any field. Only a Validate method of the config refuses that.
	Required bool `json:"required"`
	ConfigType
}

// Describe describes the step types of the Registry, sorted by their names, with the
// fields that encoding/json encodes. Runner.StepTypes adds the built-in types.
func (r *Registry) Describe() []StepTypeInfo {
	var infos []StepTypeInfo
	for _, name := range r.types() {
		kind := r.kinds[name]
		infos = append(infos, StepTypeInfo{Type: name, Branches: kind.outcomes(), Config: describeConfig(kind.config.goType)})
	}
	return infos
}

// maxConfigFields bounds the description of a config. Structs that contain each other
// repeatedly have exponentially many fields.
const maxConfigFields = 1000

func describeConfig(t reflect.Type) ConfigType {
	d := configDescriber{open: map[reflect.Type]bool{}, left: maxConfigFields}
	return d.describe(t)
}

// configDescriber describes the types of one config.
type configDescriber struct {
	open map[reflect.Type]bool // the types around the current one
	left int                   // how many more fields may be described
}

// describe describes any type. What it cannot describe is ConfigJSON.
func (d *configDescriber) describe(t reflect.Type) ConfigType {
	if kind := knownKind(t); kind != "" {
		return ConfigType{Kind: kind}
	}
	if d.open[t] {
		return ConfigType{Kind: ConfigJSON}
	}
	d.open[t] = true
	defer delete(d.open, t)
	switch t.Kind() {
	case reflect.Pointer:
		return d.describe(t.Elem())
	case reflect.Slice:
		return d.collection(ConfigList, t)
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			return d.collection(ConfigMap, t)
		}
	case reflect.Struct:
		return d.object(t)
	}
	return ConfigType{Kind: ConfigJSON}
}

// knownKind returns the kind of a type without parts, or "".
func knownKind(t reflect.Type) ConfigKind {
	switch t {
	case reflect.TypeFor[Value]():
		return ConfigValue
	case reflect.TypeFor[Rule](), reflect.TypeFor[Condition]():
		return ConfigRule
	case reflect.TypeFor[Duration]():
		return ConfigDuration
	case reflect.TypeFor[time.Time]():
		return ConfigTime
	case reflect.TypeFor[json.Number]():
		return ConfigNumber
	case reflect.TypeFor[Offset](), reflect.TypeFor[LocalTime](), reflect.TypeFor[Date]():
		return ConfigString
	case reflect.TypeFor[Zone]():
		return ConfigValue
	case reflect.TypeFor[RetryPolicy]():
		return "" // it has fields, although it decodes itself
	}
	if readsItself(t) {
		return itsOwnKind(t)
	}
	return scalarKind(t.Kind())
}

// itsOwnKind returns the kind of a type with its own method for decoding. encoding/json
// calls UnmarshalText for strings only.
func itsOwnKind(t reflect.Type) ConfigKind {
	p := reflect.PointerTo(t)
	if p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) && !p.Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return ConfigString
	}
	return ConfigJSON
}

func scalarKind(kind reflect.Kind) ConfigKind {
	switch kind {
	case reflect.String:
		return ConfigString
	case reflect.Bool:
		return ConfigBoolean
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return ConfigInteger
	case reflect.Float32, reflect.Float64:
		return ConfigNumber
	default:
		return ""
	}
}

func (d *configDescriber) collection(kind ConfigKind, t reflect.Type) ConfigType {
	element := d.describe(t.Elem())
	return ConfigType{Kind: kind, Element: &element}
}

func (d *configDescriber) object(t reflect.Type) ConfigType {
	if t == reflect.TypeFor[RetryPolicy]() {
		t = reflect.TypeFor[retryFields]()
	}
	fields, err := jsonFields(t)
	if err != nil || len(fields) > d.left {
		return ConfigType{Kind: ConfigJSON}
	}
	d.left -= len(fields)
	object := ConfigType{Kind: ConfigObject}
	for _, f := range fields {
		object.Fields = append(object.Fields, ConfigField{Name: f.json, Required: isRequired(f), ConfigType: d.describe(f.Type)})
	}
	return object
}

func isRequired(f jsonField) bool {
	_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	for option := range strings.SplitSeq(options, ",") {
		if option == "omitempty" || option == "omitzero" {
			return false
		}
	}
	return f.Type.Kind() != reflect.Pointer
}
