package observe

import (
	"context"
	"time"

	"github.com/seed-b636437c/automation"
)

// The methods of a store that are measured, and need nothing else.

// FindEventDefinition implements automation.EventWriter.
func (s *hookedStore) FindEventDefinition(ctx context.Context, idOrName string) (automation.EventDefinition, error) {
	return call(ctx, &s.hooks, "FindEventDefinition", func() (automation.EventDefinition, error) { return s.Store.FindEventDefinition(ctx, idOrName) })
}

// FindEvent implements automation.EventReader.
func (s *hookedStore) FindEvent(ctx context.Context, id string) (automation.EventRecord, error) {
	return call(ctx, &s.hooks, "FindEvent", func() (automation.EventRecord, error) { return s.Store.FindEvent(ctx, id) })
}

// ListDecisions implements automation.EventReader.
func (s *hookedStore) ListDecisions(ctx context.Context, eventID string) ([]automation.Decision, error) {
	return call(ctx, &s.hooks, "ListDecisions", func() ([]automation.Decision, error) { return s.Store.ListDecisions(ctx, eventID) })
}

// ListEvents implements automation.EventReader.
func (s *hookedStore) ListEvents(ctx context.Context, q automation.EventQuery) (automation.Page[automation.EventRecord], error) {
	return call(ctx, &s.hooks, "ListEvents", func() (automation.Page[automation.EventRecord], error) { return s.Store.ListEvents(ctx, q) })
}

// Stats implements automation.StatsReader.
func (s *hookedStore) Stats(ctx context.Context, p automation.StatsParams) (automation.StoreStats, error) {
	return call(ctx, &s.hooks, "Stats", func() (automation.StoreStats, error) { return s.Store.Stats(ctx, p) })
}

// ListContactEvents implements automation.EventReader.
func (s *hookedStore) ListContactEvents(ctx context.Context, contactID, name string, since time.Time) ([]automation.Event, error) {
	return call(ctx, &s.hooks, "ListContactEvents", func() ([]automation.Event, error) { return s.Store.ListContactEvents(ctx, contactID, name, since) })
}

// InsertEventDefinition implements automation.EventReader.
func (s *hookedStore) InsertEventDefinition(ctx context.Context, d automation.EventDefinition) error {
	return run(ctx, &s.hooks, "InsertEventDefinition", func() error { return s.Store.InsertEventDefinition(ctx, d) })
}

// UpdateEventDefinition implements automation.EventReader.
func (s *hookedStore) UpdateEventDefinition(ctx context.Context, d automation.EventDefinition) error {
	return run(ctx, &s.hooks, "UpdateEventDefinition", func() error { return s.Store.UpdateEventDefinition(ctx, d) })
}

// DeleteEventDefinition implements automation.EventReader.
func (s *hookedStore) DeleteEventDefinition(ctx context.Context, id string) error {
	return run(ctx, &s.hooks, "DeleteEventDefinition", func() error { return s.Store.DeleteEventDefinition(ctx, id) })
}

// ListEventDefinitions implements automation.EventReader.
func (s *hookedStore) ListEventDefinitions(ctx context.Context, q automation.PageQuery) (automation.Page[automation.EventDefinition], error) {
	return call(ctx, &s.hooks, "ListEventDefinitions", func() (automation.Page[automation.EventDefinition], error) {
		return s.Store.ListEventDefinitions(ctx, q)
	})
}

// InsertAutomation implements automation.AutomationStore.
func (s *hookedStore) InsertAutomation(ctx context.Context, a automation.AutomationRecord) error {
	return run(ctx, &s.hooks, "InsertAutomation", func() error { return s.Store.InsertAutomation(ctx, a) })
}

// UpdateAutomation implements automation.AutomationStore.
func (s *hookedStore) UpdateAutomation(ctx context.Context, a automation.AutomationRecord) error {
	return run(ctx, &s.hooks, "UpdateAutomation", func() error { return s.Store.UpdateAutomation(ctx, a) })
}

// FindAutomation implements automation.AutomationStore.
func (s *hookedStore) FindAutomation(ctx context.Context, id string) (automation.AutomationRecord, error) {
	return call(ctx, &s.hooks, "FindAutomation", func() (automation.AutomationRecord, error) { return s.Store.FindAutomation(ctx, id) })
}

// FindAutomationVersion implements automation.AutomationStore.
func (s *hookedStore) FindAutomationVersion(ctx context.Context, v automation.VersionRef) (automation.VersionRecord, error) {
	return call(ctx, &s.hooks, "FindAutomationVersion", func() (automation.VersionRecord, error) { return s.Store.FindAutomationVersion(ctx, v) })
}

// ListAutomationVersions implements automation.AutomationStore.
func (s *hookedStore) ListAutomationVersions(ctx context.Context, automationID string, q automation.PageQuery) (automation.Page[automation.VersionRecord], error) {
	return call(ctx, &s.hooks, "ListAutomationVersions", func() (automation.Page[automation.VersionRecord], error) {
		return s.Store.ListAutomationVersions(ctx, automationID, q)
	})
}

// ListAutomations implements automation.AutomationStore.
func (s *hookedStore) ListAutomations(ctx context.Context, q automation.AutomationQuery) (automation.Page[automation.AutomationRecord], error) {
	return call(ctx, &s.hooks, "ListAutomations", func() (automation.Page[automation.AutomationRecord], error) { return s.Store.ListAutomations(ctx, q) })
}

// DeleteAutomation implements automation.AutomationStore.
func (s *hookedStore) DeleteAutomation(ctx context.Context, id string, now time.Time) error {
	return run(ctx, &s.hooks, "DeleteAutomation", func() error { return s.Store.DeleteAutomation(ctx, id, now) })
}

// NextDue implements automation.WorkStore.
func (s *hookedStore) NextDue(ctx context.Context) (time.Time, error) {
	return call(ctx, &s.hooks, "NextDue", func() (time.Time, error) { return s.Store.NextDue(ctx) })
}

// RecordRunRequest implements automation.WorkStore.
func (s *hookedStore) RecordRunRequest(ctx context.Context, id string, c automation.RunRequest, now time.Time) (automation.RunRecord, error) {
	return call(ctx, &s.hooks, "RecordRunRequest", func() (automation.RunRecord, error) { return s.Store.RecordRunRequest(ctx, id, c, now) })
}

// CancelRuns implements automation.WorkStore.
func (s *hookedStore) CancelRuns(ctx context.Context, automationID string, now time.Time) (int, error) {
	return call(ctx, &s.hooks, "CancelRuns", func() (int, error) { return s.Store.CancelRuns(ctx, automationID, now) })
}

// FindRun implements automation.RunReader.
func (s *hookedStore) FindRun(ctx context.Context, id string) (automation.RunRecord, error) {
	return call(ctx, &s.hooks, "FindRun", func() (automation.RunRecord, error) { return s.Store.FindRun(ctx, id) })
}

// FindRuns implements automation.RunReader.
func (s *hookedStore) FindRuns(ctx context.Context, ids []string) ([]automation.RunRecord, error) {
	return call(ctx, &s.hooks, "FindRuns", func() ([]automation.RunRecord, error) { return s.Store.FindRuns(ctx, ids) })
}

// ListRuns implements automation.RunReader.
func (s *hookedStore) ListRuns(ctx context.Context, q automation.RunQuery) (automation.Page[automation.RunRecord], error) {
	return call(ctx, &s.hooks, "ListRuns", func() (automation.Page[automation.RunRecord], error) { return s.Store.ListRuns(ctx, q) })
}

// CountRuns implements automation.RunReader.
func (s *hookedStore) CountRuns(ctx context.Context, automationIDs ...string) ([]automation.RunCount, error) {
	return call(ctx, &s.hooks, "CountRuns", func() ([]automation.RunCount, error) { return s.Store.CountRuns(ctx, automationIDs...) })
}

// FindContact implements automation.ContactStore.
func (s *hookedStore) FindContact(ctx context.Context, ref automation.ContactRef) (automation.Contact, error) {
	return call(ctx, &s.hooks, "FindContact", func() (automation.Contact, error) { return s.Store.FindContact(ctx, ref) })
}

// FindContacts implements automation.ContactStore.
func (s *hookedStore) FindContacts(ctx context.Context, ids []string) ([]automation.Contact, error) {
	return call(ctx, &s.hooks, "FindContacts", func() ([]automation.Contact, error) { return s.Store.FindContacts(ctx, ids) })
}

// InsertContact implements automation.ContactStore.
func (s *hookedStore) InsertContact(ctx context.Context, c automation.Contact) error {
	return run(ctx, &s.hooks, "InsertContact", func() error { return s.Store.InsertContact(ctx, c) })
}

// UpdateContact implements automation.ContactStore.
func (s *hookedStore) UpdateContact(ctx context.Context, id string, change automation.ContactChange) (automation.Contact, error) {
	return call(ctx, &s.hooks, "UpdateContact", func() (automation.Contact, error) { return s.Store.UpdateContact(ctx, id, change) })
}

// DeleteContact implements automation.ContactStore.
func (s *hookedStore) DeleteContact(ctx context.Context, id string, now time.Time) error {
	return run(ctx, &s.hooks, "DeleteContact", func() error { return s.Store.DeleteContact(ctx, id, now) })
}

// ListContacts implements automation.ContactStore.
func (s *hookedStore) ListContacts(ctx context.Context, q automation.ContactQuery) (automation.Page[automation.Contact], error) {
	return call(ctx, &s.hooks, "ListContacts", func() (automation.Page[automation.Contact], error) { return s.Store.ListContacts(ctx, q) })
}

// InsertSegment implements automation.SegmentStore.
func (s *hookedStore) InsertSegment(ctx context.Context, g automation.Segment) error {
	return run(ctx, &s.hooks, "InsertSegment", func() error { return s.Store.InsertSegment(ctx, g) })
}

// FindSegment implements automation.SegmentStore.
func (s *hookedStore) FindSegment(ctx context.Context, id string) (automation.Segment, error) {
	return call(ctx, &s.hooks, "FindSegment", func() (automation.Segment, error) { return s.Store.FindSegment(ctx, id) })
}

// RenameSegment implements automation.SegmentStore.
func (s *hookedStore) RenameSegment(ctx context.Context, id, name string) (automation.Segment, error) {
	return call(ctx, &s.hooks, "RenameSegment", func() (automation.Segment, error) { return s.Store.RenameSegment(ctx, id, name) })
}

// DeleteSegment implements automation.SegmentStore.
func (s *hookedStore) DeleteSegment(ctx context.Context, id string) error {
	return run(ctx, &s.hooks, "DeleteSegment", func() error { return s.Store.DeleteSegment(ctx, id) })
}

// ListSegments implements automation.SegmentStore.
func (s *hookedStore) ListSegments(ctx context.Context, q automation.PageQuery) (automation.Page[automation.Segment], error) {
	return call(ctx, &s.hooks, "ListSegments", func() (automation.Page[automation.Segment], error) { return s.Store.ListSegments(ctx, q) })
}

// Prune implements automation.Pruner.
func (s *hookedStore) Prune(ctx context.Context, p automation.PruneParams) (automation.PruneResult, error) {
	return call(ctx, &s.hooks, "Prune", func() (automation.PruneResult, error) { return s.Store.Prune(ctx, p) })
}

// InsertContactProperty implements automation.PropertyStore.
func (s *hookedStore) InsertContactProperty(ctx context.Context, p automation.ContactProperty) error {
	return run(ctx, &s.hooks, "InsertContactProperty", func() error { return s.Store.InsertContactProperty(ctx, p) })
}

// FindContactProperty implements automation.PropertyStore.
func (s *hookedStore) FindContactProperty(ctx context.Context, idOrKey string) (automation.ContactProperty, error) {
	return call(ctx, &s.hooks, "FindContactProperty", func() (automation.ContactProperty, error) { return s.Store.FindContactProperty(ctx, idOrKey) })
}

// UpdateContactProperty implements automation.PropertyStore.
func (s *hookedStore) UpdateContactProperty(ctx context.Context, p automation.ContactProperty) error {
	return run(ctx, &s.hooks, "UpdateContactProperty", func() error { return s.Store.UpdateContactProperty(ctx, p) })
}

// DeleteContactProperty implements automation.PropertyStore.
func (s *hookedStore) DeleteContactProperty(ctx context.Context, id string) error {
	return run(ctx, &s.hooks, "DeleteContactProperty", func() error { return s.Store.DeleteContactProperty(ctx, id) })
}

// ListContactProperties implements automation.PropertyStore.
func (s *hookedStore) ListContactProperties(ctx context.Context, q automation.PageQuery) (automation.Page[automation.ContactProperty], error) {
	return call(ctx, &s.hooks, "ListContactProperties", func() (automation.Page[automation.ContactProperty], error) {
		return s.Store.ListContactProperties(ctx, q)
	})
}

// FindRunOutputs implements automation.RunReader.
func (s *hookedStore) FindRunOutputs(ctx context.Context, runID string) ([]automation.StepOutput, error) {
	return call(ctx, &s.hooks, "FindRunOutputs", func() ([]automation.StepOutput, error) { return s.Store.FindRunOutputs(ctx, runID) })
}

// FindEntries implements automation.RunReader.
func (s *hookedStore) FindEntries(ctx context.Context, contactID string, refs []automation.EntryRef) ([]automation.EntryCount, error) {
	return call(ctx, &s.hooks, "FindEntries", func() ([]automation.EntryCount, error) { return s.Store.FindEntries(ctx, contactID, refs) })
}
