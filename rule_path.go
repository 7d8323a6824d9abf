package automation

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/jsonvalue"
)

// path is a compiled reference into Data.
type path struct {
	text   string // as written
	scope  pathScope
	field  contactField // in scopeContact
	nested bool         // keys has dots
	event  string       // the event's name, in scopeWaitEvents
	keys   string       // what to follow into a payload or the properties
}

type pathScope uint8

const (
	scopeEvent pathScope = iota
	scopeContact
	scopeWaitEvents
)

// contactField is a field that every contact has.
type contactField uint8

const (
	noContactField contactField = iota // a property, or no path into a contact
	contactID
	contactEmail
	contactFirstName
	contactLastName
	contactUnsubscribed
	contactCreatedAt
)

var contactFields = map[string]contactField{
	"id":           contactID,
	"email":        contactEmail,
	"first_name":   contactFirstName,
	"last_name":    contactLastName,
	"unsubscribed": contactUnsubscribed,
	"created_at":   contactCreatedAt,
}

// errNotWaitedFor is wrapped by the error of compilePath for a reference into
// the payload of an event that the graph does not wait for.
var errNotWaitedFor = errors.New("no wait_for_event step waits for that event")

// createdAtFormat is how contact.created_at reads: RFC 3339 in UTC, with the
// microseconds that every store keeps.
const createdAtFormat = "2006-01-02T15:04:05.000000Z"

// compilePath compiles text, which begins with event., contact. or
// wait_events. The names are those of the events that the graph waits for:
// since event names contain dots, the longest that fits is the one meant.
//
// Segments are separated by dots and must not be empty.
func compilePath(text string, waitNames []string) (path, error) {
	scope, rest, _ := strings.Cut(text, ".")
	switch {
	case !utf8.ValidString(text):
		return path{}, fmt.Errorf("path %s is not valid UTF-8", jsondoc.Quote(text))
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
		return compileWaitPath(text, rest, waitNames)
	default:
		return path{}, fmt.Errorf("path %s must begin with \"event.\", \"contact.\" or \"wait_events.\"", jsondoc.Quote(text))
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
		return path{}, fmt.Errorf("path %s: a contact has no field %s: use id, email, first_name, last_name, "+
			"unsubscribed, created_at or properties.<name>", jsondoc.Quote(text), jsondoc.Quote(name))
	case nested:
		return path{}, fmt.Errorf("path %s leads into contact.%s, which has no fields", jsondoc.Quote(text), name)
	default:
		return path{text: text, scope: scopeContact, field: field}, nil
	}
}

func compileWaitPath(text, rest string, waitNames []string) (path, error) {
	p := path{text: text, scope: scopeWaitEvents}
	for _, name := range waitNames {
		keys, fits := strings.CutPrefix(rest, name+".")
		if fits && keys != "" && len(name) > len(p.event) {
			p.event, p.keys = name, keys
		}
	}
	if p.event == "" {
		return path{}, fmt.Errorf("path %s: %w: write wait_events.<event name>.<field> "+
			"with the event of an earlier wait_for_event step", jsondoc.Quote(text), errNotWaitedFor)
	}
	return finishPath(p)
}

// finishPath refuses empty segments: they are slips of the pen, and a key that
// is empty cannot be told from one.
func finishPath(p path) (path, error) {
	if strings.HasPrefix(p.keys, ".") || strings.HasSuffix(p.keys, ".") || strings.Contains(p.keys, "..") {
		return path{}, fmt.Errorf("path %s has an empty segment: put one dot between two names", jsondoc.Quote(p.text))
	}
	p.nested = strings.Contains(p.keys, ".")
	return p, nil
}

// String returns the path as it was written.
func (p *path) String() string { return p.text }

// resolve returns what the path leads to. The second result is false if it
// leads to nothing: a payload field that is absent, or a contact field or
// property that is unset, which includes a nil property and a nil Contact. A
// null in a payload is something: nil and true.
//
// What is returned belongs to d and must not be changed.
func (p *path) resolve(d *Data) (any, bool) {
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
	default:
		return nil, false
	}
}

// read is resolve for rules: it fills in o, which is zero. It makes no interface
// of a contact's fields, which would cost an allocation.
func (p *path) read(d *Data, o *operand) {
	if p.field != noContactField {
		p.readContact(d, o)
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
	default:
		if !c.CreatedAt.IsZero() {
			o.setText(stamp(c.CreatedAt).Format(createdAtFormat))
		}
	}
}

// setText sets o to a text field of a contact, which is unset when empty.
func (o *operand) setText(text string) {
	if text != "" {
		o.kind, o.text = operandString, text
	}
}

// follow resolves a path into a payload or into the contact's properties.
func (p *path) follow(d *Data) (any, bool) {
	if d == nil {
		return nil, false
	}
	switch p.scope {
	case scopeEvent:
		return p.followInto(d.Event)
	case scopeWaitEvents:
		return p.followInto(d.WaitEvents[p.event])
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

// followObject follows keys into object. Keys of a payload may themselves
// contain dots: the first segment is tried on its own, and if it leads nowhere
// it is tried together with the second, and so on.
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

// Data is what rules and references read, and never change.
type Data struct {
	// Event is the payload of the event that started the run, decoded with
	// numbers as json.Number, though a host's own Data may have any Go number; in
	// a wait's filter it is that of the incoming event.
	Event map[string]any
	// Contact is the run's contact, or nil if there is none.
	Contact *Contact
	// WaitEvents are the payloads of the last event received by a wait for each
	// event name in this run.
	WaitEvents map[string]map[string]any

	// waitNames are the names of all events that the graph waits for, received
	// or not. They decide which event a reference means. Without them the names
	// in WaitEvents do.
	waitNames []string
}

// eventsWaitedFor returns the event names that a wait_events reference can
// mean. A nil Data has none.
func (d *Data) eventsWaitedFor() []string {
	switch {
	case d == nil:
		return nil
	case d.waitNames != nil:
		return d.waitNames
	default:
		return slices.Collect(maps.Keys(d.WaitEvents))
	}
}
