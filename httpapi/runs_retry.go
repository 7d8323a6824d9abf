package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// maxRetries is how many runs one request retries at most, so that it ends in time. A
// client continues with the after of the answer.
const maxRetries = 1000

// retries is the answer to a request to retry many runs.
type retries struct {
	Object  string  `json:"object"`
	DryRun  bool    `json:"dry_run"`
	Retried int     `json:"retried"`
	Skipped int     `json:"skipped"`
	HasMore bool    `json:"has_more"`
	After   *string `json:"after"`
}

// retryRuns retries the failed runs that the body selects. The body is required, so that
// no client retries all runs by leaving it out.
func (h *Handler) retryRuns(r *http.Request) (any, error) {
	var q automation.RunQuery
	opts := automation.BulkOptions{Max: maxRetries}
	err := readFields(r,
		text("automation_id", &q.AutomationID), text("contact_id", &q.ContactID), text("event_name", &q.EventName),
		text("step", &q.Step), moment("created_from", &q.CreatedFrom), moment("created_until", &q.CreatedUntil),
		moment("completed_from", &q.CompletedFrom), moment("completed_until", &q.CompletedUntil), text("error_code", (*string)(&q.ErrorCode)),
		text("after", &q.After), count("limit", maxRetries, &opts.Max), flag("dry_run", &opts.DryRun))
	if err != nil {
		return nil, err
	}
	res, err := h.runner.RetryRuns(r.Context(), q, opts)
	if err != nil {
		if res.After == q.After {
			err = unknownCursor(err, q.PageQuery)
		}
		return nil, err
	}
	answer := retries{"run_retries", opts.DryRun, res.Done, res.Skipped, res.HasMore, nil}
	if res.After != "" {
		answer.After = &res.After
	}
	return answer, nil
}

// notATime is the message about a time that is not as RFC 3339 defines it.
const notATime = "must be a time, such as 2026-03-02T09:00:00Z"

// moment is a time as RFC 3339 defines it. null means no value.
func moment(name string, into *time.Time) field {
	return field{name: name, read: unlessNull(func(r *reader, n int) {
		if !r.is(n, jsondoc.String) {
			return
		}
		at, err := time.Parse(time.RFC3339, r.Text(n))
		if err != nil {
			r.report(n, automation.CodeWrongType, "%s", notATime)
		}
		*into = at
	})}
}

// count is a whole number between 1 and most. null means no value.
func count(name string, most int, into *int) field {
	return field{name: name, read: unlessNull(func(r *reader, n int) {
		if !r.is(n, jsondoc.Number) {
			return
		}
		i, err := strconv.Atoi(r.Literal(n))
		if err != nil || i < 1 || i > most {
			r.report(n, automation.CodeLimit, "must be a whole number between 1 and %d", most)
		}
		*into = i
	})}
}
