package httpapi

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

func (h *Handler) automationRoutes() map[string]resource {
	return map[string]resource{
		"/automations":          {"GET": listing(h.listAutomations, "status"), "POST": created(h.createAutomation)},
		"/automations/validate": {"POST": ok(h.validateAutomation)},
		"/automations/{automation}": {
			"GET": ok(h.getAutomation), "PATCH": ok(h.updateAutomation).taking("replace"), "DELETE": ok(h.deleteAutomation),
		},
		"/automations/{automation}/duplicate": {"POST": created(h.duplicateAutomation)},
		"/automations/{automation}/stop":      {"POST": ok(h.stopAutomation)},
		"/automations/{automation}/metrics":   {"GET": ok(h.getMetrics)},
	}
}

// automationItem is an automation in a list.
type automationItem struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Status    automation.Status `json:"status"`
	CreatedAt timestamp         `json:"created_at"`
	UpdatedAt timestamp         `json:"updated_at"`
}

func newAutomationItem(a automation.Automation) automationItem {
	return automationItem{ID: a.ID, Name: a.Name, Status: a.Status, CreatedAt: timestamp(a.CreatedAt), UpdatedAt: timestamp(a.UpdatedAt)}
}

// automationBody is an automation with its graph.
type automationBody struct {
	Object string `json:"object"`
	automationItem
	Version     int                     `json:"version"`
	Revision    int                     `json:"revision"`
	Steps       []automation.Step       `json:"steps"`
	Connections []automation.Connection `json:"connections"`
	Retry       automation.RetryPolicy  `json:"retry,omitzero"`
	Entry       *automation.Entry       `json:"entry,omitempty"`
	Exit        *automation.Exit        `json:"exit,omitempty"`
}

func automationRef(id string) reference { return reference{"automation", id} }

func (h *Handler) listAutomations(r *http.Request) (any, error) {
	q, err := queryOf(r)
	if err != nil {
		return nil, err
	}
	page, err := q.page()
	if err != nil {
		return nil, err
	}
	selected, err := statuses(q, automation.StatusEnabled, automation.StatusDisabled)
	if err != nil {
		return nil, err
	}
	if len(selected) > 1 {
		return nil, invalid("status", "takes one status here")
	}
	selection := automation.AutomationQuery{PageQuery: page}
	if len(selected) == 1 {
		selection.Status = selected[0]
	}
	found, err := h.runner.ListAutomations(r.Context(), selection)
	if err != nil {
		return nil, unknownCursor(err, page)
	}
	return listOf(found, newAutomationItem), nil
}

func (h *Handler) createAutomation(r *http.Request) (any, error) {
	a, given, err := readAutomation(r)
	if err != nil {
		return nil, err
	}
	a, err = h.runner.CreateAutomation(r.Context(), a)
	if err != nil {
		return nil, edit(err, func(p *automation.Problem) {
			if (p.Path == "name" || p.Path == "steps") && !given[p.Path] {
				p.Code = automation.CodeMissingField
			}
		})
	}
	return automationRef(a.ID), nil
}

// emptiedByNull are the fields that null removes in a change.
var emptiedByNull = []string{"retry", "entry", "exit"}

// readAutomation reads an automation and returns which fields the body has, without
// those that are null and that null does not clear. It does not validate the steps: only the Runner has the types of
// all steps. It refuses fields that the server sets, except for the allowed ones.
func readAutomation(r *http.Request, allowed ...string) (automation.Automation, map[string]bool, error) {
	var a automation.Automation
	data, body, err := readJSON(r)
	if err != nil {
		return a, nil, err
	}
	given := map[string]bool{}
	body.members(0, func(key, value int) {
		name := body.Text(key)
		given[name] = !body.isNull(value) || slices.Contains(emptiedByNull, name)
		if name == "steps" {
			body.emptyConfigs(value)
		}
		switch name {
		case "object", "id", "version", "revision", "created_at", "updated_at", "stopped_at":
			if slices.Contains(allowed, name) {
				return
			}
			body.report(key, automation.CodeUnknownField, "is given by the server: leave it out")
		}
	})
	if err := body.problems.Err("automation"); err != nil {
		return a, nil, err
	}
	return a, given, a.UnmarshalJSON(data)
}

// emptyConfigs turns empty arrays into empty objects where the configs of the steps at
// node n have objects.
func (r *reader) emptyConfigs(n int) {
	if r.Kind(n) != jsondoc.Array {
		return
	}
	for step := range r.Elements(n) {
		config := r.child(step, "config")
		r.emptyObject(config)
		r.emptyObject(r.child(config, "properties"))
		template := r.child(config, "template")
		r.emptyObject(template)
		r.emptyObject(r.child(template, "variables"))
	}
}

func (h *Handler) getAutomation(r *http.Request) (any, error) {
	a, err := h.automation(r)
	if err != nil {
		return nil, err
	}
	return automationBody{"automation", newAutomationItem(a), a.Version, a.Revision, a.Steps, typed(a.Connections), a.Retry, a.Entry, a.Exit}, nil
}

// typed returns the connections with their types filled in.
func typed(connections []automation.Connection) []automation.Connection {
	all := append([]automation.Connection{}, connections...)
	for i := range all {
		all[i].Type = cmp.Or(all[i].Type, automation.ConnectionDefault)
	}
	return all
}

// automation returns the automation that the path names.
func (h *Handler) automation(r *http.Request) (automation.Automation, error) {
	id := r.PathValue("automation")
	a, err := h.runner.GetAutomation(r.Context(), id)
	return a, absent(err, "automation", id)
}

func (h *Handler) updateAutomation(r *http.Request) (any, error) {
	a, given, err := readAutomation(r, "revision")
	if err != nil {
		return nil, err
	}
	if given["revision"] && a.Revision < 1 {
		return nil, invalid("revision", "must be the revision of the automation as it was read, at least 1")
	}
	id := r.PathValue("automation")
	if err := h.keepsFields(r, a.Steps); err != nil {
		return nil, err
	}
	if _, err := h.runner.UpdateAutomation(r.Context(), id, newUpdate(a, given)); err != nil {
		return nil, outdated(absent(err, "automation", id), id)
	}
	return automationRef(id), nil
}

// keepsFields refuses new steps that lose fields, unless the query allows it.
func (h *Handler) keepsFields(r *http.Request, steps []automation.Step) error {
	q, err := queryOf(r)
	if err != nil || len(steps) == 0 {
		return err
	}
	replace, err := q.flag("replace")
	if err != nil || replace {
		return err
	}
	old, err := h.automation(r)
	if err != nil {
		return err
	}
	return lostFields(old.Steps, steps)
}

// outdated turns the error of an update into a failure, if another caller has changed the
// automation.
func outdated(err error, id string) error {
	var stale *automation.RevisionError
	if errors.As(err, &stale) {
		return taken(err, "automation %q is at revision %d, and the change is based on revision %d: read the automation again, and send the change with revision %d",
			id, stale.Current, stale.Given, stale.Current)
	}
	return taken(err, "automation %q was changed by another caller at the same time: read it again", id)
}

// newUpdate returns the update of the given fields. An empty list becomes an empty
// slice, because a nil slice would leave the graph as it is.
func newUpdate(a automation.Automation, given map[string]bool) automation.AutomationUpdate {
	change := automation.AutomationUpdate{Revision: a.Revision}
	if given["name"] {
		change.Name = &a.Name
	}
	if given["status"] {
		change.Status = &a.Status
	}
	if given["steps"] {
		change.Steps = append([]automation.Step{}, a.Steps...)
	}
	if given["connections"] {
		change.Connections = append([]automation.Connection{}, a.Connections...)
	}
	if given["retry"] {
		change.Retry = &a.Retry
	}
	if given["entry"] {
		change.Entry = cmp.Or(a.Entry, &automation.Entry{})
	}
	if given["exit"] {
		change.Exit = cmp.Or(a.Exit, &automation.Exit{})
	}
	return change
}

func (h *Handler) deleteAutomation(r *http.Request) (any, error) {
	id := r.PathValue("automation")
	if err := h.runner.DeleteAutomation(r.Context(), id); err != nil {
		return nil, absent(err, "automation", id)
	}
	return deleted{"automation", id, true}, nil
}

func (h *Handler) duplicateAutomation(r *http.Request) (any, error) {
	if err := readOptionalFields(r); err != nil {
		return nil, err
	}
	id := r.PathValue("automation")
	a, err := h.runner.DuplicateAutomation(r.Context(), id)
	if err != nil {
		return nil, absent(err, "automation", id)
	}
	return automationRef(a.ID), nil
}

func (h *Handler) stopAutomation(r *http.Request) (any, error) {
	var opts automation.StopOptions
	if err := readOptionalFields(r, flag("cancel_runs", &opts.CancelRuns)); err != nil {
		return nil, err
	}
	id := r.PathValue("automation")
	a, err := h.runner.StopAutomation(r.Context(), id, opts)
	if err != nil {
		return nil, absent(err, "automation", id)
	}
	return struct {
		reference
		Status automation.Status `json:"status"`
	}{automationRef(id), a.Status}, nil
}

// validateAutomation answers with the problems that POST /automations would refuse the
// automation for, and with the warnings.
func (h *Handler) validateAutomation(r *http.Request) (any, error) {
	a, _, err := readAutomation(r)
	problems, err := problemsOf(err)
	if err != nil {
		return nil, err
	}
	if len(problems) == 0 {
		problems, err = h.runner.ValidateAutomation(r.Context(), a)
	}
	if err != nil {
		return nil, fmt.Errorf("validate: %w", err)
	}
	return struct {
		Object   string              `json:"object"`
		Valid    bool                `json:"valid"`
		Problems automation.Problems `json:"problems"`
	}{"validation", len(problems.Errors()) == 0, append(automation.Problems{}, problems...)}, nil
}
