package automation

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// path is a compiled reference into Data.
type path struct {
	text  string // as written
	scope pathScope
	event string // the event's name, in scopeWaitEvents
	field string // the field, in scopeContact, unless it is a property
	keys  string // what to follow into a payload or the properties, with dots
}

type pathScope uint8

const (
	scopeEvent pathScope = iota
	scopeContact
	scopeWaitEvents
)

// errNotWaitedFor is wrapped by the error of compilePath for a reference into
// the payload of an event that the graph does not wait for.
var errNotWaitedFor = errors.New("no wait_for_event step waits for that event")

// contactCreatedAt is how contact.created_at reads: RFC 3339 in UTC, with the
// microseconds that every store keeps.
const contactCreatedAt = "2006-01-02T15:04:05.000000Z"

// compilePath compiles text, which begins with event., contact. or
// wait_events. The names are those of the events that the graph waits for:
// since event names contain dots, the longest that fits is the one meant.
//
// Segments are separated by dots and must not be empty.
func compilePath(text string, waitNames []string) (path, error) {
	scope, rest, _ := strings.Cut(text, ".")
	switch {
	case !utf8.ValidString(text):
		return path{}, fmt.Errorf("path %s is not valid UTF-8", quoteShort(text))
	case rest == "":
		return path{}, fmt.Errorf("path %s names no field: write event.<field>, contact.<field> "+
			"or wait_events.<event name>.<field>", quoteShort(text))
	}
	switch scope {
	case "event":
		return finishPath(path{text: text, scope: scopeEvent, keys: rest})
	case "contact":
		return compileContactPath(text, rest)
	case "wait_events":
		return compileWaitPath(text, rest, waitNames)
	default:
		return path{}, fmt.Errorf("path %s must begin with \"event.\", \"contact.\" or \"wait_events.\"", quoteShort(text))
	}
}

func compileContactPath(text, rest string) (path, error) {
	field, keys, nested := strings.Cut(rest, ".")
	switch field {
	case "properties":
		if keys == "" {
			return path{}, fmt.Errorf("path %s names no property: write contact.properties.<name>", quoteShort(text))
		}
		return finishPath(path{text: text, scope: scopeContact, keys: keys})
	case "id", "email", "first_name", "last_name", "unsubscribed", "created_at":
		if nested {
			return path{}, fmt.Errorf("path %s leads into contact.%s, which has no fields", quoteShort(text), field)
		}
		return path{text: text, scope: scopeContact, field: field}, nil
	default:
		return path{}, fmt.Errorf("path %s: a contact has no field %s: use id, email, first_name, last_name, "+
			"unsubscribed, created_at or properties.<name>", quoteShort(text), quoteShort(field))
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
			"with the event of an earlier wait_for_event step", quoteShort(text), errNotWaitedFor)
	}
	return finishPath(p)
}

// finishPath refuses empty segments: they are slips of the pen, and a key that
// is empty cannot be told from one.
func finishPath(p path) (path, error) {
	if strings.HasPrefix(p.keys, ".") || strings.HasSuffix(p.keys, ".") || strings.Contains(p.keys, "..") {
		return path{}, fmt.Errorf("path %s has an empty segment: put one dot between two names", quoteShort(p.text))
	}
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
	if p.field == "" {
		return p.follow(d)
	}
	field := p.contactField(d)
	switch field.kind {
	case operandString:
		return field.text, true
	case operandBool:
		return field.yes, true
	default:
		return nil, false
	}
}

// operand is resolve for rules. It makes no interface of a contact's fields,
// which would cost an allocation.
func (p *path) operand(d *Data) operand {
	if p.field != "" {
		return p.contactField(d)
	}
	if v, ok := p.follow(d); ok {
		return operandOf(v)
	}
	return operand{}
}

func (p *path) contactField(d *Data) operand {
	if d == nil || d.Contact == nil {
		return operand{}
	}
	c := d.Contact
	switch p.field {
	case "id":
		return contactText(c.ID)
	case "email":
		return contactText(c.Email)
	case "first_name":
		return contactText(c.FirstName)
	case "last_name":
		return contactText(c.LastName)
	case "unsubscribed":
		return operand{kind: operandBool, yes: c.Unsubscribed}
	default:
		if c.CreatedAt.IsZero() {
			return operand{}
		}
		return contactText(stamp(c.CreatedAt).Format(contactCreatedAt))
	}
}

// contactText is a text field of a contact, which is unset when empty.
func contactText(text string) operand {
	if text == "" {
		return operand{}
	}
	return operand{kind: operandString, text: text}
}

// follow resolves a path into a payload or into the contact's properties.
func (p *path) follow(d *Data) (any, bool) {
	if d == nil {
		return nil, false
	}
	switch p.scope {
	case scopeEvent:
		return followObject(d.Event, p.keys)
	case scopeWaitEvents:
		return followObject(d.WaitEvents[p.event], p.keys)
	default:
		if d.Contact == nil {
			return nil, false
		}
		v, ok := followObject(d.Contact.Properties, p.keys)
		return v, ok && v != nil
	}
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
	i, ok := parseSmall(segment)
	if !ok || segment[0] == '-' || i >= int64(len(array)) {
		return nil, false
	}
	if !deeper {
		return array[i], true
	}
	return followAny(array[i], rest)
}
