package dashboard

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/seed-b636437c/automation"
)

// runFilter is what the person filters runs by. Links and forms carry it as a query, so it
// can be sent to a colleague. An event name is no filter: no store has an index on it.
type runFilter struct {
	// Query selects the runs, except that its ContactID is the person's text: see resolve.
	Query automation.RunQuery
	// Given are the fields that are not empty, as they were given.
	Given url.Values
}

// runFields are the names of the fields of a filter.
var runFields = []string{"status", "automation", "version", "step", "event", "contact", "from", "until", "ended-from", "ended-until", "code"}

// maxFilterText is the most bytes of a field. No id or key is longer.
const maxFilterText = 255

// runFilter reads the filter in the fields of a query or of a form. It refuses what no run
// can match, instead of a search for it.
func (x *exchange) runFilter(fields url.Values) (runFilter, error) {
	f := runFilter{Given: url.Values{}}
	for _, name := range runFields {
		for _, text := range fields[name] {
			if text = strings.TrimSpace(text); text == "" {
				continue
			}
			if len(text) > maxFilterText || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
				return f, badInput("The filter is not valid", "A field has at most 255 bytes, without control characters. Correct the field "+name+".")
			}
			f.Given.Add(name, text)
		}
	}
	return f, x.readFilter(&f)
}

// readFilter makes the query of the filter from what was given.
func (x *exchange) readFilter(f *runFilter) (err error) {
	q, given := &f.Query, f.Given
	q.AutomationID, q.Step, q.EventID, q.ContactID = given.Get("automation"), given.Get("step"), given.Get("event"), given.Get("contact")
	if q.Statuses, err = runStatuses(given["status"]); err != nil {
		return err
	}
	if q.Version, err = parseVersion(given.Get("version")); err != nil {
		return err
	}
	times := map[string]*time.Time{"from": &q.CreatedFrom, "until": &q.CreatedUntil, "ended-from": &q.CompletedFrom, "ended-until": &q.CompletedUntil}
	for name, at := range times {
		if *at, err = x.parseTime(given.Get(name)); err != nil {
			return err
		}
	}
	if q.ErrorCode, err = runCode(given.Get("code")); err != nil {
		return err
	}
	return checkRunQuery(q)
}

// checkRunQuery refuses a query that selects no run, or that needs more.
func checkRunQuery(q *automation.RunQuery) error {
	switch {
	case q.AutomationID == "" && (q.Step != "" || q.Version != 0):
		return badInput("Choose an automation too", "A step and a version belong to one automation.")
	case !q.CreatedUntil.IsZero() && !q.CreatedFrom.Before(q.CreatedUntil):
		return badInput("No run can have started then", "The time until which runs started must be later than the time from which they did.")
	case !q.CompletedUntil.IsZero() && !q.CompletedFrom.Before(q.CompletedUntil):
		return badInput("No run can have ended then", "The time until which runs ended must be later than the time from which they did.")
	case q.ByCompletion() && !(q.CreatedFrom.IsZero() && q.CreatedUntil.IsZero()):
		return badInput("Choose one of the two times", "Runs are found by when they started or by when they ended. Leave one of them out.")
	default:
		return nil
	}
}

// allStatuses are the statuses of runs, in the order of the form.
var allStatuses = []automation.RunStatus{automation.RunRunning, automation.RunFailed, automation.RunCompleted, automation.RunCancelled}

func runStatuses(texts []string) (statuses []automation.RunStatus, err error) {
	for _, text := range texts {
		status := automation.RunStatus(text)
		if !slices.Contains(allStatuses, status) {
			return nil, badInput("No run has this status", "A status is running, failed, completed or cancelled.")
		}
		if !slices.Contains(statuses, status) {
			statuses = append(statuses, status)
		}
	}
	return statuses, nil
}

// errorCodes are the codes with which runs end.
var errorCodes = []automation.StepErrorCode{
	automation.FailedPermanently, automation.FailedEffect, automation.FailedUnknown, automation.FailedCondition,
	automation.FailedReference, automation.FailedTimeout, automation.FailedDamaged,
	automation.CancelledByRequest, automation.CancelledContactGone,
}

func runCode(text string) (automation.StepErrorCode, error) {
	code := automation.StepErrorCode(text)
	if text != "" && !slices.Contains(errorCodes, code) {
		return "", badInput("No run ends with this code", "Choose one of the codes in the form.")
	}
	return code, nil
}

// resolve returns the query of the filter, with the id of the contact whose email or id
// was given. It makes a call of the store only for a text that can be an email. It
// reports false if there is no such contact.
func (x *exchange) resolve(ctx context.Context, f runFilter) (automation.RunQuery, bool, error) {
	q := f.Query
	if !strings.Contains(q.ContactID, "@") {
		return q, true, nil
	}
	switch c, err := x.runner.GetContact(ctx, automation.ContactRef{Email: q.ContactID}); {
	case err == nil:
		q.ContactID = c.ID
		return q, true, nil
	case errors.Is(err, automation.ErrNotFound):
		return q, false, nil // the id of a contact may contain an @ too
	default:
		return q, false, err
	}
}

// givenField is a field of a filter that is not empty.
type givenField struct{ Name, Label, Value string }

// fields returns the fields of the filter for people, and for hidden inputs.
func (f runFilter) fields() (fields []givenField) {
	labels := map[string]string{"from": "started from", "until": "started before", "ended-from": "ended from", "ended-until": "ended before", "code": "error code"}
	for _, name := range runFields {
		for _, text := range f.Given[name] {
			fields = append(fields, givenField{name, cmp.Or(labels[name], name), text})
		}
	}
	return fields
}

// query returns the fields of the filter as a query in a fixed order. It is empty for all
// runs.
func (f runFilter) query() string { return f.Given.Encode() }

// covers reports whether the filter leaves runs with this status.
func (f runFilter) covers(status automation.RunStatus) bool {
	return len(f.Query.Statuses) == 0 || slices.Contains(f.Query.Statuses, status)
}
