package command

import (
	"cmp"
	"strings"

	"github.com/seed-b636437c/automation"
)

// because returns why an automation decided as it did, in words.
func (c *call) because(d automation.Decision) string {
	e := d.DecodeEvidence()
	text := refusal(d.Code, e)
	switch {
	case e.Error != "":
		text += ": " + e.Error
	case d.Code == automation.DecisionLimit && !e.AgainAt.IsZero():
		text += ", until " + c.at(e.AgainAt)
	}
	return text
}

func refusal(code automation.DecisionCode, e automation.Evidence) string {
	switch code {
	case automation.DecisionTriggerFilter:
		if e.Error != "" {
			return "the filter of the trigger cannot be evaluated"
		}
		return "the filter of the trigger did not match"
	case automation.DecisionAudience:
		switch {
		case e.Error != "":
			return "its audience_rule or while_rule cannot be evaluated"
		case e.Rule == "":
			return "the contact is not in its audience"
		}
		return "its " + e.Rule + " does not hold for the contact"
	case automation.DecisionKeyMissing:
		return "the payload has no value at " + cmp.Or(e.Key, "the key")
	case automation.DecisionRunning:
		return strings.Join(strings.Fields("run "+e.RunID+" was running"), " ")
	case automation.DecisionLimit:
		return "as many runs had started as its limit allows"
	case automation.DecisionChain:
		return "the runs that led to the event come from this automation, or are too many"
	case automation.DecisionNotAdmitted:
		return "the process that could read the automation refused the start"
	case automation.DecisionExitFilterError:
		return strings.Join(strings.Fields("run "+e.RunID+" went on, because the filter of an exit cannot be evaluated"), " ")
	default:
		return "a later release of the library decided it"
	}
}

// printDecisions prints why an event started no runs.
func (c *call) printDecisions(decisions []automation.Decision) {
	if len(decisions) == 0 {
		return
	}
	c.printf("\n")
	var t table
	t.add("AUTOMATION", "DECISION", "BECAUSE")
	for _, d := range decisions {
		t.add(d.AutomationID, string(d.Code), c.private(c.because(d)))
	}
	c.printTable(t)
}
