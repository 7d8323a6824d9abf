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
	// Mailer cannot inspect templates after all. If it is an *UnknownTemplateError,
	// validation suggests the template that is meant.
	InspectTemplate(ctx context.Context, id string) (TemplateInfo, error)
}

// UnknownTemplateError means that there is no template with an id or alias. It wraps
// ErrNotFound.
type UnknownTemplateError struct {
	ID string
	// Known are the ids and aliases that there are.
	Known []string
}

// Error names the known template that ID most likely misspells.
func (e *UnknownTemplateError) Error() string {
	text := fmt.Sprintf("template %s: %v", jsondoc.Quote(e.ID), ErrNotFound)
	if near := e.nearest(); near != "" {
		text += fmt.Sprintf(": did you mean %q?", near)
	}
	return text
}

// Unwrap returns ErrNotFound.
func (e *UnknownTemplateError) Unwrap() error { return ErrNotFound }

// nearest returns the known template that ID most likely misspells, or "".
func (e *UnknownTemplateError) nearest() string {
	return nearest.Match(e.ID, slices.Sorted(slices.Values(e.Known)))
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
	c := templateValidator{in: in, seen: map[string]inspection{}}
	for i, s := range a.Steps {
		email, ok := s.Config.(SendEmail)
		if !ok || email.Template.ID == "" {
			continue
		}
		found, err := c.inspect(ctx, email.Template.ID)
		if err != nil {
			return nil, fmt.Errorf("automation: inspect template %s: %w", jsondoc.Quote(email.Template.ID), err)
		}
		c.path, c.step = fmt.Sprintf("steps[%d].config.template", i), s.Key
		c.validate(email, found)
	}
	return c.problems, nil
}

// templateValidator compares send_email steps with their templates.
type templateValidator struct {
	in       TemplateInspector
	seen     map[string]inspection // by id
	path     string                // of the template in the step
	step     string
	problems Problems
}

// inspection is what is known about a template.
type inspection struct {
	info *TemplateInfo // nil if the template does not exist
	near string        // then, the id or alias that is most likely meant, or ""
}

func (c *templateValidator) inspect(ctx context.Context, id string) (inspection, error) {
	if found, ok := c.seen[id]; ok {
		return found, nil
	}
	info, err := c.in.InspectTemplate(ctx, id)
	found := inspection{info: &info}
	if errors.Is(err, ErrNotFound) {
		found = inspection{}
		if unknown := (*UnknownTemplateError)(nil); errors.As(err, &unknown) {
			found.near = unknown.nearest()
		}
	} else if err != nil {
		return inspection{}, err
	}
	c.seen[id] = found
	return found, nil
}

func (c *templateValidator) validate(email SendEmail, found inspection) {
	ref, info := email.Template, found.info
	if info == nil {
		wayOut := "create it, or the email will fail"
		if found.near != "" {
			wayOut = fmt.Sprintf("did you mean %q?", found.near)
		}
		c.warnf(CodeUnknownTemplate, ".id", "there is no template %s: %s", jsondoc.Quote(ref.ID), wayOut)
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
