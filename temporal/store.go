package temporal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/seed-b636437c/automation"
)

// Store is a Store whose events and runs are in workflows of Temporal, and whose other records
// are in the catalog. A Runner on it accepts calls, and a Worker executes the flows: Runner.Run
// and Runner.Drain fail with errors.ErrUnsupported. It is safe for concurrent use.
//
// These promises of automation.Store differ:
//
//   - Runs and events can be read and listed a moment after a worker has handled them. A pending
//     event is not listed.
//   - A Send of events for several contacts is not all or nothing.
//   - RecordRunRequest and CancelRuns take effect after they return, before the next effect of
//     the run.
type Store struct {
	automation.Store // the catalog, for all methods that are not below

	catalog   automation.Store
	projector automation.Projector // the catalog
	client    client.Client
	config    Options
	names     names
	id        int64 // of the pair of namespace and catalog
}

// New returns a store on the namespace of c. The caller closes c and the catalog. The error is a
// *ValidationError for invalid options, and wraps ErrCatalog if the catalog does not belong to
// the workflows with this Options.Name.
func New(ctx context.Context, c client.Client, catalog automation.Store, opts Options) (*Store, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	projector, ok := automation.StoreAs[automation.Projector](catalog)
	if !ok {
		return nil, errUnsupported(fmt.Sprintf("a catalog of type %T", catalog), "it must implement automation.Projector")
	}
	s := &Store{
		Store: catalog, catalog: catalog, projector: projector, client: c, config: opts,
		names: names{prefix: opts.Name},
	}
	if err := s.claimCatalog(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// String returns the name of the store for logs.
func (s *Store) String() string { return "temporal " + s.config.Name }

// Claim implements automation.WorkStore. The workflow of a contact is its lease, so a claim of
// one contact brings nothing, except for an erasure, and other claims are refused.
func (s *Store) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	switch {
	case p.Erase:
		return s.catalog.Claim(ctx, p)
	case p.Contact != (automation.ContactRef{}):
		return nil, nil
	}
	return nil, errUnsupported("claim", "run a temporal.Worker in place of Runner.Run and Runner.Drain")
}

// Commit implements automation.WorkStore for erasures. The runs of the contact end first, so
// that the catalog has all that is to be erased.
func (s *Store) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	for i := range ts {
		if err := s.endForErasure(ctx, &ts[i]); err != nil {
			return nil, err
		}
	}
	return s.catalog.Commit(ctx, ts)
}

// NextDue implements automation.WorkStore. Only the workflows know it.
func (s *Store) NextDue(context.Context) (time.Time, error) { return time.Time{}, nil }

// RecordRunRequest implements automation.WorkStore: it gives the request to the contact's
// workflow.
func (s *Store) RecordRunRequest(ctx context.Context, id string, c automation.RunRequest, _ time.Time) (automation.RunRecord, error) {
	rec, err := s.FindRun(ctx, id)
	if err != nil {
		return rec, err
	}
	if accepted, err := c.Accepts(&rec); err != nil || !accepted {
		return rec, err
	}
	return rec, s.request(ctx, rec.ContactID, c, id)
}

// request gives requests about runs of one contact to its workflow.
func (s *Store) request(ctx context.Context, contactID string, c automation.RunRequest, runs ...string) error {
	var entries []entry
	for _, id := range runs {
		entries = append(entries, entry{Kind: kindRequest, RunID: id, Request: c})
	}
	m, err := pack(message{format, entries})
	if err != nil {
		return err
	}
	return s.send(ctx, automation.ContactRef{ID: contactID}, m)
}

// CancelRuns implements automation.WorkStore.
func (s *Store) CancelRuns(ctx context.Context, automationID string, _ time.Time) (int, error) {
	q := automation.RunQuery{
		AutomationID: automationID, Statuses: []automation.RunStatus{automation.RunRunning},
		PageQuery: automation.PageQuery{Limit: 100},
	}
	n := 0
	for {
		page, err := s.ListRuns(ctx, q)
		if err != nil {
			return n, err
		}
		byContact := map[string][]string{}
		for _, rec := range page.Data {
			byContact[rec.ContactID] = append(byContact[rec.ContactID], rec.ID)
		}
		err = inParallel(byContact, func(contact string, runs []string) error {
			return s.request(ctx, contact, automation.RequestCancel, runs...)
		})
		if err != nil {
			return n, err
		}
		n += len(page.Data)
		if !page.HasMore || len(page.Data) == 0 {
			return n, nil
		}
		q.After = page.Data[len(page.Data)-1].ID
	}
}

// isNotFound reports whether the server does not have a workflow, or none that runs.
func isNotFound(err error) bool {
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound)
}

// errUnsupported is the error of what a store of this package cannot do.
func errUnsupported(what, wayOut string) error {
	return fmt.Errorf("temporal: %s: %w: %s", what, errors.ErrUnsupported, wayOut)
}
