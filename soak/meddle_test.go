//go:build unix

package soak

import (
	"context"
	"errors"

	"github.com/seed-b636437c/automation"
)

// meddle cancels or retries a run, or prunes the store, after some events of a person. That may
// fail: the run may have ended or be pruned, or the store may not answer.
func (n *node) meddle(ctx context.Context, e *Event) {
	switch e.N % 16 {
	case 0, 8:
		for _, run := range n.runs(ctx, cartFlow, automation.RunRunning, 1) {
			_, _ = n.runner.CancelRun(ctx, run.ID)
		}
	case 2, 10:
		n.retry(ctx)
	case 4:
		_, _ = n.runner.Prune(ctx, retention)
	}
}

// runs returns the newest runs of a flow with a status, or none if the store does not answer.
func (n *node) runs(ctx context.Context, flow string, status automation.RunStatus, limit int) []automation.Run {
	page, err := n.runner.ListRuns(ctx, automation.RunQuery{
		AutomationID: flow, Statuses: []automation.RunStatus{status}, PageQuery: automation.PageQuery{Limit: limit},
	})
	if err != nil {
		return nil
	}
	return page.Data
}

// retry retries a run whose bill the mailer rejected: the oldest one, so that some events come in
// between. Other nodes may retry the same run at the same time.
func (n *node) retry(ctx context.Context) {
	failed := n.runs(ctx, invoiceFlow, automation.RunFailed, 100)
	if len(failed) == 0 {
		return
	}
	args := RetryArgs{Run: failed[len(failed)-1].ID}
	if n.call(ctx, "Retry", args, nil) != nil {
		return
	}
	if _, err := n.runner.RetryRun(ctx, args.Run); err == nil {
		args.Accepted = true
		_ = n.call(context.WithoutCancel(ctx), "Retry", args, nil) // fails only if the ledger is gone
	}
}

// remove removes the contact of a person. The person has one, or will have one when the events
// that were sent are handled.
func (n *node) remove(ctx context.Context, e *Event, done *SentArgs) error {
	id := e.ID
	if id == "" {
		c, err := n.runner.GetContact(ctx, automation.ContactRef{Email: e.Email})
		if err != nil {
			return err
		}
		id = c.ID
		if err := n.call(ctx, "Leaves", SentArgs{Node: n.name, SendKey: e.SendKey, ID: id}, nil); err != nil {
			return err
		}
	}
	var err error
	if e.Removal == erasure {
		err = n.runner.EraseContact(ctx, automation.ContactRef{ID: id})
	} else if err = n.runner.DeleteContact(ctx, id); errors.Is(err, automation.ErrNotFound) {
		err = nil // a node that died has deleted the contact
	}
	if err == nil {
		done.ID = id
	}
	return err
}
