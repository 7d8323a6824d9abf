package automation

import (
	"context"
	"errors"
)

// ValidateAutomation reports the problems of an automation, as Validate does. If the
// mailer is a TemplateInspector, it also warns about the templates. The error is an error
// of the mailer.
func (r *Runner) ValidateAutomation(ctx context.Context, a Automation) (Problems, error) {
	ps := Validate(a, ValidateOptions{Registry: r.opts.Registry, Limits: r.opts.Limits})
	templates, err := r.inspectTemplates(ctx, a)
	return append(ps, templates...), err
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

// warnings logs and returns the warnings about the templates of a, which is stored. An
// inspection that fails is logged only: it must not keep an application from starting.
func (r *Runner) warnings(ctx context.Context, a Automation) Problems {
	found, err := r.inspectTemplates(ctx, a)
	if err != nil {
		r.opts.Logger.WarnContext(ctx, "automation: cannot inspect templates", "automation", a.ID, "error", loggable(err))
	}
	for _, p := range found {
		r.opts.Logger.WarnContext(ctx, "automation: an automation needs attention",
			"automation", a.ID, "step", p.Step, "code", p.Code, "path", p.Path, "problem", p.Message)
	}
	return found
}
