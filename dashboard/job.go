package dashboard

import (
	"errors"
	"html/template"
	"net/url"
	"strconv"
)

// jobPage is the page of a job.
type jobPage struct {
	Action  bulkAction
	Known   bool // by this process
	Started moment
	Ended   moment
	// At work, Outcome is empty. Otherwise it is done, stopped or failed.
	Outcome string
	Done    int
	Skipped int
	Total   int // 0 if it is not known
	Handled int // Done and Skipped
	Left    int
	Filter  []givenField
	Stop    template.URL
	Again   template.URL
	Runs    template.URL
}

// job shows how far a job is. Of a job that this process does not have, the page has what that
// means.
func (x *exchange) job() error {
	j := x.jobs.find(x.r.PathValue("job"))
	fields := x.r.URL.Query()
	if j != nil {
		fields = j.fields()
	}
	action, filter, err := x.bulkOf(fields)
	if err != nil {
		return notFound("job")
	}
	body := jobPage{Action: action, Filter: filter.fields(), Runs: x.filterLink(filter), Again: x.bulkLink(action, filter)}
	if j == nil {
		return x.show("job", page{Title: "This job has ended", Section: "Runs", Body: body})
	}
	x.fillJob(&body, j)
	p := page{Title: jobTitle(action), Section: "Runs", Body: body, Live: true}
	if body.Outcome == "" {
		p.Refresh = 2
	}
	return x.show("job", p)
}

func jobTitle(action bulkAction) string {
	if action == bulkRetry {
		return "Retrying runs"
	}
	return "Cancelling runs"
}

// fields returns the action and the filter of a job as a query.
func (j *job) fields() map[string][]string {
	fields, _ := url.ParseQuery(withAction(j.action, j.filter)) // Encode wrote it
	return fields
}

func (x *exchange) fillJob(body *jobPage, j *job) {
	state := j.now()
	body.Known, body.Started, body.Ended = true, x.moment(j.started), x.moment(state.Ended)
	body.Done, body.Skipped, body.Handled = state.Done, state.Skipped, state.Done+state.Skipped
	body.Stop = x.to.To("jobs", j.id, "stop")
	if !j.total.More {
		body.Total = max(j.total.N, body.Handled)
		body.Left = body.Total - body.Handled
	}
	switch {
	case state.Ended.IsZero():
	case state.Err == nil:
		body.Outcome = "done"
	case errors.Is(state.Err, errJobStopped):
		body.Outcome = "stopped"
	default:
		body.Outcome = "failed"
	}
}

// News is what a screen reader reads of a job while it is at work: each quarter once.
func (p jobPage) News() string {
	switch {
	case !p.Known:
		return "The job has ended, or another process does it."
	case p.Outcome != "":
		return "The job is " + p.Outcome + "."
	case p.Total > 0:
		return strconv.Itoa(p.Handled*4/p.Total*25) + " % are done."
	default:
		return "The job is at work."
	}
}

// stopJob stops a job after the run that it is at.
func (x *exchange) stopJob() error {
	j := x.jobs.find(x.r.PathValue("job"))
	if j == nil {
		return notFound("job")
	}
	j.stop()
	x.audit(stopJobAction, string(j.action)+" runs "+j.filter, nil)
	return x.seeOther(x.jobLink(j))
}

// jobLink returns the link to a job. It has the action and the filter, so that the page can
// offer to start the job again when the process does not have it any more.
func (x *exchange) jobLink(j *job) template.URL {
	return x.to.To("jobs", j.id) + template.URL("?"+withAction(j.action, j.filter))
}
