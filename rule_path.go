package automation

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/jsonvalue"
	"github.com/seed-b636437c/automation/internal/nearest"
)

// path is a compiled reference into Data.
type path struct {
	text   string // as written
	scope  pathScope
	field  contactField // in scopeContact
	ofRun  runField     // in scopeRun
	nested bool         // keys contains dots
	name   string       // the event's name in scopeWaitEvents, the step's key in scopeSteps
	keys   string       // the rest of the path, into a payload or the properties; in scopeRun ""
}

type pathScope uint8

const (
	scopeEvent pathScope = iota
	scopeContact
	scopeWaitEvents
	scopeTrigger
	scopeRun
	scopeSteps
)

// pathNames are the names in an automation that its paths can contain. Nil means none.
type pathNames struct {
	waits []string // the events that the graph waits for
	steps []string // the keys of its steps
}

// scopeNames are the names with which paths begin.
var scopeNames = []string{"event", "trigger", "contact", "wait_events", "steps", "run"}

// runField is a field that every run has.
type runField uint8

const (
	noRunField runField = iota // the path does not lead to a run
	runID
	runStartedAt
	runTrigger
)

var runFields = map[string]runField{"id": runID, "started_at": runStartedAt, "trigger": runTrigger}

// contactField is a field that every contact has.
type contactField uint8

const (
	noContactField contactField = iota // the path leads to a property or to a payload
	contactID
	contactEmail
	contactFirstName
	contactLastName
	contactUnsubscribed
	contactCreatedAt
	contactSegments
)

var contactFields = map[string]contactField{
	"id":           contactID,
	"email":        contactEmail,
	"first_name":   contactFirstName,
	"last_name":    contactLastName,
	"unsubscribed": contactUnsubscribed,
	"created_at":   contactCreatedAt,
	"segments":     contactSegments,
}

// compilePath wraps errNotWaitedFor for a path into the payload of an event that the
// graph does not wait for.
var errNotWaitedFor = errors.New("no wait_for_event or wait_for_any step waits for that event")

// createdAtFormat is the format of contact.created_at and run.started_at in rules and references: RFC
// 3339 in UTC, with microseconds, the precision of every store.
const createdAtFormat = "2006-01-02T15:04:05.000000Z"

// compilePath compiles text, which begins with the name of a scope and a dot. Dots separate
// the segments, which must not be empty.
//
// names are those of the automation. Names of events and keys of steps can contain dots, so
// a path means the longest of these names that fits.
func compilePath(text string, names *pathNames) (path, error) {
	scope, rest, _ := strings.Cut(text, ".")
	switch {
	case !utf8.ValidString(text):
		return path{}, fmt.Errorf("path %s is not valid UTF-8", jsondoc.Quote(text))
	case rest == "" && text == scope && text != "" && !slices.Contains(scopeNames, scope):
		return path{}, fmt.Errorf("path %s names no field: write %s for a field of the event, or %s for a property of the contact",
			jsondoc.Quote(text), jsondoc.Quote("event."+text), jsondoc.Quote("contact.properties."+text))
	case rest == "":
		return path{}, fmt.Errorf("path %s names no field: write event.<field>, contact.<field> "+
			"or wait_events.<event name>.<field>", jsondoc.Quote(text))
	}
	switch scope {
	case "event":
		return finishPath(path{text: text, scope: scopeEvent, keys: rest})
	case "contact":
		return compileContactPath(text, rest)
	case "wait_events":
		return compileWaitPath(text, rest, names)
	case "steps":
		return compileStepsPath(text, rest, names)
	case "trigger":
		return finishPath(path{text: text, scope: scopeTrigger, keys: rest})
	case "run":
		return compileRunPath(text, rest)
	default:
		return path{}, fmt.Errorf("path %s must begin with %s", jsondoc.Quote(text), scopeHint(scope, rest))
	}
}

// scopeHint returns how a path begins that does not begin with a scope.
func scopeHint(scope, rest string) string {
	var quoted []string
	for _, name := range scopeNames {
		quoted = append(quoted, strconv.Quote(name+"."))
	}
	last := len(quoted) - 1
	hint := strings.Join(quoted[:last], ", ") + " or " + quoted[last]
	if near := nearest.Match(scope, scopeNames); near != "" {
		hint += ": did you mean " + jsondoc.Quote(near+"."+rest) + "?"
	}
	return hint
}

func compileRunPath(text, rest string) (path, error) {
	name, _, nested := strings.Cut(rest, ".")
	field := runFields[name]
	switch {
	case field == noRunField:
		hint := "use run.id, run.started_at or run.trigger"
		if near := nearest.Match(name, sortedKeys(runFields)); near != "" {
			hint = fmt.Sprintf("did you mean %q?", "run."+near)
		}
		return path{}, fmt.Errorf("path %s: a run has no field %s: %s", jsondoc.Quote(text), jsondoc.Quote(name), hint)
	case nested:
		return path{}, fmt.Errorf("path %s leads into run.%s, which has no fields", jsondoc.Quote(text), name)
	default:
		return path{text: text, scope: scopeRun, ofRun: field}, nil
	}
}

func compileContactPath(text, rest string) (path, error) {
	name, keys, nested := strings.Cut(rest, ".")
	field := contactFields[name]
	switch {
	case name == "properties" && keys == "":
		return path{}, fmt.Errorf("path %s names no property: write contact.properties.<name>", jsondoc.Quote(text))
	case name == "properties":
		return finishPath(path{text: text, scope: scopeContact, keys: keys})
	case field == noContactField:
		return path{}, fmt.Errorf("path %s: a contact has no field %s: %s", jsondoc.Quote(text), jsondoc.Quote(name), contactFieldHint(name))
	case nested:
		return path{}, fmt.Errorf("path %s leads into contact.%s, which has no fields", jsondoc.Quote(text), name)
	default:
		return path{text: text, scope: scopeContact, field: field}, nil
	}
}

// contactFieldHint returns how to correct a name that is no field of a contact.
func contactFieldHint(name string) string {
	if near := nearest.Match(name, append(sortedKeys(contactFields), "properties")); near != "" {
		return fmt.Sprintf("did you mean %q?", "contact."+near)
	}
	return "use id, email, first_name, last_name, unsubscribed, created_at, segments or properties.<name>"
}

// cutLongest sets p to the longest of the names with which rest begins, and to the keys
// after it. The name stays empty if there is none.
func (p *path) cutLongest(rest string, names []string) {
	for _, name := range names {
		keys, fits := strings.CutPrefix(rest, name+".")
		if fits && keys != "" && len(name) > len(p.name) {
			p.name, p.keys = name, keys
		}
	}
}

func compileStepsPath(text, rest string, names *pathNames) (path, error) {
	p := path{text: text, scope: scopeSteps}
	var keys []string
	if names != nil {
		keys = names.steps
	}
	p.cutLongest(rest, keys)
	if p.name != "" {
		return finishPath(p)
	}
	if key := strings.TrimSuffix(rest, "."); slices.Contains(keys, key) {
		return path{}, fmt.Errorf("path %s names no field of the output: write steps.%s.<field>", jsondoc.Quote(text), jsondoc.Shorten(key))
	}
	key, field, _ := strings.Cut(rest, ".")
	hint := "write steps.<key>.<field> with the key of an earlier step"
	if near := nearest.Match(key, keys); near != "" {
		hint = "did you mean " + jsondoc.Quote("steps."+near+"."+field) + "?"
	}
	return path{}, fmt.Errorf("path %s: there is no step %s: %s", jsondoc.Quote(text), jsondoc.Quote(key), hint)
}

func compileWaitPath(text, rest string, names *pathNames) (path, error) {
	p := path{text: text, scope: scopeWaitEvents}
	if names != nil {
		p.cutLongest(rest, names.waits)
	}
	if p.name == "" {
		return path{}, fmt.Errorf("path %s: %w: write wait_events.<event name>.<field> "+
			"with the event of an earlier wait_for_event step", jsondoc.Quote(text), errNotWaitedFor)
	}
	return finishPath(p)
}

// finishPath refuses empty segments. They are typing mistakes; an empty key of a
// payload would look the same.
func finishPath(p path) (path, error) {
	if strings.HasPrefix(p.keys, ".") || strings.HasSuffix(p.keys, ".") || strings.Contains(p.keys, "..") {
		return path{}, fmt.Errorf("path %s has an empty segment: put one dot between two names", jsondoc.Quote(p.text))
	}
	p.nested = strings.Contains(p.keys, ".")
	return p, nil
}

// String returns the path as it was written.
func (p *path) String() string { return p.text }

// resolve returns the value at the path. The second result is false if the path
// leads to nothing: to an absent field of a payload, or to an unset field or
// property of a contact. A nil property is unset, and a nil Contact has nothing set.
// For a null in a payload the results are nil and true.
//
// The value belongs to d. The caller must not change it.
func (p *path) resolve(d *Data) (any, bool) {
	if p.scope == scopeRun {
		text := p.readRun(d)
		if text == "" {
			return nil, false
		}
		return text, true
	}
	if p.field == noContactField {
		return p.follow(d)
	}
	var field operand
	p.readContact(d, &field)
	switch field.kind {
	case operandString:
		return field.text, true
	case operandBool:
		return field.yes, true
	case operandArray:
		ids := make([]any, len(*field.texts))
		for i, id := range *field.texts {
			ids[i] = id
		}
		return ids, true
	default:
		return nil, false
	}
}

// read is resolve for rules. It fills in o, which is zero. It never converts a field
// of a contact to an interface value, which would allocate.
func (p *path) read(d *Data, o *operand) {
	if p.field != noContactField {
		p.readContact(d, o)
	} else if p.scope == scopeRun {
		o.setText(p.readRun(d))
	} else if v, ok := p.follow(d); ok {
		o.set(v)
	}
}

func (p *path) readContact(d *Data, o *operand) {
	if d == nil || d.Contact == nil {
		return
	}
	c := d.Contact
	switch p.field {
	case contactID:
		o.setText(c.ID)
	case contactEmail:
		o.setText(c.Email)
	case contactFirstName:
		o.setText(c.FirstName)
	case contactLastName:
		o.setText(c.LastName)
	case contactUnsubscribed:
		o.kind, o.yes = operandBool, c.Unsubscribed
	case contactSegments:
		o.kind, o.texts = operandArray, &c.Segments
	default:
		if !c.CreatedAt.IsZero() {
			o.setText(stamp(c.CreatedAt).Format(createdAtFormat))
		}
	}
}

// readRun returns a field of the run, or "" without a run.
func (p *path) readRun(d *Data) string {
	switch {
	case d == nil || d.Run == nil:
		return ""
	case p.ofRun == runID:
		return d.Run.ID
	case p.ofRun == runTrigger:
		return d.Run.Trigger
	case d.Run.StartedAt.IsZero():
		return ""
	default:
		return stamp(d.Run.StartedAt).Format(createdAtFormat)
	}
}

// setText sets o to a text field of a contact or of a run. An empty field is unset and
// leaves o absent.
func (o *operand) setText(text string) {
	if text != "" {
		o.kind, o.text = operandString, text
	}
}

// follow resolves a path into a payload or into the properties of the contact.
func (p *path) follow(d *Data) (any, bool) {
	if d == nil {
		return nil, false
	}
	switch p.scope {
	case scopeEvent:
		return p.followInto(d.Event)
	case scopeWaitEvents:
		return p.followInto(d.WaitEvents[p.name])
	case scopeSteps:
		return p.followInto(d.Steps[p.name])
	case scopeTrigger:
		if d.Trigger == nil {
			return p.followInto(d.Event)
		}
		return p.followInto(d.Trigger)
	default:
		if d.Contact == nil {
			return nil, false
		}
		v, ok := p.followInto(d.Contact.Properties)
		return v, ok && v != nil
	}
}

func (p *path) followInto(object map[string]any) (any, bool) {
	if p.nested {
		return followObject(object, p.keys)
	}
	v, ok := object[p.keys]
	return v, ok
}

// followObject follows keys into object. The keys of a payload may contain dots.
// Therefore followObject tries the first segment as a key, then the first two
// segments as one key, and so on, until one leads to a value.
func followObject(object map[string]any, keys string) (any, bool) {
	for end := 0; end < len(keys); end++ {
		if dot := strings.IndexByte(keys[end:], '.'); dot >= 0 {
			end += dot
		} else {
			end = len(keys)
		}
		child, ok := object[keys[:end]]
		switch {
		case ok && end == len(keys):
			return child, true
		case ok:
			if found, ok := followAny(child, keys[end+1:]); ok {
				return found, true
			}
		}
	}
	return nil, false
}

func followAny(v any, keys string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		return followObject(v, keys)
	case []any:
		return followArray(v, keys)
	default:
		return nil, false
	}
}

func followArray(array []any, keys string) (any, bool) {
	segment, rest, deeper := strings.Cut(keys, ".")
	index, ok := jsonvalue.ParseIndex(segment)
	if !ok || index >= len(array) {
		return nil, false
	}
	element := array[index]
	if !deeper {
		return element, true
	}
	return followAny(element, rest)
}
