package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-b636437c/automation"
)

// Store is a Store whose events and runs are in JetStream, and whose other records are in the
// catalog. A Runner on it accepts calls, and a Worker executes the flows: Runner.Run and
// Runner.Drain fail with errors.ErrUnsupported. It is safe for concurrent use.
//
// These promises of automation.Store differ:
//
//   - Runs and events can be read and listed a moment after a worker has written them.
//   - A Send of more than 500 events is not all or nothing.
//   - RecordRunRequest and CancelRuns take effect in the order of the log, after they return.
type Store struct {
	automation.Store // the catalog, for all methods that are not below

	catalog   automation.Store
	projector automation.Catalog // the catalog
	nc        *nats.Conn
	js        jetstream.JetStream
	config    Options
	log       jetstream.Stream // of all partitions, with the idempotency keys
	names     names
	id        int64       // of the streams
	left      atomic.Bool // the log is sealed: see Leave
}

// New returns a store on the servers that nc is connected to, and creates its streams if there
// are none. It waits up to Options.Timeout for a cluster to have a majority. The caller closes nc
// and the catalog. The error is a *ValidationError for invalid
// options, and wraps ErrStreams if the streams have another format, another number of
// partitions, or belong to another catalog, and if the servers are not durable. It wraps
// ErrUnavailable if the servers do not answer, automation.ErrCatalog if the catalog belongs to
// another engine, and ErrLeft after Leave.
//
// New engages the catalog: from then on no Runner on the catalog itself claims work. What such
// Runners have left there moves to the streams as soon as a Worker runs.
func New(ctx context.Context, nc *nats.Conn, catalog automation.Store, opts Options) (*Store, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := opts.checkDurability(); err != nil {
		return nil, err
	}
	projector, ok := automation.StoreAs[automation.Catalog](catalog)
	if !ok {
		return nil, errUnsupported(fmt.Sprintf("a catalog of type %T", catalog), "it must implement automation.Catalog")
	}
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(min(opts.Timeout, attemptTimeout)))
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	s := &Store{
		Store: catalog, catalog: catalog, projector: projector, nc: nc, js: js, config: opts,
		names: names{prefix: opts.Name, partitions: opts.Partitions},
	}
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// String returns the name of the store for logs.
func (s *Store) String() string { return "jetstream " + s.config.Name }

// Claim implements automation.WorkStore. A worker has the lease of every contact, so a claim
// of one contact brings nothing, except for an erasure, and other claims are refused.
func (s *Store) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	switch {
	case p.Erase:
		return s.claimForErasure(ctx, p)
	case p.Contact != (automation.ContactRef{}):
		return nil, nil
	}
	return nil, errUnsupported("claim", "run a jetstream.Worker in place of Runner.Run and Runner.Drain")
}

// Commit implements automation.WorkStore for erasures. The events of the contact's email are
// handled first, so that the catalog has all that is to be erased.
func (s *Store) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	for i := range ts {
		if t := &ts[i]; t.Erase && t.EraseEmail != "" && t.Key.ID != "" {
			if err := s.appendAndWait(ctx, automation.ContactRef{Email: t.EraseEmail}, entry{Kind: kindContact}); err != nil {
				return nil, err
			}
		}
	}
	return s.catalog.Commit(ctx, ts)
}

// claimForErasure leases a contact in the catalog, after its runs have ended and its events are
// there. Nothing is done to a contact that has a lease already, and the lease ends while the
// owner of the partition does its part, because the owner leaves contacts with leases alone.
func (s *Store) claimForErasure(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	p.Engine = s.engine()
	works, err := s.catalog.Claim(ctx, p)
	if err != nil || len(works) == 0 {
		return works, err
	}
	free := automation.Transition{Key: works[0].Key, Token: works[0].Token, Now: p.Now, Release: true}
	if _, err := s.catalog.Commit(ctx, []automation.Transition{free}); err != nil {
		return nil, err
	}
	if id := p.Contact.ID; id != "" {
		if err := s.catalog.DeleteContact(ctx, id, p.Now); err != nil && !errors.Is(err, automation.ErrNotFound) {
			return nil, err
		}
	}
	if err := s.appendAndWait(ctx, p.Contact, entry{Kind: kindContact}); err != nil {
		return nil, err
	}
	return s.catalog.Claim(ctx, p)
}

// NextDue implements automation.WorkStore. Only the owners of the partitions know it.
func (s *Store) NextDue(context.Context) (time.Time, error) { return time.Time{}, nil }

// RecordRunRequest implements automation.WorkStore: it appends the request to the log.
func (s *Store) RecordRunRequest(ctx context.Context, id string, c automation.RunRequest, now time.Time) (automation.RunRecord, error) {
	rec, err := s.FindRun(ctx, id)
	if err != nil {
		return rec, err
	}
	if accepted, err := c.Accepts(&rec); err != nil || !accepted {
		return rec, err
	}
	msg, err := s.requestMessage(&rec, c)
	if err == nil {
		_, err = s.publishAll(ctx, []*nats.Msg{msg})
	}
	if errors.Is(err, ErrLeft) {
		return s.catalog.RecordRunRequest(ctx, id, c, now)
	}
	return rec, err
}

// requestMessage returns the message that appends a request about a run to the log.
func (s *Store) requestMessage(rec *automation.RunRecord, c automation.RunRequest) (*nats.Msg, error) {
	return s.entryMessage(automation.ContactRef{ID: rec.ContactID}, entry{Kind: kindRequest, RunID: rec.ID, Request: c})
}

// CancelRuns implements automation.WorkStore.
func (s *Store) CancelRuns(ctx context.Context, automationID string, now time.Time) (int, error) {
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
		var msgs []*nats.Msg
		for _, rec := range page.Data {
			msg, err := s.requestMessage(&rec, automation.RequestCancel)
			if err != nil {
				return n, err
			}
			msgs = append(msgs, msg)
		}
		if len(msgs) > 0 {
			_, err := s.publishAll(ctx, msgs)
			if errors.Is(err, ErrLeft) {
				return s.catalog.CancelRuns(ctx, automationID, now)
			}
			if err != nil {
				return n, err
			}
		}
		n += len(msgs)
		if !page.HasMore || len(page.Data) == 0 {
			return n, nil
		}
		q.After = page.Data[len(page.Data)-1].ID
	}
}

// errUnsupported is the error of what a store of this package cannot do.
func errUnsupported(what, wayOut string) error {
	return fmt.Errorf("jetstream: %s: %w: %s", what, errors.ErrUnsupported, wayOut)
}
