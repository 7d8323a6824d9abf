package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/seed-b636437c/automation"
)

func (h *Handler) versionRoutes() map[string]resource {
	return map[string]resource{
		"/automations/{automation}/versions":           {"GET": listing(h.listVersions)},
		"/automations/{automation}/versions/{version}": {"GET": ok(h.getVersion)},
	}
}

// versionItem is a version of an automation in a list.
type versionItem struct {
	Version   int       `json:"version"`
	Current   bool      `json:"current"`
	CreatedAt timestamp `json:"created_at"`
	Author    *string   `json:"author"`
}

func newVersionItem(v automation.AutomationVersion) versionItem {
	return versionItem{v.Version, v.Current, timestamp(v.CreatedAt), nullable(v.Author)}
}

// versionBody is a version of an automation with its graph.
type versionBody struct {
	Object       string `json:"object"`
	AutomationID string `json:"automation_id"`
	versionItem
	Steps       []automation.Step       `json:"steps"`
	Connections []automation.Connection `json:"connections"`
	Retry       automation.RetryPolicy  `json:"retry,omitzero"`
	Entry       *automation.Entry       `json:"entry,omitempty"`
	Exit        *automation.Exit        `json:"exit,omitempty"`
}

func (h *Handler) listVersions(r *http.Request) (any, error) {
	page, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	if cursor := page.After + page.Before; cursor != "" && versionNumber(cursor) == 0 {
		return nil, unknownCursor(automation.ErrNotFound, page)
	}
	id := r.PathValue("automation")
	found, err := h.runner.ListVersions(r.Context(), id, page)
	if err != nil {
		return nil, absent(err, "automation", id)
	}
	return listOf(found, newVersionItem), nil
}

// versionNumber returns the number of a version, or 0 if the text is none.
func versionNumber(text string) int {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 1 {
		return 0
	}
	return int(n)
}

func (h *Handler) getVersion(r *http.Request) (any, error) {
	id, number := r.PathValue("automation"), r.PathValue("version")
	v, err := h.runner.GetAutomationVersion(r.Context(), id, versionNumber(number))
	if errors.Is(err, automation.ErrNotFound) {
		return nil, &failure{http.StatusNotFound, nameNotFound, fmt.Sprintf("there is no version %q of an automation %q", number, id)}
	}
	if err != nil {
		return nil, err
	}
	return versionBody{"automation_version", id, newVersionItem(v), v.Steps, typed(v.Connections), v.Retry, v.Entry, v.Exit}, nil
}
