package dashboard

import (
	"encoding/json"
	"html/template"

	"github.com/seed-b636437c/automation"
)

// exitView is why a run completed before its last step.
type exitView struct {
	Step, Name, Why string
	Event           template.URL // of the event that ended the run, or ""
	At              moment
}

func (x *exchange) exitOf(run automation.Run) *exitView {
	if run.Exit == nil {
		return nil
	}
	view := &exitView{Step: run.Exit.Step, Name: run.Exit.Name, At: x.moment(run.Exit.At)}
	if id := run.Exit.EventID; id != "" {
		view.Event = x.to.To("events", "log", id)
	}
	switch run.Exit.Reason {
	case automation.ExitEvent:
		view.Why = "An event ended the run"
	case automation.ExitCondition:
		view.Why = "The while rule of the automation did not hold any more"
	default:
		view.Why = string(run.Exit.Reason) // of a newer release
	}
	return view
}

// earlyOf returns in a few words why a run ended before its last step, or "": for a run that did
// not, that failed, or that a person cancelled, its status has the reason.
func earlyOf(run automation.Run) string {
	if x := run.Exit; x != nil {
		switch {
		case x.Reason == automation.ExitCondition:
			return "early, because its while rule did not hold"
		case x.Reason != automation.ExitEvent:
			return "early: " + string(x.Reason) // of a newer release
		case x.Name != "":
			return "early, by the exit " + x.Name
		default:
			return "early, by an event"
		}
	}
	if run.Status != automation.RunCancelled || run.Error == nil {
		return ""
	}
	return cancelledWords[run.Error.Code]
}

// cancelledWords are the reasons for which the engine itself cancels runs.
var cancelledWords = map[automation.StepErrorCode]string{
	automation.CancelledReplaced:    "replaced by another run",
	automation.CancelledMaxAge:      "at its maximum age",
	automation.CancelledNotAdmitted: "kept out by the rules of entry",
	automation.CancelledContactGone: "contact deleted",
}

// replacementOf returns the run that replaced a cancelled one, or nil.
func (x *exchange) replacementOf(run automation.Run) *runLink {
	if run.Error == nil || run.Error.Code != automation.CancelledReplaced {
		return nil
	}
	step := stepOf(run, run.Step)
	var output struct {
		ReplacedBy string `json:"replaced_by"`
	}
	if step == nil || json.Unmarshal(step.Output, &output) != nil || output.ReplacedBy == "" {
		return nil
	}
	return &x.runLinks([]string{output.ReplacedBy})[0]
}
