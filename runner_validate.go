package automation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/redact"
)

// ValidateAutomation reports the problems of an automation, as Validate does. It reads the
// definitions of the events from the store, and warns about fields that they do not
// declare. If the mailer is a TemplateInspector, it also warns about the templates. The
// error is an error of the store or of the mailer. The problems are then those that
// ValidateAutomation found without it.
func (r *Runner) ValidateAutomation(ctx context.Context, a Automation) (Problems, error) {
	ps, storeErr := r.validate(ctx, a)
	templates, err := r.inspectTemplates(ctx, a)
	return append(ps, templates...), errors.Join(storeErr, err)
}

// validate returns the problems of a that need no mailer. The error is an error of the
// store: the problems are then those that need none of the definitions it did not return.
func (r *Runner) validate(ctx context.Context, a Automation) (Problems, error) {
	definitions, err := r.definitions(ctx, a)
	return Validate(a, ValidateOptions{Registry: r.opts.Registry, Limits: r.opts.Limits, Definitions: definitions}), err
}

// definitions returns the definitions of the events that a reads. It reads none for an
// automation that has too many steps.
func (r *Runner) definitions(ctx context.Context, a Automation) ([]EventDefinition, error) {
	if len(a.Steps) > r.opts.Limits.Steps {
		return nil, nil
	}
	var found []EventDefinition
	for _, name := range eventNames(a) {
		if eventNameFlaw(name) != "" {
			continue // a problem of its own, and databases refuse some texts
		}
		d, err := r.store.FindEventDefinition(ctx, name)
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return found, fmt.Errorf("automation: definition of event %s: %w", jsondoc.Quote(name), err)
		case d.Name == name:
			found = append(found, d)
		}
	}
	return found, nil
}

// eventNames returns the names of the events whose payloads a can read, each once.
func eventNames(a Automation) []string {
	names := append(waitedNames(a), a.Entry.eventNames("")...)
	if a.Exit != nil {
		for _, l := range a.Exit.Events {
			names = append(names, l.EventName)
		}
	}
	for _, s := range a.Steps {
		if trigger, ok := plainConfig(s.Config).(Trigger); ok {
			names = append(names, trigger.EventName)
		}
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
}

// inspectTemplates warns about the templates of a. Without a TemplateInspector it finds
// nothing.
func (r *Runner) inspectTemplates(ctx context.Context, a Automation) (found Problems, err error) {
	in, ok := r.mailer.(TemplateInspector)
	if !ok {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.opts.EffectTimeout)
	defer cancel()
	err = guard(func() error {
		found, err = templateProblems(ctx, a, in)
		return err
	})
	if errors.Is(err, errors.ErrUnsupported) { // a wrapper around a mailer that is no inspector
		return nil, nil
	}
	return found, err
}

// dataWarnings are warnings about the data that steps read, which are mistakes in all
// probability. The other warnings of Validate are about graphs that can be meant as they
// are.
var dataWarnings = map[Code]bool{CodeReferenceInText: true, CodeUnknownEventField: true, CodeEventFieldType: true}

// warnings logs and returns the warnings about the templates of a, which is stored, and
// about the data that it reads. An inspection that fails is logged only: it must not keep
// an application from starting.
func (r *Runner) warnings(ctx context.Context, a Automation) Problems {
	problems, err := r.validate(ctx, a)
	if err != nil {
		r.opts.Logger.WarnContext(ctx, "automation: cannot read event definitions", "automation", a.ID, "error", redact.Error(err))
	}
	var found Problems
	for _, p := range problems {
		if dataWarnings[p.Code] {
			found = append(found, p)
		}
	}
	templates, err := r.inspectTemplates(ctx, a)
	if err != nil {
		r.opts.Logger.WarnContext(ctx, "automation: cannot inspect templates", "automation", a.ID, "error", redact.Error(err))
	}
	found = append(found, templates...)
	for _, p := range found {
		r.opts.Logger.WarnContext(ctx, "automation: an automation needs attention",
			"automation", a.ID, "step", p.Step, "code", p.Code, "path", p.Path, "problem", redact.Text(p.Message))
	}
	return found
}
