package dashboard

import (
	"context"
	"fmt"

	"github.com/seed-b636437c/automation"
)

// start enables an automation.
func (x *exchange) start() error {
	if err := x.setStatus(automation.StatusEnabled, startAction); err != nil {
		return err
	}
	return x.done(x.to.To("a", x.r.PathValue("id")), "automation-started")
}

// setStatus changes the status of the automation of the path, if it has the revision that
// the person saw.
func (x *exchange) setStatus(status automation.Status, action string) error {
	id := x.r.PathValue("id")
	revision, err := x.revision()
	if err == nil {
		_, err = x.runner.UpdateAutomation(x.ctx, id, automation.AutomationUpdate{Status: &status, Revision: revision})
		err = named(err, "automation")
	}
	x.audit(action, id, err)
	return err
}

// stop disables an automation and, if the person chose that, cancels its runs in progress.
func (x *exchange) stop() error {
	id := x.r.PathValue("id")
	if err := x.setStatus(automation.StatusDisabled, stopAction); err != nil {
		return err
	}
	if x.formValue("cancel") != "" {
		_, err := x.runner.StopAutomation(x.ctx, id, automation.StopOptions{CancelRuns: true})
		x.audit(cancelAction, id, err)
		if err != nil {
			return fmt.Errorf("stopped, but its runs go on: %w", err)
		}
		return x.done(x.to.To("a", id), "runs-cancelled")
	}
	return x.seeOther(x.to.To("a", id))
}

// duplicate creates a disabled copy of an automation, and shows it.
func (x *exchange) duplicate() error {
	return x.createAutomation(duplicateAction, "automation-duplicated", func(ctx context.Context) (automation.Automation, error) {
		a, err := x.runner.DuplicateAutomation(ctx, x.r.PathValue("id"))
		return a, named(err, "automation")
	})
}

// delete deletes an automation, if it has the revision that the person saw.
func (x *exchange) delete() error {
	err := x.deleteUnchanged(x.r.PathValue("id"))
	x.audit(deleteAction, x.r.PathValue("id"), err)
	if err != nil {
		return err
	}
	return x.done(x.to.To(""), "automation-deleted")
}

func (x *exchange) deleteUnchanged(id string) error {
	revision, err := x.revision()
	if err != nil {
		return err
	}
	a, err := x.findAutomation()
	if err != nil {
		return err
	}
	if a.Revision != revision {
		return fmt.Errorf("delete %q at revision %d: %w", id, revision, automation.ErrConflict)
	}
	return named(x.runner.DeleteAutomation(x.ctx, id), "automation")
}

// automationQuestion is the page before an action that concerns many runs or cannot
// be undone.
type automationQuestion struct {
	automationHead
	Counts part[tally]
}

func (x *exchange) askStop() error   { return x.ask("stop", "Stop ") }
func (x *exchange) askDelete() error { return x.ask("delete", "Delete ") }

// ask shows a question about the automation of the path. It makes two calls of the store.
func (x *exchange) ask(name, verb string) error {
	a, err := x.findAutomation()
	if err != nil {
		return err
	}
	body := automationQuestion{x.headOf(a, ""), x.totalOf(a.ID)}
	return x.show(name, page{Title: verb + a.Name, Section: "Automations", Body: body})
}
