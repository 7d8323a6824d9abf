package automation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Lag returns how long the oldest work has been due that no process works on, and 0 if there
// is none: pending events, and runs whose time has come. It is near zero while processes keep
// up with the work, and grows without end while none works.
//
// A contact under a valid lease is being worked on, so its work does not count, however long
// that takes. If the lease expires before it is released, because its process died, the work
// counts from when it was due, which is before the lease began. Work that is postponed is not
// due: a delay, or the back-off after a failed attempt.
//
// Lag reads a few rows of the Store and is fit for a metric that is read every few seconds.
// The error is an error of the Store.
func (r *Runner) Lag(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.StoreTimeout)
	defer cancel()
	now := r.now()
	st, err := r.store.Stats(ctx, StatsParams{Now: now})
	if err != nil {
		return 0, fmt.Errorf("automation: lag: %w", err)
	}
	return lagAt(now, st.OldestDue), nil
}

// lagAt returns how long ago work was due, 0 for the zero time.
func lagAt(now, due time.Time) time.Duration {
	if due.IsZero() {
		return 0
	}
	return max(0, now.Sub(due))
}

// Health is what Runner.Health has found out. It has no personal data.
type Health struct {
	// At is when Health looked, on the Runner's clock.
	At time.Time
	// Running means that a Run of this Runner, in this process, claims work. It is false
	// before Run begins, once its context has ended, and in a process that only sends.
	Running bool
	// LastClaim is when a Run of this Runner last claimed work or found none. It is zero
	// if none has. A Run that is busy with Options.InFlight contacts does not claim.
	LastClaim time.Time
	// Enabled is how many automations are enabled.
	Enabled int
	// Lag is what Runner.Lag returns.
	Lag time.Duration
	// Stats measure the work of all processes. A number that equals HealthCountMax stands
	// for that many or more.
	Stats StoreStats
	// Problems are what is wrong, errors first. All is well if there are none.
	Problems []HealthProblem
}

// HealthCountMax is how far Health counts events, runs and leases.
const HealthCountMax = 10_000

// HealthProblem is one thing that is wrong.
type HealthProblem struct {
	// Severity is SeverityError if no automation makes progress, as far as this process
	// can know, and SeverityWarning if some may not.
	Severity Severity `json:"severity"`
	// Code is stable across releases; see the HealthCode constants.
	Code HealthCode `json:"code"`
	// Message describes the problem and how to solve it.
	Message string `json:"message"`
}

// HealthCode identifies a kind of HealthProblem. Codes do not change between releases.
type HealthCode string

// The codes of problems that only this process may have. With one of them it is not ready.
const (
	// HealthStoreUnavailable: the Store does not answer, or was closed.
	HealthStoreUnavailable HealthCode = "store_unavailable"
	// HealthSchema: the tables have another version than this process needs.
	HealthSchema HealthCode = "schema_version"
	// HealthRunStalled: a Run of this process has not managed to look for work for
	// longer than Options.MaxLag.
	HealthRunStalled HealthCode = "run_stalled"
	// HealthNotRunning: no Run of this process works, although one should. Only package
	// health finds that, because a Runner does not know whether Run is to be called.
	HealthNotRunning HealthCode = "not_running"
)

// The codes of problems of all processes that share the Store.
const (
	// HealthNoWorker: work has been due for longer than Options.MaxLag, no Run of this
	// process works, and no other process has a lease. It is an error.
	HealthNoWorker HealthCode = "no_worker"
	// HealthOverdue: processes work, and Lag exceeds Options.MaxLag all the same.
	HealthOverdue HealthCode = "overdue"
	// HealthStuck: work of a contact under a lease has been due for longer than
	// Options.MaxLag and Options.EffectTimeout together. Its effects wait or take that
	// long, or processes fail at it again and again, so that their leases expire.
	HealthStuck HealthCode = "stuck_contacts"
	// HealthSetAside: runs are set aside because no process could decode them.
	HealthSetAside HealthCode = "runs_set_aside"
	// HealthNoneEnabled: no automation is enabled, so events start no runs.
	HealthNoneEnabled HealthCode = "none_enabled"
)

// Health finds out whether automations make progress: whether this process can use the Store,
// whether its Run and those of other processes work, and what is stuck. Package health serves
// it to the readiness probes of an orchestrator.
//
// If the Store does not answer, Health returns its error, and a Health with that problem and
// with what is known without the Store. The error wraps ErrSchema if the tables have another
// version than this process needs. Health reads up to HealthCountMax rows of each kind, and
// the work of each contact under a lease. That takes milliseconds, and a tenth of a second
// with ten thousand leases. It is fit for a probe every few seconds.
func (r *Runner) Health(ctx context.Context) (Health, error) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.StoreTimeout)
	defer cancel()
	h := Health{At: r.now()}
	err := r.measure(ctx, &h)
	running, turned, claimed := r.working.now()
	h.Running, h.LastClaim = running, claimed
	if err != nil {
		h.addStoreProblem(err)
	}
	if idle := h.At.Sub(turned); running && idle > r.opts.MaxLag+r.longestSleep() {
		h.add(SeverityError, HealthRunStalled,
			"Run has not looked for work for %s: look for errors in the log; if the store works, restart the process", idle.Round(time.Second))
	}
	if err != nil {
		return h, fmt.Errorf("automation: health: %w", err)
	}
	r.addWorkProblems(&h)
	return h, nil
}

// measure reads from the Store.
func (r *Runner) measure(ctx context.Context, h *Health) (err error) {
	h.Stats, err = r.store.Stats(ctx, StatsParams{Now: h.At, Limit: HealthCountMax, SetAsideUntil: h.At.Add(setAsideMax)})
	if err != nil {
		return err
	}
	h.Lag = lagAt(h.At, h.Stats.OldestDue)
	h.Enabled, err = r.countEnabled(ctx)
	return err
}

func (h *Health) add(s Severity, code HealthCode, format string, args ...any) {
	h.Problems = append(h.Problems, HealthProblem{Severity: s, Code: code, Message: fmt.Sprintf(format, args...)})
}

// addStoreProblem adds the problem behind an error of the Store. The text of the error may
// name hosts and users, so it is not in the problem.
func (h *Health) addStoreProblem(err error) {
	switch {
	case errors.Is(err, ErrSchema):
		h.add(SeverityError, HealthSchema, "the tables of the store have another version than this process needs: migrate them, or deploy the release that fits")
	case errors.Is(err, ErrClosed):
		h.add(SeverityError, HealthStoreUnavailable, "the store is closed: open it for as long as the Runner is used")
	default:
		h.add(SeverityError, HealthStoreUnavailable, "the store does not answer: look whether the database works and can be reached")
	}
}

// addWorkProblems adds the problems that the measurements show.
func (r *Runner) addWorkProblems(h *Health) {
	lag := h.Lag.Round(time.Second)
	switch {
	case h.Lag <= r.opts.MaxLag:
	case !h.Running && h.Stats.Leases == 0:
		h.add(SeverityError, HealthNoWorker, "work has been due for %s and no process works on any: call Runner.Run", lag)
	default:
		h.add(SeverityWarning, HealthOverdue,
			"work has been due for %s: if that time grows, run more processes, or look for what slows them down", lag)
	}
	if held := lagAt(h.At, h.Stats.OldestLeased); held > r.opts.MaxLag+r.opts.EffectTimeout {
		h.add(SeverityWarning, HealthStuck,
			"a contact is being worked on whose work has been due for %s: look in the log for effects that hang, and for processes that die",
			held.Round(time.Second))
	}
	if n := h.Stats.SetAside; n > 0 {
		h.add(SeverityWarning, HealthSetAside,
			"%s set aside, because no process could decode them: the log names each; deploy a release that knows their steps",
			counted(n, "run is", "runs are"))
	}
	if h.Enabled == 0 {
		h.add(SeverityWarning, HealthNoneEnabled, "no automation is enabled, so events start no runs")
	}
}

// counted returns a number with its noun.
func counted(n int, one, many string) string {
	switch {
	case n == 1:
		return "1 " + one
	case n >= HealthCountMax:
		return fmt.Sprintf("%d or more %s", n, many)
	default:
		return fmt.Sprintf("%d %s", n, many)
	}
}

// Ready reports whether this process can do its part: it can use the Store, and its Run, if
// there is one, is not stalled. Problems that all processes share do not matter: to take
// processes out of service would not solve these.
func (h Health) Ready() bool {
	return !h.has(HealthStoreUnavailable, HealthSchema, HealthRunStalled, HealthNotRunning)
}

func (h Health) has(codes ...HealthCode) bool {
	return slices.ContainsFunc(h.Problems, func(p HealthProblem) bool { return slices.Contains(codes, p.Code) })
}

// MarshalJSON encodes h with the names of its fields in snake case and the lag in seconds.
// What is unknown because the Store did not answer is left out.
func (h Health) MarshalJSON() ([]byte, error) {
	out := struct {
		Ready     bool            `json:"ready"`
		At        time.Time       `json:"at"`
		Running   bool            `json:"running"`
		LastClaim time.Time       `json:"last_claim,omitzero"`
		Enabled   *int            `json:"enabled_automations,omitempty"`
		Lag       *float64        `json:"lag_seconds,omitempty"`
		Stats     *StoreStats     `json:"stats,omitempty"`
		Problems  []HealthProblem `json:"problems"`
	}{Ready: h.Ready(), At: h.At, Running: h.Running, LastClaim: h.LastClaim, Problems: append([]HealthProblem{}, h.Problems...)}
	if !h.has(HealthStoreUnavailable, HealthSchema) {
		lag := h.Lag.Seconds()
		out.Enabled, out.Lag, out.Stats = &h.Enabled, &lag, &h.Stats
	}
	return json.Marshal(out)
}
