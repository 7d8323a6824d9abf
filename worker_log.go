package automation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// logStart logs that Run works, on which store, and for how many automations. An event
// starts nothing while no automation is enabled, so that is a warning.
func (w *worker) logStart() {
	r := w.r
	if !r.opts.Logger.Enabled(w.ctx, slog.LevelWarn) {
		return
	}
	ctx, cancel := context.WithTimeout(w.watching, r.opts.StoreTimeout)
	defer cancel()
	var enabled int
	err := guard(func() (err error) {
		enabled, err = r.countEnabled(ctx)
		return err
	})
	store := slog.String("store", storeName(r.store))
	switch {
	case err != nil:
		r.opts.Logger.LogAttrs(w.ctx, slog.LevelInfo, "automation: running", store, slog.Any("error", loggable(err)))
	case enabled == 0:
		r.opts.Logger.LogAttrs(w.ctx, slog.LevelWarn, "automation: running", store, slog.Int("enabled", 0),
			slog.String("hint", "no automation is enabled, so events start no runs"))
	default:
		r.opts.Logger.LogAttrs(w.ctx, slog.LevelInfo, "automation: running", store, slog.Int("enabled", enabled))
	}
}

// logStop logs that Run returns, and why.
func (w *worker) logStop(reason error) {
	w.r.logCounts(w.r.sampler.Rest())
	level := slog.LevelInfo
	if stuck := (*StillRunningError)(nil); errors.As(reason, &stuck) || w.ctx.Err() == nil {
		level = slog.LevelWarn
	}
	w.r.opts.Logger.LogAttrs(w.ctx, level, "automation: stopped",
		slog.String("store", storeName(w.r.store)), slog.Any("reason", loggable(reason)))
}

// countEnabled returns how many automations are enabled.
func (r *Runner) countEnabled(ctx context.Context) (n int, err error) {
	q := AutomationQuery{Status: StatusEnabled, PageQuery: PageQuery{Limit: 100}}
	for {
		page, err := r.store.ListAutomations(ctx, q)
		if err != nil {
			return 0, err
		}
		n += len(page.Data)
		if !page.HasMore || len(page.Data) == 0 {
			return n, nil
		}
		q.After = page.Data[len(page.Data)-1].ID
	}
}

// storeName returns the name of a store that is a fmt.Stringer, and the type of others.
func storeName(s Store) string {
	if named, ok := optional[fmt.Stringer](s); ok {
		return named.String()
	}
	for {
		wrapper, ok := s.(interface{ Unwrap() Store })
		if !ok {
			return fmt.Sprintf("%T", s)
		}
		s = wrapper.Unwrap()
	}
}
