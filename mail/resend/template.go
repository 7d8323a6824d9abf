package resend

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/seed-b636437c/automation"
)

// InspectTemplate implements automation.TemplateInspector. It calls the renderer if there
// is one, and Resend otherwise. The error wraps automation.ErrNotFound if there is no such
// template, and errors.ErrUnsupported if the renderer is not a TemplateInspector or the
// API key has only sending access.
func (m *Mailer) InspectTemplate(ctx context.Context, id string) (automation.TemplateInfo, error) {
	if m.opts.Renderer != nil {
		inspector, ok := m.opts.Renderer.(automation.TemplateInspector)
		if !ok {
			return automation.TemplateInfo{}, fmt.Errorf("resend: the renderer does not describe templates: %w", errors.ErrUnsupported)
		}
		return inspector.InspectTemplate(ctx, id)
	}
	if id == "" { // that path is the list of all templates
		return automation.TemplateInfo{}, fmt.Errorf("resend: template without id: %w", automation.ErrNotFound)
	}
	var found struct {
		Status    string
		Variables []struct {
			Key           string
			FallbackValue any `json:"fallback_value"`
		}
	}
	if err := m.get(ctx, "/templates/"+url.PathEscape(id), &found); err != nil {
		return automation.TemplateInfo{}, objectError("template", id, err)
	}
	info := automation.TemplateInfo{Published: found.Status == "published"}
	for _, v := range found.Variables {
		info.Variables = append(info.Variables, v.Key)
		if v.FallbackValue == nil {
			info.Required = append(info.Required, v.Key)
		}
	}
	return info, nil
}

// objectError names what was read, and marks the error of a missing object and of an API key that
// may not read.
func objectError(object, id string, err error) error {
	e := (*Error)(nil)
	switch {
	case hasName(err, nameSendingOnly):
		return fmt.Errorf("%s %q: %w: %w", object, id, errors.ErrUnsupported, err)
	case errors.As(err, &e) && e.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%s %q: %w: %w", object, id, automation.ErrNotFound, err)
	default:
		return fmt.Errorf("%s %q: %w", object, id, err)
	}
}
