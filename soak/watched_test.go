//go:build unix

package soak

import (
	"context"
	"errors"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/seed-b636437c/automation"
)

// watched returns store with a report of every transition that the store refuses, and of all that
// it may prune.
func watched(store automation.Store, n *node, socket string) (automation.Store, error) {
	reader, err := automation.New(store, noMailer{}, automation.Options{})
	if err != nil {
		return nil, err
	}
	s := watchedStore{store, n, reader, socket + ".lock"}
	if w, ok := store.(automation.Watcher); ok {
		return struct {
			watchedStore
			automation.Watcher
		}{s, w}, nil
	}
	return s, nil
}

type watchedStore struct {
	automation.Store
	node   *node
	reader *automation.Runner // of the store itself
	file   string             // that late commits and Prune lock
}

// Commit reports the transitions whose lease was lost. A commit that comes so late that it may
// write what is old enough to be pruned does not overlap Prune.
func (s watchedStore) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	if slices.ContainsFunc(ts, func(t automation.Transition) bool { return time.Since(t.Now) > time.Second }) {
		file, err := locked(s.file, syscall.LOCK_SH)
		if err != nil {
			return nil, err
		}
		defer file.Close()
	}
	results, err := s.Store.Commit(ctx, ts)
	for i, res := range results {
		if errors.Is(res.Err, automation.ErrLeaseLost) {
			s.node.news.refused(ts[i].Key.ID)
		}
	}
	return results, err
}

// Prune reports to the ledger what may be pruned, and then prunes. While it reads, another node
// may prune the place at which a page begins: it begins anew then. Options.Retention, by which a
// node prunes when it starts, is an hour at least, and no test lasts so long.
func (s watchedStore) Prune(ctx context.Context, p automation.PruneParams) (res automation.PruneResult, err error) {
	p.Before = p.Now.Add(-retention)
	file, err := locked(s.file, syscall.LOCK_EX)
	if err != nil {
		return res, err
	}
	defer file.Close()
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	args, err := s.old(ctx, p.Before)
	for errors.Is(err, automation.ErrNotFound) {
		args, err = s.old(ctx, p.Before)
	}
	if err == nil {
		err = s.node.call(ctx, "Archive", args, nil)
	}
	if err != nil {
		return res, err
	}
	return s.Store.Prune(ctx, p)
}

// locked locks a file until its caller closes it, or until the process is gone.
func locked(path string, how int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for err = syscall.EINTR; err == syscall.EINTR; {
		err = syscall.Flock(int(file.Fd()), how)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// old reads the runs that ended, and the events that were handled, before a time.
func (s watchedStore) old(ctx context.Context, before time.Time) (args ArchiveArgs, err error) {
	runs := automation.RunQuery{CompletedUntil: before, PageQuery: automation.PageQuery{Limit: 100}}
	for more := true; more; {
		page, err := s.reader.ListRuns(ctx, runs)
		if err != nil {
			return args, err
		}
		for _, listed := range page.Data {
			runs.After = listed.ID
			run, err := s.reader.GetRun(ctx, listed.ID)
			switch {
			case errors.Is(err, automation.ErrNotFound): // another node has reported and pruned it
			case err != nil:
				return args, err
			case !run.CompletedAt.IsZero(): // it may have been retried
				args.Runs = append(args.Runs, run)
			}
		}
		more = page.HasMore
	}
	args.Events = map[string]time.Time{}
	events := automation.EventQuery{AcceptedUntil: before, PageQuery: automation.PageQuery{Limit: 100}}
	for more := true; more; {
		page, err := s.reader.ListEvents(ctx, events)
		if err != nil {
			return args, err
		}
		for _, e := range page.Data {
			events.After = e.ID
			if !e.HandledAt.IsZero() && e.HandledAt.Before(before) {
				args.Events[e.ID] = e.AcceptedAt
			}
		}
		more = page.HasMore
	}
	return args, nil
}
