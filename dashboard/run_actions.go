package dashboard

import (
	"cmp"

	"github.com/seed-b636437c/automation"
)

// retryRun makes a failed run continue from the step that failed.
func (x *exchange) retryRun() error {
	run, err := x.findRun()
	if err == nil {
		_, err = x.runner.RetryRun(x.ctx, run.ID)
	}
	x.audit(retryRunAction, x.r.PathValue("run"), err)
	if err != nil {
		return err
	}
	return x.done(x.runLink(), "run-retried")
}

// askCancelRun asks before a run is cancelled, because that cannot be undone.
func (x *exchange) askCancelRun() error {
	run, err := x.findRun()
	if err != nil {
		return err
	}
	body := x.runPage(run)
	body.Automation = cmp.Or(x.versionOf(run).Name, run.AutomationID)
	if _, step := x.chosenStep(run); step != nil {
		body.Step = x.stepFacts(*step, automation.Step{}, body.Contact)
	}
	return x.show("run_cancel", page{Title: "Cancel a run", Section: "Runs", Body: body})
}

// cancelRun cancels a run before its next effect.
func (x *exchange) cancelRun() error {
	run, err := x.findRun()
	if err == nil {
		_, err = x.runner.CancelRun(x.ctx, run.ID)
	}
	x.audit(cancelRunAction, x.r.PathValue("run"), err)
	if err != nil {
		return err
	}
	return x.done(x.runLink(), "run-cancelled")
}
