package httpapi

import (
	"net/http"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/contactimport"
)

// importsPath is the prefix of the routes about imports. They overlap with those of a
// contact, such as /contacts/{contact}/segments.
const importsPath = "/contacts/imports"

// importRoutes are the routes about imports of contacts that Options.Contacts adds.
func (h *Handler) importRoutes() map[string]resource {
	return map[string]resource{
		importsPath: {
			"GET": listing(h.listImports, "status"), "POST": {status: http.StatusCreated, do: h.createImport, upload: true},
		},
		importsPath + "/{import}": {"GET": ok(h.getImport)},
	}
}

// createImport imports a file while the client waits. Resend's answer to this call has only
// object and id, because it imports the file afterwards.
func (h *Handler) createImport(r *http.Request) (any, error) {
	form, err := readImportForm(r, h.opts.MaxBody)
	if err != nil {
		return nil, err
	}
	defer form.file.remove()
	if err := h.requireSegments(r.Context(), form.options.Segments); err != nil {
		return nil, err
	}
	file, err := form.file.reader()
	if err != nil {
		return nil, err
	}
	id := h.imports.begin(h.opts.Clock.Now())
	form.options.Progress = func(c contactimport.Counts) { h.imports.progress(id, c) }
	report, err := contactimport.Run(r.Context(), h.runner, file, form.options)
	if err != nil && report.Total == 0 {
		h.imports.drop(id)
		return nil, edit(err, func(p *automation.Problem) {
			p.Path = strings.Replace(p.Path, "columns.", "column_map.", 1)
		})
	}
	done := h.imports.end(id, h.opts.Clock.Now(), report, err)
	return newImportBody(done), err
}

func (h *Handler) getImport(r *http.Request) (any, error) {
	id := r.PathValue("import")
	found, ok := h.imports.find(id)
	if !ok {
		return nil, absent(automation.ErrNotFound, "contact import", id)
	}
	return newImportBody(found), nil
}

func (h *Handler) listImports(r *http.Request) (any, error) {
	q, err := queryOf(r)
	if err != nil {
		return nil, err
	}
	page, err := q.page()
	if err != nil {
		return nil, err
	}
	status, err := statuses(q, importQueued, importInProgress, importCompleted, importFailed)
	if err != nil {
		return nil, err
	}
	found, err := pageIn(h.imports.list(status), page, func(i importRecord) string { return i.id })
	if err != nil {
		return nil, unknownCursor(err, page)
	}
	return listOf(found, newImportItem), nil
}

// importItem is an import in a list.
type importItem struct {
	Object      string       `json:"object"`
	ID          string       `json:"id"`
	Status      importStatus `json:"status"`
	CreatedAt   timestamp    `json:"created_at"`
	CompletedAt timestamp    `json:"completed_at"`
	Counts      importCounts `json:"counts"`
}

type importCounts struct {
	Total   int `json:"total"`
	Created int `json:"created"`
	Updated int `json:"updated"`
	Skipped int `json:"skipped"`
	Failed  int `json:"failed"`
}

func newImportItem(i importRecord) importItem {
	return importItem{"contact_import", i.id, i.status, timestamp(i.createdAt), timestamp(i.completedAt), importCounts(i.report.Counts)}
}

// importBody is an import with its report. Resend's has no errors.
type importBody struct {
	importItem
	Errors         []lineError `json:"errors"`
	IgnoredColumns []string    `json:"ignored_columns"`
}

// lineError is a line that was not imported.
type lineError struct {
	Line    int    `json:"line"`
	Message string `json:"message"`
}

func newImportBody(i importRecord) importBody {
	body := importBody{newImportItem(i), make([]lineError, len(i.report.Errors)), append([]string{}, i.report.Ignored...)}
	for n, e := range i.report.Errors {
		body.Errors[n] = lineError{e.Line, messageOf(e.Err)}
	}
	return body
}

// messageOf returns the message about a line that was not imported.
func messageOf(err error) string {
	if f := known(err); f != nil {
		return f.Message
	}
	return err.Error()
}
