package automation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/nearest"
)

// TemplateInspector is an optional interface of a Mailer that has access to its
// templates. With it, validation warns about templates that are missing or not
// published, about variables that their template does not have, and about variables that
// their template needs and the step does not give. Without it, validation does not check
// templates.
type TemplateInspector interface {
	// InspectTemplate describes the template with this id or alias. The error wraps
	// ErrNotFound if the template does not exist, and errors.ErrUnsupported if the
	// Mailer cannot inspect templates after all.
	InspectTemplate(ctx context.Context, id string) (TemplateInfo, error)
}

// TemplateInfo describes a template.
type TemplateInfo struct {
	Published bool
	// Variables are the names of the template's variables.
	Variables []string
	// Required are the names of the variables that a step must give, because an email
	// without one of them fails. Nil means that the template has a fallback for each
	// variable, or that the Mailer does not know.
	Required []string
	// RequiredByHeader are the names of further variables that a step must give unless
	// it overrides the sender, the subject or the reply address of the template.
	RequiredByHeader []string
}

// templateProblems warns about send_email steps whose template is missing or not
// published, about variables that the template does not have, and about variables that
// the template needs and the step does not give. It inspects each template once. The
// error is that of the inspection.
func templateProblems(ctx context.Context, a Automation, in TemplateInspector) (Problems, error) {
	c := templateValidator{in: in, seen: map[string]*TemplateInfo{}}
	for i, s := range a.Steps {
		email, ok := s.Config.(SendEmail)
		if !ok || email.Template.ID == "" {
			continue
		}
		info, err := c.inspect(ctx, email.Template.ID)
		if err != nil {
			return nil, fmt.Errorf("automation: inspect template %s: %w", jsondoc.Quote(email.Template.ID), err)
		}
		c.path, c.step = fmt.Sprintf("steps[%d].config.template", i), s.Key
		c.validate(email, info)
	}
	return c.problems, nil
}

// templateValidator compares send_email steps with their templates.
type templateValidator struct {
	in       TemplateInspector
	seen     map[string]*TemplateInfo // by id; nil for a missing template
	path     string                   // of the template in the step
	step     string
	problems Problems
}

// inspect returns nil if the template does not exist.
func (c *templateValidator) inspect(ctx context.Context, id string) (*TemplateInfo, error) {
	if info, ok := c.seen[id]; ok {
		return info, nil
	}
	info, err := c.in.InspectTemplate(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		c.seen[id] = nil
	case err != nil:
		return nil, err
	default:
		c.seen[id] = &info
	}
	return c.seen[id], nil
}

func (c *templateValidator) validate(email SendEmail, info *TemplateInfo) {
	ref := email.Template
	if info == nil {
		c.warnf(CodeUnknownTemplate, ".id", "there is no template %s: create it, or the email will fail", jsondoc.Quote(ref.ID))
		return
	}
	if !info.Published {
		c.warnf(CodeUnpublishedTemplate, ".id", "template %s is not published: publish it before the automation is enabled", jsondoc.Quote(ref.ID))
	}
	for _, name := range slices.Sorted(maps.Keys(ref.Variables)) {
		if !slices.Contains(info.Variables, name) && !usedInHeader(email, name) {
			c.warnf(CodeUnknownTemplateField, variablePath(name),
				"template %s has no variable %s: %s", jsondoc.Quote(ref.ID), jsondoc.Quote(name), knownVariables(name, info.Variables))
		}
	}
	for _, name := range info.requiredBy(email) {
		if v, given := ref.Variables[name]; !given || v == Null() {
			c.warnf(CodeMissingTemplateField, variablePath(name), "template %s needs the variable %s, which has no value and no fallback: "+
				"give it a value, or the email will fail", jsondoc.Quote(ref.ID), jsondoc.Quote(name))
		}
	}
}

// usedInHeader reports whether a tag in a header field of the step can have this name. The
// syntax of tags is the mailer's, so usedInHeader looks for the name only.
func usedInHeader(email SendEmail, name string) bool {
	return slices.ContainsFunc([]string{email.From, email.Subject, email.ReplyTo}, func(text string) bool {
		return strings.Contains(text, "{{") && strings.Contains(text, name)
	})
}

// requiredBy returns the names of the variables that email must give, sorted.
func (info *TemplateInfo) requiredBy(email SendEmail) []string {
	names := slices.Clone(info.Required)
	if email.From == "" && email.Subject == "" && email.ReplyTo == "" {
		names = append(names, info.RequiredByHeader...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// variablePath returns the path of a variable in the template of a step.
func variablePath(name string) string {
	return string(jsondoc.AppendKey([]byte(".variables"), name))
}

// knownVariables returns how to correct a name that is none of names.
func knownVariables(name string, names []string) string {
	if near := nearest.Match(name, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(names) == 0 {
		return "it takes none"
	}
	return "it takes " + strings.Join(slices.Sorted(slices.Values(names)), ", ")
}

func (c *templateValidator) warnf(code Code, path, format string, args ...any) {
	c.problems = append(c.problems, Problem{
		Severity: SeverityWarning,
		Code:     code,
		Path:     c.path + path,
		Step:     c.step,
		Message:  fmt.Sprintf(format, args...),
	})
}
