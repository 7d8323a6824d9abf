package automation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-b636437c/automation/internal/jsonvalue"
)

// Effect is what a step does: *SendEffect, *CustomEffect, *ChangeContactEffect,
// *DeleteContactEffect, *SendEventEffect or *SkipEffect. Graph.Effect resolves it from the
// contact's latest data for every attempt. The Runner performs it outside the commit, except
// for an event and for a change to a contact in the Store: these are part of the commit.
type Effect interface{ effect() }

// SkipEffect stands for an effect that must not be performed.
type SkipEffect struct {
	// Reason is SkippedUnsubscribed or SkippedTooLate.
	Reason string
}

func (*SendEffect) effect()          {}
func (*ChangeContactEffect) effect() {}
func (*DeleteContactEffect) effect() {}
func (*CustomEffect) effect()        {}
func (*SkipEffect) effect()          {}

// ReferenceError is the error for a reference that has no value where a step needs one.
type ReferenceError struct {
	// Path is the reference, such as event.plan.
	Path string
}

func (e *ReferenceError) Error() string {
	return fmt.Sprintf("automation: %q has no value for this run", e.Path)
}

// errNoContact is returned when an effect is resolved without a contact.
var errNoContact = fmt.Errorf("automation: the run's contact does not exist: %w", ErrNotFound)

// effect builds the Effect of a compiled step from the data of a run.
type effect interface {
	build(runID, step string, d *Data) (Effect, error)
}

// namedValue is a compiled Value: a path or, if path is nil, a literal.
type namedValue struct {
	name    string
	literal any
	path    *path
}

// resolve returns the literal, or what the path resolves to. It returns false if the path
// resolves to nothing.
func (v *namedValue) resolve(d *Data) (any, bool) {
	if v.path == nil {
		return v.literal, true
	}
	return v.path.resolve(d)
}

// source returns the origin of the value, for error messages.
func (v *namedValue) source() string {
	if v.path == nil {
		return "its value"
	}
	return strconv.Quote(v.path.String())
}

func idempotencyKey(runID, step string) string { return "run/" + runID + "/" + step }

// Email is what a send_email step hands to the Mailer. The Mailer renders the template.
type Email struct {
	// IdempotencyKey is the same on every attempt of a step: run/<run id>/<step key>.
	IdempotencyKey string
	// AutomationID, RunID and StepKey identify the step that sends the email.
	AutomationID, RunID, StepKey string
	// EventID is the id of the event that started the run.
	EventID string
	// Attempt is the number of the attempt, counted from 1.
	Attempt int
	// To is the contact's address at the time of the attempt.
	To string
	// Contact is the contact at the time of the attempt, for the reserved variables
	// of the template.
	Contact Contact
	// From, Subject and ReplyTo override those of the template, unless they are
	// empty.
	From, Subject, ReplyTo string
	// TemplateID is the template's id or alias.
	TemplateID string
	// Variables are the resolved template variables. A value is a string, a
	// json.Number, a bool, or the decoded JSON object or array that a reference
	// resolved to. A variable whose reference resolved to null or to nothing is not
	// in the map, so that the template's fallback applies.
	Variables map[string]any
}

// SendEffect hands an email to the Mailer.
type SendEffect struct{ Email Email }

// The reasons for which an email is skipped.
const (
	// SkippedUnsubscribed: the contact is unsubscribed.
	SkippedUnsubscribed = "unsubscribed"
	// SkippedTooLate: the email is later than Options.MaxLateness allows.
	SkippedTooLate = "too_late"
)

type emailEffect struct {
	config    SendEmail
	variables []namedValue
}

func (c *compiler) email(cfg SendEmail) (effect, error) {
	e := &emailEffect{config: cfg}
	for _, name := range sortedKeys(cfg.Template.Variables) {
		v, err := c.value(name, cfg.Template.Variables[name])
		if err != nil {
			return nil, err
		}
		e.variables = append(e.variables, v)
	}
	return e, nil
}

func (e *emailEffect) build(runID, step string, d *Data) (Effect, error) {
	if d.Contact.Unsubscribed {
		return &SkipEffect{SkippedUnsubscribed}, nil
	}
	if strings.ContainsAny(d.Contact.Email, "\r\n") {
		return nil, Permanent(fmt.Errorf("automation: the contact's email contains a line break"))
	}
	email := Email{
		IdempotencyKey: idempotencyKey(runID, step),
		RunID:          runID,
		StepKey:        step,
		To:             d.Contact.Email,
		Contact:        d.Contact.Clone(),
		From:           e.config.From,
		Subject:        e.config.Subject,
		ReplyTo:        e.config.ReplyTo,
		TemplateID:     e.config.Template.ID,
	}
	if len(e.variables) > 0 {
		email.Variables = make(map[string]any, len(e.variables))
	}
	for i := range e.variables {
		// The template's fallback applies to null and to nothing alike.
		if v, ok := e.variables[i].resolve(d); ok && v != nil {
			email.Variables[e.variables[i].name] = v
		}
	}
	return &SendEffect{email}, nil
}

// ChangeContactEffect changes the run's contact. With a ContactDirectory it is an effect,
// which may happen more than once. Without one it is part of the commit.
type ChangeContactEffect struct {
	// Change is the change to apply to the contact.
	Change ContactChange
	output json.RawMessage
}

// DeleteContactEffect deletes the run's contact. It is an effect, or part of the commit,
// as ChangeContactEffect is.
type DeleteContactEffect struct{}

type contactEffect struct {
	first, last, unsubscribed *namedValue
	properties                []namedValue
}

func (c *compiler) contactUpdate(cfg ContactUpdate) (effect, error) {
	e := &contactEffect{}
	for _, f := range []struct {
		name  string
		value Value
		to    **namedValue
	}{
		{"first_name", cfg.FirstName, &e.first},
		{"last_name", cfg.LastName, &e.last},
		{"unsubscribed", cfg.Unsubscribed, &e.unsubscribed},
	} {
		if f.value.IsZero() {
			continue
		}
		v, err := c.value(f.name, f.value)
		if err != nil {
			return nil, err
		}
		*f.to = &v
	}
	for _, name := range sortedKeys(cfg.Properties) {
		v, err := c.value(name, cfg.Properties[name])
		if err != nil {
			return nil, err
		}
		e.properties = append(e.properties, v)
	}
	return e, nil
}

func (e *contactEffect) build(_, _ string, d *Data) (Effect, error) {
	out := &ChangeContactEffect{}
	var err error
	if out.Change.FirstName, err = e.first.text(d); err != nil {
		return nil, err
	}
	if out.Change.LastName, err = e.last.text(d); err != nil {
		return nil, err
	}
	if out.Change.Unsubscribed, err = e.unsubscribed.flag(d); err != nil {
		return nil, err
	}
	if len(e.properties) > 0 {
		out.Change.Properties = make(map[string]any, len(e.properties))
	}
	for i := range e.properties {
		if out.Change.Properties[e.properties[i].name], err = e.properties[i].scalar(d); err != nil {
			return nil, err
		}
	}
	out.output = changeOutput(out.Change)
	return out, nil
}

// scalar resolves a value that must exist and must not be an object or an array.
func (v *namedValue) scalar(d *Data) (any, error) {
	val, ok := v.resolve(d)
	if !ok {
		return nil, &ReferenceError{v.path.String()}
	}
	if s, ok := val.(string); ok && strings.ContainsRune(s, 0) {
		return nil, fmt.Errorf("automation: %s contains a NUL character, which databases cannot keep", v.name)
	}
	switch val.(type) {
	case map[string]any, []any:
		return nil, fmt.Errorf("automation: %s: %s is an object or array, which a contact cannot hold", v.name, v.source())
	}
	return val, nil
}

func (v *namedValue) text(d *Data) (*string, error) {
	if v == nil {
		return nil, nil
	}
	val, err := v.scalar(d)
	if err != nil {
		return nil, err
	}
	switch s := val.(type) {
	case nil:
		return new(string), nil
	case string:
		if strings.ContainsAny(s, "\r\n") {
			return nil, fmt.Errorf("automation: %s: %s contains a line break, which could end up in a header", v.name, v.source())
		}
		return &s, nil
	}
	return nil, fmt.Errorf("automation: %s must be a string, and %s is of type %s", v.name, v.source(), jsonvalue.TypeOf(val))
}

func (v *namedValue) flag(d *Data) (*bool, error) {
	if v == nil {
		return nil, nil
	}
	val, err := v.scalar(d)
	if err != nil {
		return nil, err
	}
	b, ok := val.(bool)
	if !ok {
		return nil, fmt.Errorf("automation: %s must be true or false, and %s is of type %s", v.name, v.source(), jsonvalue.TypeOf(val))
	}
	return &b, nil
}

type segmentEffect struct {
	id    string
	leave bool // the contact leaves the segment, instead of joining it
}

func (e segmentEffect) build(string, string, *Data) (Effect, error) {
	change := ContactChange{AddSegments: []string{e.id}}
	if e.leave {
		change = ContactChange{RemoveSegments: []string{e.id}}
	}
	return &ChangeContactEffect{Change: change, output: appendJSON([]byte(`{"segment_id":`), e.id, '}')}, nil
}

type deleteEffect struct{}

func (deleteEffect) build(string, string, *Data) (Effect, error) { return &DeleteContactEffect{}, nil }

// CustomEffect executes a custom step of the host.
type CustomEffect struct {
	// Call is what the host's function receives.
	Call Call
	// Config is the config of the step.
	Config StepConfig
	kind   *stepKind
}

type customEffect struct {
	config StepConfig
	kind   *stepKind
	names  *pathNames
	steps  []string // the keys of the steps whose outputs the config reads
}

func (c *compiler) custom(n *node, cfg StepConfig) error {
	kind, ok := c.g.opts.Registry.lookup(cfg.StepType())
	if !ok {
		return fmt.Errorf("step type %q is not registered: %w", cfg.StepType(), ErrNewerVersion)
	}
	config, problems := kind.resolve(cfg)
	err := problems.Err("")
	if err == nil {
		err = kind.validate(config) // the type may have changed since the config was stored
	}
	if err != nil {
		return &misfitError{kind.name, err}
	}
	// A custom step resolves its references itself, and they may read anything.
	c.g.readsEvent, c.g.readsWait = true, c.g.readsWait || len(c.names.waits) > 0
	n.effect, n.delivery, n.retry = &customEffect{config, kind, c.names, c.outputs(kind.values(config))}, kind.delivery, kind.retry
	return nil
}

// outputs returns the keys of the steps whose outputs the values of a custom config read.
// Outputs can be large, so a custom step has no others.
func (c *compiler) outputs(values []configValue) (keys []string) {
	for _, v := range values {
		ref, ok := v.value.Ref()
		if !ok {
			continue
		}
		if p, err := compilePath(ref, c.names); err == nil && p.scope == scopeSteps {
			c.reads(&p)
			keys = append(keys, p.name)
		}
	}
	return keys
}

// misfitError is the error of a stored config that does not fit its registered step type.
type misfitError struct {
	kind StepType
	err  error
}

func (e *misfitError) Error() string {
	why := strings.TrimPrefix(e.err.Error(), "automation: ") // a *ValidationError, or an error of the host
	return fmt.Sprintf("the stored config does not fit step type %q: %s: %v", e.kind, why, ErrNewerVersion)
}

func (e *misfitError) Unwrap() []error { return []error{e.err, ErrNewerVersion} }

func (e *customEffect) build(runID, step string, d *Data) (Effect, error) {
	data := *d
	data.names, data.Steps = e.names, nil
	for _, key := range e.steps {
		if data.Steps == nil {
			data.Steps = make(map[string]map[string]any, len(e.steps))
		}
		data.Steps[key] = d.Steps[key]
	}
	return &CustomEffect{
		Call: Call{
			IdempotencyKey: idempotencyKey(runID, step),
			RunID:          runID,
			StepKey:        step,
			Contact:        d.Contact.Clone(),
			data:           &data,
		},
		Config: e.config,
		kind:   e.kind,
	}, nil
}

// shownEffect stands for the effect of a custom step in a graph for StepRuns.
type shownEffect struct{}

func (shownEffect) build(string, string, *Data) (Effect, error) {
	return nil, errors.New("automation: this graph only shows runs")
}

// run calls the host's function.
func (e *CustomEffect) run(ctx context.Context) (out json.RawMessage, branch ConnectionType, err error) {
	result, err := e.kind.do(ctx, e.Call, e.Config)
	if err != nil {
		return nil, "", err
	}
	if b := result.Branch; b != "" && b != ConnectionDefault && !slices.Contains(e.kind.branches, b) {
		return nil, "", Permanent(fmt.Errorf("automation: step type %q took the branch %q, which it has not declared", e.kind.name, b))
	}
	out, err = customOutput(result.Output)
	return out, result.Branch, err
}

func customOutput(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	out, err := json.Marshal(v)
	if err != nil {
		return nil, Permanent(fmt.Errorf("output: %w", err))
	}
	if string(out) == "null" {
		return nil, nil
	}
	if out[0] != '{' {
		return nil, Permanent(errors.New("output must encode to a JSON object"))
	}
	return out, nil
}
