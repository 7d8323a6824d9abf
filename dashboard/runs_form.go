package dashboard

import (
	"slices"

	"github.com/seed-b636437c/automation"
)

// runFilterForm is the form of the filter.
type runFilterForm struct {
	Statuses                                   []choice
	Automations                                []choice
	Version, Step, Event, Contact, From, Until string
	EndedFrom, EndedUntil                      string
	Codes                                      []choice
	// More means that a field is set that the form shows only on demand.
	More, Any bool
	// Unknown means that the chosen automation is not among all automations.
	Unknown bool
}

// choice is an option of a form.
type choice struct {
	Value, Text string
	Chosen      bool
}

// filterForm returns the form that shows the filter.
func (x *exchange) filterForm(f runFilter, automations automation.Page[automation.Automation]) runFilterForm {
	form := runFilterForm{
		Version: f.Given.Get("version"), Step: f.Given.Get("step"), Event: f.Given.Get("event"), Contact: f.Given.Get("contact"),
		From: x.timeField(f.Query.CreatedFrom), Until: x.timeField(f.Query.CreatedUntil),
		EndedFrom: x.timeField(f.Query.CompletedFrom), EndedUntil: x.timeField(f.Query.CompletedUntil), Any: f.query() != "",
	}
	form.More = form.Version+form.Step+form.Event+form.From+form.Until+form.EndedFrom+form.EndedUntil+f.Given.Get("code") != ""
	for _, code := range errorCodes {
		form.Codes = append(form.Codes, choice{string(code), string(code), code == f.Query.ErrorCode})
	}
	for _, status := range allStatuses {
		form.Statuses = append(form.Statuses, choice{string(status), string(status), slices.Contains(f.Query.Statuses, status)})
	}
	missing := f.Query.AutomationID
	for _, a := range automations.Data {
		chosen := a.ID == f.Query.AutomationID
		form.Automations = append(form.Automations, choice{a.ID, a.Name, chosen})
		if chosen {
			missing = ""
		}
	}
	if missing != "" { // deleted, or beyond the first page: its runs can be listed all the same
		form.Automations = append(form.Automations, choice{missing, missing, true})
		form.Unknown = len(automations.Data) > 0 && !automations.HasMore
	}
	return form
}
