package httpapi

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// maxBulk is how many runs one request retries or cancels at most, so that it ends in time.
// A client continues with the after of the answer.
const maxBulk = 1000

// bulkAnswer is the answer to a request to retry or to cancel many runs.
type bulkAnswer struct {
	Object    string  `json:"object"`
	DryRun    bool    `json:"dry_run"`
	Retried   *int    `json:"retried,omitempty"`
	Cancelled *int    `json:"cancelled,omitempty"`
	Skipped   int     `json:"skipped"`
	HasMore   bool    `json:"has_more"`
	After     *string `json:"after"`
}

// retryRuns retries the failed runs that the body selects.
func (h *Handler) retryRuns(r *http.Request) (any, error) {
	var q automation.RunQuery
	answer, done, err := bulk(r, h.runner.RetryRuns, &q,
		moment("completed_from", &q.CompletedFrom), moment("completed_until", &q.CompletedUntil), text("error_code", (*string)(&q.ErrorCode)))
	answer.Object, answer.Retried = "run_retries", &done
	return answer, err
}

// cancelRuns cancels the running runs that the body selects.
func (h *Handler) cancelRuns(r *http.Request) (any, error) {
	answer, done, err := bulk(r, h.runner.CancelRuns, &automation.RunQuery{})
	answer.Object, answer.Cancelled = "run_cancellations", &done
	return answer, err
}

// bulkCall is Runner.RetryRuns or Runner.CancelRuns.
type bulkCall func(context.Context, automation.RunQuery, automation.BulkOptions) (automation.BulkResult, error)

// bulk makes a call about the runs that the body selects, and returns its answer with the
// number of runs for which it was done. It reads the body into q. more are fields of this
// call only. The body is required, so that no client names all runs by leaving it out.
func bulk(r *http.Request, do bulkCall, q *automation.RunQuery, more ...field) (answer bulkAnswer, done int, err error) {
	opts := automation.BulkOptions{Max: maxBulk}
	fields := []field{
		text("automation_id", &q.AutomationID), count("version", math.MaxInt32, &q.Version), text("contact_id", &q.ContactID),
		text("event_name", &q.EventName), text("step", &q.Step),
		moment("created_from", &q.CreatedFrom), moment("created_until", &q.CreatedUntil),
	}
	fields = append(fields, more...)
	fields = append(fields, text("after", &q.After), count("limit", maxBulk, &opts.Max), flag("dry_run", &opts.DryRun))
	if err := readFields(r, fields...); err != nil {
		return answer, 0, err
	}
	res, err := do(r.Context(), *q, opts)
	if err != nil {
		if res.After == q.After {
			err = unknownCursor(err, q.PageQuery)
		}
		return answer, 0, err
	}
	answer = bulkAnswer{DryRun: opts.DryRun, Skipped: res.Skipped, HasMore: res.HasMore}
	if res.After != "" {
		answer.After = &res.After
	}
	return answer, res.Done, nil
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
