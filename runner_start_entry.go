package automation

import (
	"context"
	"errors"
	"slices"
)

// readGraph reads the automation for the decisions of a DryRun. If this process cannot compile
// it, a DryRun decides nothing about entry.
func (s *bulkStart) readGraph(ctx context.Context, a Automation) (err error) {
	if !s.DryRun {
		return nil
	}
	if s.graph, err = s.Runner.graph(ctx, VersionRef{a.ID, a.Version}); errors.Is(err, errUnusable) {
		err = nil
	}
	return err
}

// refusal returns why a contact starts no run, as far as that is decided before its event is
// handled, or "". Only a DryRun decides about entry here.
func (s *bulkStart) refusal(ctx context.Context, c *Contact, exists bool) (DecisionCode, error) {
	if !exists {
		return DecisionContactUnknown, nil
	}
	if s.graph == nil || s.graph.entry == nil {
		return "", nil
	}
	now, payload := s.now(), storedPayload(s.Payload)
	in := Input{Now: now, Event: &Event{Name: s.event, AcceptedAt: now}, Payload: payload, Data: Data{Contact: c}}
	d, _ := s.graph.Enter(Entries{}, in)
	if d.Code != "" {
		return d.Code, nil
	}
	entries, err := s.entriesOf(ctx, c.ID, payload)
	if err != nil {
		return "", err
	}
	d, _ = s.graph.Enter(entries, in)
	return d.Code, nil
}

// entriesOf reads the runs of the contact's unit of re-entry, as far as the decision needs them.
func (s *bulkStart) entriesOf(ctx context.Context, contactID string, payload map[string]any) (e Entries, err error) {
	key, _ := s.graph.EntryKey(payload)
	if s.graph.isLimited() {
		counts, err := s.store.FindEntries(ctx, contactID, []EntryRef{{AutomationID: s.AutomationID, Key: key}})
		if err != nil {
			return e, err
		}
		if len(counts) > 0 {
			e.Count = counts[0]
		}
	}
	if s.graph.whileRunning() == ReentryParallel {
		return e, nil
	}
	for rec, err := range s.runningRuns(ctx, s.AutomationID, contactID) {
		if err != nil {
			return e, err
		}
		run, err := s.withStart(ctx, rec)
		if err != nil {
			return e, err
		}
		if unit, ok := s.graph.EntryKey(storedPayload(run.TriggerPayload)); ok && unit == key {
			e.Running = append(e.Running, run.ID)
		}
	}
	slices.Sort(e.Running)
	return e, nil
}
