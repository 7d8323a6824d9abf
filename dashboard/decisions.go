package dashboard

import (
	"cmp"
	"context"
	"html/template"

	"github.com/seed-b636437c/automation"
)

// decisionRow is why an automation did not do what an event could have made it do.
type decisionRow struct {
	Automation string
	Link       template.URL
	Why        string
	Error      string   // of the rule that could not be evaluated
	Run        *runLink // that was in the way, or that went on
	Again      moment   // when the limit lets the next run start
}

// decisions returns why an event started no other runs. It makes two calls of the
// store, or one if the page has the names of automations.
func (x *exchange) decisions(ctx context.Context, eventID string) ([]decisionRow, error) {
	decisions, err := x.runner.ListDecisions(ctx, eventID)
	if err != nil || len(decisions) == 0 {
		return nil, named(err, "event")
	}
	names, err := x.automationNames(ctx)
	if err != nil {
		return nil, err
	}
	var rows []decisionRow
	for _, d := range decisions {
		rows = append(rows, x.decisionRow(d, cmp.Or(names[d.AutomationID], d.AutomationID)))
	}
	return rows, nil
}

func (x *exchange) decisionRow(d automation.Decision, name string) decisionRow {
	e := d.DecodeEvidence()
	row := decisionRow{Automation: name, Link: x.to.To("a", d.AutomationID), Why: whyDecided(d.Code, e), Error: e.Error, Again: x.moment(e.AgainAt)}
	if e.RunID != "" {
		row.Run = &x.runLinks([]string{e.RunID})[0]
	}
	return row
}

func whyDecided(code automation.DecisionCode, e automation.Evidence) string {
	switch code {
	case automation.DecisionTriggerFilter:
		if e.Error != "" {
			return "The filter of its trigger cannot be evaluated for the event."
		}
		return "The filter of its trigger did not match the event."
	case automation.DecisionAudience:
		switch {
		case e.Error != "":
			return "Its audience rule or its while rule cannot be evaluated for the contact."
		case e.Rule == "while_rule":
			return "Its while rule does not hold for the contact: a run would end at once."
		}
		return "The contact is not in its audience."
	case automation.DecisionKeyMissing:
		return "The payload has no text, number or boolean at " + cmp.Or(e.Key, "the key of its rules of re-entry") + "."
	case automation.DecisionRunning:
		return "A run of the same contact and key was running."
	case automation.DecisionLimit:
		return "As many runs of the same contact and key had started as its limit allows."
	case automation.DecisionChain:
		return "The event came from a chain of runs that has this automation in it already, or that is too long."
	case automation.DecisionNotAdmitted:
		return "It was decided late, because a process could not read the automation. The run that was kept meanwhile was cancelled."
	case automation.DecisionExitFilterError:
		return "A run went on, because the filter of an exit cannot be evaluated for the event."
	default:
		return "A newer release of the library decided this: " + string(code) + "."
	}
}
