package storetest_test

import (
	"context"
	"sync"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/memory"
)

// faulty is a correct store until one of its hooks is set. A hook changes the
// arguments or the results of a method.
type faulty struct {
	*memory.Store

	mu             sync.Mutex // held while a hook runs
	appending      func(events []automation.NewEvent) []automation.NewEvent
	appendEvents   func(ctx context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error)
	foundEvent     func(e *automation.Event)
	claiming       func(p *automation.ClaimParams)
	claimed        func(works []automation.Work) []automation.Work
	committing     func(ts []automation.Transition) []automation.Transition
	committed      func(ctx context.Context, ts []automation.Transition, results []automation.CommitResult)
	nextDue        func(t time.Time) time.Time
	measuring      func(p *automation.StatsParams)
	measured       func(p automation.StatsParams, st *automation.StoreStats)
	foundRun       func(r *automation.RunRecord)
	foundRuns      func(rs []automation.RunRecord) []automation.RunRecord
	countRuns      func(ctx context.Context, ids []string) ([]automation.RunCount, error)
	listedRuns     func(ctx context.Context, q automation.RunQuery, p automation.Page[automation.RunRecord]) (automation.Page[automation.RunRecord], error)
	foundContact   func(ref automation.ContactRef, c automation.Contact) error
	foundContacts  func(ids []string, found []automation.Contact) []automation.Contact
	listContacts   func(ctx context.Context, q automation.ContactQuery) (automation.Page[automation.Contact], error)
	pruning        func(p *automation.PruneParams)
	pruned         func(res *automation.PruneResult)
	updating       func(ctx context.Context, a *automation.AutomationRecord)
	foundRecord    func(a *automation.AutomationRecord, err error) error
	listedVersions func(p automation.Page[automation.VersionRecord], err error) (automation.Page[automation.VersionRecord], error)
	foundVersion   func(ctx context.Context, v *automation.VersionRecord) error
	deleteContact  func(ctx context.Context, id string, now time.Time) error
	changing       func(ch *automation.ContactChange)
	insertSegment  func(ctx context.Context, seg automation.Segment) error
	renameSegment  func(ctx context.Context, id, name string) (automation.Segment, error)
	foundProperty  func(p *automation.ContactProperty, idOrKey string) error
	insertProperty func(ctx context.Context, p automation.ContactProperty) error
	projecting     func(p *automation.Projection)
	project        func(ctx context.Context, p automation.Projection) error
	engage         func(ctx context.Context, engine string) error
	disengaged     func(ctx context.Context, engine string)
	recordRequest  func(ctx context.Context, id string, c automation.RunRequest, now time.Time) (automation.RunRecord, error)
	listing        func(q *automation.WaitingQuery)
	listed         func(list []automation.WaitingContact)
	taking         func(p *automation.TakeParams)
	taken          func(works []automation.Work) []automation.Work
	findingKey     func(now *time.Time)
	inserting      func(a *automation.AutomationRecord)
	foundDecisions func(eventID string, ds []automation.Decision) []automation.Decision
	findEntries    func(ctx context.Context, contactID string, refs []automation.EntryRef) ([]automation.EntryCount, error)
	foundEntries   func(contactID string, counts []automation.EntryCount) []automation.EntryCount
	foundOutputs   func(runID string, outputs []automation.StepOutput) []automation.StepOutput
}

func (s *faulty) AppendEvents(ctx context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.appendEvents != nil {
		return s.appendEvents(ctx, events)
	}
	if s.appending != nil {
		events = s.appending(append([]automation.NewEvent{}, events...))
	}
	return s.Store.AppendEvents(ctx, events)
}

func (s *faulty) Project(ctx context.Context, p automation.Projection) error {
	if s.projecting != nil {
		s.projecting(&p)
	}
	if s.project != nil {
		return s.project(ctx, p)
	}
	return s.Store.Project(ctx, p)
}

func (s *faulty) Engage(ctx context.Context, engine string) error {
	if s.engage != nil {
		return s.engage(ctx, engine)
	}
	return s.Store.Engage(ctx, engine)
}

func (s *faulty) Disengage(ctx context.Context, engine string) error {
	err := s.Store.Disengage(ctx, engine)
	if s.disengaged != nil && err == nil {
		s.disengaged(ctx, engine)
	}
	return err
}

func (s *faulty) RecordRunRequest(ctx context.Context, id string, c automation.RunRequest, now time.Time) (automation.RunRecord, error) {
	if s.recordRequest != nil {
		return s.recordRequest(ctx, id, c, now)
	}
	return s.Store.RecordRunRequest(ctx, id, c, now)
}

func (s *faulty) ListWaiting(ctx context.Context, q automation.WaitingQuery) ([]automation.WaitingContact, error) {
	if s.listing != nil {
		s.listing(&q)
	}
	list, err := s.Store.ListWaiting(ctx, q)
	if s.listed != nil && err == nil {
		s.listed(list)
	}
	return list, err
}

func (s *faulty) TakeWork(ctx context.Context, p automation.TakeParams) ([]automation.Work, error) {
	if s.taking != nil {
		s.taking(&p)
	}
	works, err := s.Store.TakeWork(ctx, p)
	if s.taken != nil && err == nil {
		works = s.taken(works)
	}
	return works, err
}

func (s *faulty) FindEventKey(ctx context.Context, name, key string, now time.Time) (automation.EventKey, error) {
	if s.findingKey != nil {
		s.findingKey(&now)
	}
	return s.Store.FindEventKey(ctx, name, key, now)
}

func (s *faulty) FindEvent(ctx context.Context, id string) (automation.EventRecord, error) {
	e, err := s.Store.FindEvent(ctx, id)
	if s.foundEvent != nil && err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.foundEvent(&e.Event)
	}
	return e, err
}

func (s *faulty) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claiming != nil {
		s.claiming(&p)
	}
	works, err := s.Store.Claim(ctx, p)
	if s.claimed != nil && err == nil {
		works = s.claimed(works)
	}
	return works, err
}

func (s *faulty) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.committing != nil {
		ts = s.committing(append([]automation.Transition{}, ts...))
	}
	results, err := s.Store.Commit(ctx, ts)
	if s.committed != nil && err == nil {
		s.committed(ctx, ts, results)
	}
	return results, err
}

func (s *faulty) NextDue(ctx context.Context) (time.Time, error) {
	t, err := s.Store.NextDue(ctx)
	if s.nextDue != nil {
		t = s.nextDue(t)
	}
	return t, err
}

func (s *faulty) Stats(ctx context.Context, p automation.StatsParams) (automation.StoreStats, error) {
	if s.measuring != nil {
		s.measuring(&p)
	}
	st, err := s.Store.Stats(ctx, p)
	if s.measured != nil && err == nil {
		s.measured(p, &st)
	}
	return st, err
}

func (s *faulty) FindRun(ctx context.Context, id string) (automation.RunRecord, error) {
	r, err := s.Store.FindRun(ctx, id)
	if s.foundRun != nil {
		s.foundRun(&r)
	}
	return r, err
}

func (s *faulty) FindRuns(ctx context.Context, ids []string) ([]automation.RunRecord, error) {
	rs, err := s.Store.FindRuns(ctx, ids)
	if s.foundRuns != nil && err == nil {
		rs = s.foundRuns(rs)
	}
	return rs, err
}

func (s *faulty) CountRuns(ctx context.Context, ids ...string) ([]automation.RunCount, error) {
	if s.countRuns != nil {
		return s.countRuns(ctx, ids)
	}
	return s.Store.CountRuns(ctx, ids...)
}

func (s *faulty) FindRunOutputs(ctx context.Context, runID string) ([]automation.StepOutput, error) {
	outputs, err := s.Store.FindRunOutputs(ctx, runID)
	if s.foundOutputs != nil && err == nil {
		outputs = s.foundOutputs(runID, outputs)
	}
	return outputs, err
}

func (s *faulty) ListRuns(ctx context.Context, q automation.RunQuery) (automation.Page[automation.RunRecord], error) {
	p, err := s.Store.ListRuns(ctx, q)
	if s.listedRuns != nil && err == nil {
		return s.listedRuns(ctx, q, p)
	}
	return p, err
}

func (s *faulty) FindContact(ctx context.Context, ref automation.ContactRef) (automation.Contact, error) {
	c, err := s.Store.FindContact(ctx, ref)
	if s.foundContact != nil && err == nil {
		err = s.foundContact(ref, c)
	}
	return c, err
}

func (s *faulty) FindContacts(ctx context.Context, ids []string) ([]automation.Contact, error) {
	found, err := s.Store.FindContacts(ctx, ids)
	if s.foundContacts != nil && err == nil {
		found = s.foundContacts(ids, found)
	}
	return found, err
}

func (s *faulty) ListContacts(ctx context.Context, q automation.ContactQuery) (automation.Page[automation.Contact], error) {
	if s.listContacts != nil && q.EmailPrefix != "" {
		return s.listContacts(ctx, q)
	}
	return s.Store.ListContacts(ctx, q)
}

func (s *faulty) Prune(ctx context.Context, p automation.PruneParams) (automation.PruneResult, error) {
	if s.pruning != nil {
		s.pruning(&p)
	}
	res, err := s.Store.Prune(ctx, p)
	if s.pruned != nil {
		s.pruned(&res)
	}
	return res, err
}

func (s *faulty) UpdateAutomation(ctx context.Context, a automation.AutomationRecord) error {
	if s.updating != nil {
		s.updating(ctx, &a)
	}
	return s.Store.UpdateAutomation(ctx, a)
}

func (s *faulty) FindAutomation(ctx context.Context, id string) (automation.AutomationRecord, error) {
	a, err := s.Store.FindAutomation(ctx, id)
	if s.foundRecord != nil {
		err = s.foundRecord(&a, err)
	}
	return a, err
}

func (s *faulty) FindAutomationVersion(ctx context.Context, v automation.VersionRef) (automation.VersionRecord, error) {
	rec, err := s.Store.FindAutomationVersion(ctx, v)
	if s.foundVersion != nil && err == nil {
		err = s.foundVersion(ctx, &rec)
	}
	return rec, err
}

func (s *faulty) ListAutomationVersions(ctx context.Context, id string, q automation.PageQuery) (automation.Page[automation.VersionRecord], error) {
	p, err := s.Store.ListAutomationVersions(ctx, id, q)
	if s.listedVersions != nil {
		return s.listedVersions(p, err)
	}
	return p, err
}

func (s *faulty) DeleteContact(ctx context.Context, id string, now time.Time) error {
	if s.deleteContact != nil {
		return s.deleteContact(ctx, id, now)
	}
	return s.Store.DeleteContact(ctx, id, now)
}

func (s *faulty) UpdateContact(ctx context.Context, id string, change automation.ContactChange) (automation.Contact, error) {
	if s.changing != nil {
		s.changing(&change)
	}
	return s.Store.UpdateContact(ctx, id, change)
}

func (s *faulty) RenameSegment(ctx context.Context, id, name string) (automation.Segment, error) {
	if s.renameSegment != nil {
		return s.renameSegment(ctx, id, name)
	}
	return s.Store.RenameSegment(ctx, id, name)
}

func (s *faulty) InsertSegment(ctx context.Context, seg automation.Segment) error {
	if s.insertSegment != nil {
		return s.insertSegment(ctx, seg)
	}
	return s.Store.InsertSegment(ctx, seg)
}

func (s *faulty) FindContactProperty(ctx context.Context, idOrKey string) (automation.ContactProperty, error) {
	p, err := s.Store.FindContactProperty(ctx, idOrKey)
	if s.foundProperty != nil && err == nil {
		err = s.foundProperty(&p, idOrKey)
	}
	return p, err
}

func (s *faulty) InsertContactProperty(ctx context.Context, p automation.ContactProperty) error {
	if s.insertProperty != nil {
		return s.insertProperty(ctx, p)
	}
	return s.Store.InsertContactProperty(ctx, p)
}

func (s *faulty) InsertAutomation(ctx context.Context, a automation.AutomationRecord) error {
	if s.inserting != nil {
		s.inserting(&a)
	}
	return s.Store.InsertAutomation(ctx, a)
}

func (s *faulty) ListDecisions(ctx context.Context, eventID string) ([]automation.Decision, error) {
	ds, err := s.Store.ListDecisions(ctx, eventID)
	if s.foundDecisions != nil && err == nil {
		ds = s.foundDecisions(eventID, ds)
	}
	return ds, err
}

func (s *faulty) FindEntries(ctx context.Context, contactID string, refs []automation.EntryRef) ([]automation.EntryCount, error) {
	if s.findEntries != nil {
		return s.findEntries(ctx, contactID, refs)
	}
	counts, err := s.Store.FindEntries(ctx, contactID, refs)
	if s.foundEntries != nil && err == nil {
		counts = s.foundEntries(contactID, counts)
	}
	return counts, err
}
