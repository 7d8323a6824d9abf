package temporal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/seed-b636437c/automation"
)

// keptKey is what is kept for an idempotency key: the memo of a workflow that never begins, and
// times out when the key expires.
type keptKey struct {
	EventID    string    `json:"event_id"`
	Hash       string    `json:"hash"`
	AcceptedAt time.Time `json:"accepted_at"`
}

// memoField is the name of the only field of a memo.
const memoField = "automation"

// takeKeys takes the idempotency keys of the events. It drops the events that were accepted
// before.
func (a *appending) takeKeys(ctx context.Context) error {
	byKey := map[string][]int{}
	for i := range a.events {
		if e := &a.events[i].Event; e.IdempotencyKey != "" {
			id := a.store.names.key(e.Name, e.IdempotencyKey)
			byKey[id] = append(byKey[id], i)
		}
	}
	duplicates := make([]*keptKey, len(a.events))
	err := inParallel(byKey, func(id string, events []int) error { return a.takeKey(ctx, id, events, duplicates) })
	if err != nil {
		return err
	}
	for _, t := range a.byTarget {
		if err := a.settleKeys(ctx, t, duplicates); err != nil {
			return err
		}
	}
	return nil
}

// takeKey takes one key for the first of the events with it.
func (a *appending) takeKey(ctx context.Context, id string, events []int, duplicates []*keptKey) error {
	first := &a.events[events[0]]
	kept, err := a.store.keep(ctx, id, keptKey{first.Event.ID, first.ContentHash, first.Event.AcceptedAt}, lifetime(first))
	if err != nil {
		return err
	}
	for _, i := range events {
		e := &a.events[i]
		if e.ContentHash != kept.Hash {
			return fmt.Errorf("event %q with the idempotency key %q has another content than the first one: %w", e.Event.Name, e.Event.IdempotencyKey, automation.ErrConflict)
		}
		if e.Event.ID != kept.EventID {
			duplicates[i] = &kept
			a.receipts[i] = automation.EventReceipt{ID: kept.EventID, Duplicate: true}
		}
	}
	return nil
}

// settleKeys drops the duplicates among the events for a target. The process that took a key may
// have ended before it gave the event to the workflow, so a duplicate that is not in the catalog
// goes to the workflow in its place, which ignores what comes twice.
func (a *appending) settleKeys(ctx context.Context, t *target, duplicates []*keptKey) error {
	var entries []entry
	for _, e := range t.entries {
		if e.Event.IdempotencyKey == "" {
			entries = append(entries, e)
			continue
		}
		i := slices.IndexFunc(a.events, func(n automation.NewEvent) bool { return n.Event.ID == e.Event.ID })
		if kept := duplicates[i]; kept != nil {
			switch _, err := a.store.FindEvent(ctx, kept.EventID); {
			case err == nil:
				continue
			case !errors.Is(err, automation.ErrNotFound):
				return err
			}
			event := *e.Event
			event.ID, event.AcceptedAt = kept.EventID, kept.AcceptedAt
			e.Event = &event
		}
		entries = append(entries, e)
	}
	t.entries = entries
	return nil
}

// lifetime is how long the key of an event is kept.
func lifetime(e *automation.NewEvent) time.Duration {
	return max(e.KeyExpiresAt.Sub(e.Event.AcceptedAt), time.Second)
}

// keep keeps k under the id of a workflow, unless something is kept there, and returns what is
// kept. A lifetime of 0 has no end.
func (s *Store) keep(ctx context.Context, id string, k keptKey, lifetime time.Duration) (keptKey, error) {
	name := keyWorkflow
	if lifetime == 0 {
		name = catalogWorkflow
	}
	for {
		ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
		defer cancel()
		_, err := s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: id, TaskQueue: s.names.taskQueue(), Memo: map[string]any{memoField: k},
			StartDelay: forever, WorkflowExecutionTimeout: lifetime,
			WorkflowExecutionErrorWhenAlreadyStarted: true,
		}, name)
		if err == nil {
			return k, nil
		}
		var taken *serviceerror.WorkflowExecutionAlreadyStarted
		if !errors.As(err, &taken) {
			return k, fmt.Errorf("temporal: workflow %q: %w", id, err)
		}
		kept, err := s.kept(ctx, id)
		if kept != nil || err != nil {
			if kept != nil {
				k = *kept
			}
			return k, err
		}
	}
}

// forever is longer than any idempotency key lives: a workflow that is delayed so long never
// begins.
const forever = 50 * 365 * 24 * time.Hour

// kept returns what is kept under the id of a workflow, or nil if it has expired by now.
func (s *Store) kept(ctx context.Context, id string) (*keptKey, error) {
	d, err := s.client.DescribeWorkflow(ctx, id, "")
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("temporal: workflow %q: %w", id, err)
	}
	info := d.RawResponse.GetWorkflowExecutionInfo()
	if info.GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return nil, nil
	}
	var k keptKey
	if err := converter.GetDefaultDataConverter().FromPayload(info.GetMemo().GetFields()[memoField], &k); err != nil {
		return nil, fmt.Errorf("temporal: memo of workflow %q: %w", id, err)
	}
	return &k, nil
}
