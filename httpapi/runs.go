package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/seed-b636437c/automation"
)

// runParams are the parameters of selectRuns and of statuses.
var runParams = []string{
	"automation_id", "version", "status", "contact_id", "event", "step", "error_code",
	"created_from", "created_until", "completed_from", "completed_until",
}

func (h *Handler) runRoutes() map[string]resource {
	return map[string]resource{
		"/automations/{automation}/runs":              {"GET": listing(h.listRuns, "status")},
		"/automations/{automation}/runs/{run}":        {"GET": ok(h.getRun)},
		"/automations/{automation}/runs/{run}/cancel": {"POST": ok(h.cancelRun)},
		"/automations/{automation}/runs/{run}/retry":  {"POST": ok(h.retryRun)},
		"/contacts/{contact}/runs":                    {"GET": listing(h.listContactRuns, "status")},
		"/runs":                                       {"GET": listing(h.listAllRuns, runParams...)},
		"/runs/retry":                                 {"POST": ok(h.retryRuns)},
		"/runs/cancel":                                {"POST": ok(h.cancelRuns)},
	}
}

// runItem is a run in a list of its automation's.
type runItem struct {
	ID          string               `json:"id"`
	Status      automation.RunStatus `json:"status"`
	StartedAt   timestamp            `json:"started_at"`
	CompletedAt timestamp            `json:"completed_at"`
	CreatedAt   timestamp            `json:"created_at"`
	Exit        *runExit             `json:"exit,omitempty"`
}

func newRunItem(r automation.Run) runItem {
	return runItem{r.ID, r.Status, timestamp(r.StartedAt), timestamp(r.CompletedAt), timestamp(r.CreatedAt), newRunExit(r.Exit)}
}

// runExit is why a run completed before the end of its steps.
type runExit struct {
	Reason  automation.ExitReason `json:"reason"`
	Name    *string               `json:"name"`
	EventID *string               `json:"event_id"`
	Step    string                `json:"step"`
	At      timestamp             `json:"at"`
}

func newRunExit(x *automation.RunExit) *runExit {
	if x == nil {
		return nil
	}
	return &runExit{x.Reason, nullable(x.Name), nullable(x.EventID), x.Step, timestamp(x.At)}
}

// listedRun is a run in a list with runs of several automations.
type listedRun struct {
	runItem
	AutomationID string                `json:"automation_id"`
	Version      int                   `json:"version"`
	ContactID    string                `json:"contact_id"`
	Event        string                `json:"event"`
	Step         string                `json:"step"`
	Error        *automation.StepError `json:"error"`
}

func newListedRun(r automation.Run) listedRun {
	return listedRun{newRunItem(r), r.AutomationID, r.Version, r.ContactID, r.EventName, r.Step, r.Error}
}

// runBody is a run with its steps.
type runBody struct {
	Object string `json:"object"`
	runItem
	Steps []stepBody `json:"steps"`
}

type stepBody struct {
	Key         string                `json:"key"`
	Type        automation.StepType   `json:"type"`
	Status      automation.StepStatus `json:"status"`
	StartedAt   timestamp             `json:"started_at"`
	CompletedAt timestamp             `json:"completed_at"`
	Output      json.RawMessage       `json:"output"`
	Error       *automation.StepError `json:"error"`
	CreatedAt   timestamp             `json:"created_at"`
}

func newRunBody(r automation.Run) runBody {
	body := runBody{"automation_run", newRunItem(r), make([]stepBody, len(r.Steps))}
	for i, s := range r.Steps {
		created := s.CreatedAt
		if created.IsZero() {
			created = r.CreatedAt // Resend creates all steps with the run
		}
		body.Steps[i] = stepBody{
			s.Key, s.Type, s.Status, timestamp(s.StartedAt), timestamp(s.CompletedAt), s.Output, s.Error, timestamp(created),
		}
	}
	return body
}

// runQuery returns the selection of runs in the query of a request.
func runQuery(r *http.Request) (automation.RunQuery, error) {
	var selection automation.RunQuery
	q, err := queryOf(r)
	if err != nil {
		return selection, err
	}
	if selection.PageQuery, err = q.page(); err != nil {
		return selection, err
	}
	selection.Statuses, err = statuses(q, automation.RunRunning, automation.RunCompleted, automation.RunFailed, automation.RunCancelled)
	return selection, err
}

func (h *Handler) listRuns(r *http.Request) (any, error) {
	selection, err := runQuery(r)
	if err != nil {
		return nil, err
	}
	a, err := h.automation(r)
	if err != nil {
		return nil, err
	}
	selection.AutomationID = a.ID
	found, err := h.runs(r.Context(), selection)
	if err != nil {
		return nil, unknownCursor(err, selection.PageQuery)
	}
	return listOf(found, newRunItem), nil
}

func (h *Handler) listContactRuns(r *http.Request) (any, error) {
	selection, err := runQuery(r)
	if err != nil {
		return nil, err
	}
	c, err := h.contact(r)
	if err != nil {
		return nil, err
	}
	selection.ContactID = c.ID
	found, err := h.runs(r.Context(), selection)
	if err != nil {
		return nil, unknownCursor(err, selection.PageQuery)
	}
	return listOf(found, newListedRun), nil
}

// listAllRuns lists the runs of all automations.
func (h *Handler) listAllRuns(r *http.Request) (any, error) {
	selection, err := runQuery(r)
	if err != nil {
		return nil, err
	}
	if err := selectRuns(r, &selection); err != nil {
		return nil, err
	}
	found, err := h.runs(r.Context(), selection)
	if err != nil {
		return nil, unknownCursor(err, selection.PageQuery)
	}
	return listOf(found, newListedRun), nil
}

// selectRuns adds the filters in the query of a request.
func selectRuns(r *http.Request, selection *automation.RunQuery) error {
	q, err := queryOf(r)
	if err != nil {
		return err
	}
	selection.AutomationID, selection.ContactID = q.Get("automation_id"), q.Get("contact_id")
	selection.EventName, selection.Step = q.Get("event"), q.Get("step")
	selection.ErrorCode = automation.StepErrorCode(q.Get("error_code"))
	if version := q.Get("version"); version != "" {
		if selection.Version, err = strconv.Atoi(version); err != nil || selection.Version < 1 {
			return invalid("version", "must be a whole number, 1 or more")
		}
	}
	for name, into := range map[string]*time.Time{
		"created_from": &selection.CreatedFrom, "created_until": &selection.CreatedUntil,
		"completed_from": &selection.CompletedFrom, "completed_until": &selection.CompletedUntil,
	} {
		if *into, err = q.moment(name); err != nil {
			return err
		}
	}
	return unbounded(selection.Check())
}

// runs lists runs. The error is ErrNotFound if the run at which the page begins belongs
// to another automation or contact: the Runner accepts any run there.
func (h *Handler) runs(ctx context.Context, selection automation.RunQuery) (automation.Page[automation.Run], error) {
	if cursor := selection.After + selection.Before; cursor != "" {
		run, err := h.runner.GetRun(ctx, cursor)
		ofAutomation := selection.AutomationID == "" || selection.AutomationID == run.AutomationID
		ofContact := selection.ContactID == "" || selection.ContactID == run.ContactID
		if err == nil && !(ofAutomation && ofContact) {
			return automation.Page[automation.Run]{}, automation.ErrNotFound
		}
	}
	return h.runner.ListRuns(ctx, selection)
}

func (h *Handler) getRun(r *http.Request) (any, error) {
	run, err := h.run(r)
	if err != nil {
		return nil, err
	}
	return newRunBody(run), nil
}

// run returns the run that the path names. The run must belong to the automation in the
// path, which may be deleted already.
func (h *Handler) run(r *http.Request) (automation.Run, error) {
	id := r.PathValue("run")
	run, err := h.runner.GetRun(r.Context(), id)
	if err == nil && run.AutomationID != r.PathValue("automation") {
		err = automation.ErrNotFound
	}
	return run, absent(err, "run", id)
}

func (h *Handler) cancelRun(r *http.Request) (any, error) {
	return h.request(r, h.runner.CancelRun)
}

func (h *Handler) retryRun(r *http.Request) (any, error) {
	return h.request(r, h.runner.RetryRun)
}

// request records a request about the run that the path names, by calling act.
func (h *Handler) request(r *http.Request, act func(context.Context, string) (automation.Run, error)) (any, error) {
	if err := readOptionalFields(r); err != nil {
		return nil, err
	}
	run, err := h.run(r)
	if err != nil {
		return nil, err
	}
	status := run.Status
	if run, err = act(r.Context(), run.ID); err != nil {
		id := r.PathValue("run")
		return nil, taken(absent(err, "run", id), "run %q is %s: only a failed run can be retried", id, status)
	}
	return struct {
		reference
		Status automation.RunStatus `json:"status"`
	}{reference{"automation_run", run.ID}, run.Status}, nil
}
