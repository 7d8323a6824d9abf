package automation

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/seed-b636437c/automation/internal/redact"
)

const (
	// retentionInterval is how often Run looks for runs and events that are old enough
	// to be removed.
	retentionInterval = 10 * time.Minute
	// retentionBatch is how many runs, and how many events, Run removes at once. Commits
	// may have to wait for a batch, so it is small.
	retentionBatch = 250
	// retentionPause is how long Run waits between two batches at least, and
	// retentionRest how many times as long as a batch took.
	retentionPause = 50 * time.Millisecond
	retentionRest  = 9
)

// retentionRetry is the back-off after a batch that failed. Nothing depends on batches being
// in time, so it is slow.
var retentionRetry = RetryPolicy{Initial: 10 * time.Second, Max: retentionInterval, Jitter: 0.2}

// retain removes what is older than Options.Retention, while Run works. If several processes
// do so, each removes what the others have left.
func (w *worker) retain() {
	failures := 0
	for w.watching.Err() == nil {
		err := w.removeOld()
		switch {
		case errors.Is(err, ErrClosed):
			return
		case w.watching.Err() != nil:
		case err != nil:
			failures++
			w.r.opts.Logger.Warn("automation: cannot prune", "error", redact.Error(err))
			w.r.pause(w.watching, retentionRetry.backoff("prune", "", failures))
		default:
			failures = 0
			w.r.pause(w.watching, retentionInterval)
		}
	}
}

// removeOld removes batches until nothing old is left.
func (w *worker) removeOld() error {
	var total PruneResult
	defer func() { w.logPruned(slog.LevelInfo, "automation: pruned", total) }()
	for more := true; more; {
		var res PruneResult
		var err error
		began := time.Now()
		ctx, cancel := context.WithTimeout(w.watching, w.r.opts.StoreTimeout)
		res, more, err = w.r.pruneOnce(ctx, w.r.opts.Retention, retentionBatch)
		cancel()
		total.Runs += res.Runs
		total.Events += res.Events
		if err != nil {
			return err
		}
		w.logPruned(slog.LevelDebug, "automation: pruned a batch", res)
		if more {
			w.r.pause(w.watching, max(retentionPause, retentionRest*time.Since(began)))
			more = w.watching.Err() == nil
		}
	}
	return nil
}

// logPruned logs how much was removed, if anything was.
func (w *worker) logPruned(level slog.Level, message string, res PruneResult) {
	if res == (PruneResult{}) {
		return
	}
	w.r.opts.Logger.LogAttrs(w.ctx, level, message, slog.Int("runs", res.Runs), slog.Int("events", res.Events))
}

// pruneOnce removes one batch of what is older than age. It reports whether more may be left.
func (r *Runner) pruneOnce(ctx context.Context, age time.Duration, limit int) (res PruneResult, more bool, err error) {
	now := r.now()
	res, err = r.store.Prune(ctx, PruneParams{Before: now.Add(-age), Limit: limit, Now: now})
	return res, res.Runs >= limit || res.Events >= limit, err
}
