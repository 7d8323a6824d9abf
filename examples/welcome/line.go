package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
)

// line is one line of an events file: an event, or a change that the application makes to
// a contact.
//
//	{"at": "1 day", "email": "ada@example.com", "name": "user.created", "payload": {"plan": "pro"}}
//	{"at": "5 days", "email": "ada@example.com", "contact": {"unsubscribed": true}}
type line struct {
	where string        // file and number, such as "events.jsonl:3"
	at    time.Duration // after the start
	event *automation.Event
	email string
	// change is nil for an event.
	change *automation.ContactChange
}

// lines reads an events file, without its blank lines. The errors of all lines are
// reported together.
func (f file) lines(start time.Time) ([]line, error) {
	data, err := f.read(f.path)
	if err != nil {
		return nil, err
	}
	var lines []line
	var errs []error
	for i, text := range bytes.Split(data, []byte("\n")) {
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		l, err := parseLine(text, start)
		l.where = fmt.Sprintf("%s:%d", f.path, i+1)
		lines = append(lines, l)
		errs = append(errs, located(l.where, err))
	}
	return lines, errors.Join(errs...)
}

func parseLine(text []byte, start time.Time) (line, error) {
	var l line
	var at, name string
	payload := object{}
	change := contact{&automation.ContactChange{}}
	seen, err := fields{
		"at": &at, "email": &l.email, "name": &name, "payload": &payload, "contact": &change,
	}.read(text, "")
	if err != nil {
		return l, err
	}
	if l.email == "" {
		return l, errors.New("email: is missing")
	}
	if l.at, err = offset(at, start); err != nil {
		return l, fmt.Errorf("at: %w", err)
	}
	switch {
	case seen["contact"] && (seen["name"] || seen["payload"]):
		return l, errors.New("contact: a line has either a contact to change or an event with name and payload")
	case seen["contact"]:
		l.change = change.ContactChange
	case name == "":
		return l, errors.New("name: is missing")
	default:
		l.event = &automation.Event{Name: name, Email: l.email, Payload: payload.text}
	}
	return l, nil
}

// offset parses a length of time after start, in words or as an RFC 3339 time.
func offset(text string, start time.Time) (time.Duration, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		if t.Before(start) {
			return 0, fmt.Errorf("%s is before the start, %s", text, start.Format(time.RFC3339))
		}
		return t.Sub(start), nil
	}
	if d, err := time.ParseDuration(text); err == nil && d == 0 {
		return 0, nil
	}
	d, err := automation.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf(`%q is neither a time after the start, such as "0s" or "1 day 2 hours", nor one such as %q`,
			text, start.Format(time.RFC3339))
	}
	return d.Std(), nil
}

// fields are the targets of the members of an object, by name.
type fields map[string]any

// read decodes an object strictly and returns which fields it has. Errors begin with the
// path, which begins with prefix.
func (f fields) read(text []byte, prefix string) (map[string]bool, error) {
	var found map[string]json.RawMessage
	if err := json.Unmarshal(text, &found); err != nil || found == nil {
		if prefix == "" {
			return nil, fmt.Errorf("not a JSON object: %s", flaw(err))
		}
		return nil, fmt.Errorf("%s: must be an object", strings.TrimSuffix(prefix, "."))
	}
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		into, ok := f[name]
		if !ok {
			return nil, fmt.Errorf("%s%s: unknown field; known are %s",
				prefix, name, strings.Join(slices.Sorted(maps.Keys(f)), ", "))
		}
		if nested, ok := into.(interface {
			read(text []byte, path string) error
		}); ok {
			if err := nested.read(found[name], prefix+name); err != nil {
				return nil, err
			}
		} else if err := json.Unmarshal(found[name], into); err != nil {
			return nil, fmt.Errorf("%s%s: %s", prefix, name, flaw(err))
		}
		seen[name] = true
	}
	return seen, nil
}

// flaw describes an error of package json without Go types.
func flaw(err error) string {
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return "it is null"
	case errors.As(err, &wrong):
		return fmt.Sprintf("must be a %s, not a %s", wrong.Type, wrong.Value)
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// object is a JSON object in its original text.
type object struct{ text json.RawMessage }

func (o *object) read(text []byte, path string) error {
	if text[0] != '{' {
		return fmt.Errorf("%s: must be an object", path)
	}
	o.text = text
	return nil
}

// contact is the change in a line.
type contact struct{ *automation.ContactChange }

func (c contact) read(text []byte, path string) error {
	_, err := fields{
		"first_name": &c.FirstName, "last_name": &c.LastName,
		"unsubscribed": &c.Unsubscribed, "properties": &c.Properties,
	}.read(text, path+".")
	return err
}
