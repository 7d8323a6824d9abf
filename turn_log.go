package automation

import (
	"errors"
	"log/slog"
	"strings"
)

// log adds a record. The Runner writes it after the commit of the latest transition: until
// then, another Runner may do the same work with another result.
func (t *turn) log(rec logRecord) { t.logs = append(t.logs, rec) }

// takeLogs returns the records that are valid once the latest transition is committed.
func (t *turn) takeLogs() []logRecord {
	logs := t.logs
	t.logs = nil
	return logs
}

// logFailure logs that an attempt failed, and that the run failed. before is the state
// before the input.
func (t *turn) logFailure(run *activeRun, before State, in Input) {
	failed := run.state.Status() == RunFailed && (before.Status() == RunRunning || in.Kind == InputRetried)
	switch {
	case !before.AttemptOpen():
	case in.Kind == InputFailed:
		t.logAttempt(run, in.Err, failed)
	case in.Kind == InputWoken && !failed && run.state.failureCode() == FailedInterrupted: // taken over
		t.logAttempt(run, errors.New(run.state.current().err.Message), false)
	}
	if failed {
		failure := run.state.failure()
		t.log(t.failureOf(run, failure, run.state.tries, withoutStack(failure, in.Err)))
	}
}

// failureOf returns the record of a run that failed.
func (t *turn) failureOf(run *activeRun, failure *StepError, attempts int, err error) logRecord {
	rec := t.recordOf(run, slog.LevelWarn, "automation: run failed", err)
	rec.code = failure.Code
	rec.more = []slog.Attr{slog.Int("attempts", attempts)}
	return rec
}

// recordOf returns a record about a run.
func (t *turn) recordOf(run *activeRun, level slog.Level, message string, err error) logRecord {
	step := run.action.Step
	if step == "" {
		step = run.rec.Step
	}
	return logRecord{
		logKind: logKind{level: level, message: message, automation: run.rec.AutomationID, step: step},
		run:     run.rec.ID, contact: t.in.Key.ID, err: err,
	}
}

// logAttempt logs a failed attempt, unless it is the last one and the record of the run
// holds all there is to know.
func (t *turn) logAttempt(run *activeRun, err error, last bool) {
	message := "automation: attempt failed"
	switch panicked := panicIn(err) != nil; {
	case panicked:
		message = "automation: the application's code panicked"
	case last:
		return
	}
	rec := t.recordOf(run, slog.LevelInfo, message, err)
	rec.code = run.state.failureCode()
	rec.more = []slog.Attr{slog.Int("attempts", run.state.tries)}
	if next := run.state.DueAt(); !last && !next.IsZero() {
		rec.more = append(rec.more, slog.Time("next", next))
	}
	t.log(rec)
}

// logSetAside logs a run that this process cannot decode, or that failed because no
// process could.
func (t *turn) logSetAside(run *activeRun, err error) {
	switch rec := &run.rec; rec.Status {
	case RunCancelled:
	case RunFailed:
		t.log(t.failureOf(run, rec.Error, rec.DecodeFailures, err))
	default:
		aside := t.recordOf(run, slog.LevelError, "automation: run set aside", err)
		aside.more = []slog.Attr{slog.Int("version", rec.Version), slog.Int("decode_failures", rec.DecodeFailures)}
		t.log(aside)
	}
}

// withoutStack returns the error of a failed run. The record of its last attempt, which
// failed with err, has the stack of a panic.
func withoutStack(failure *StepError, err error) error {
	message := failure.Message
	if panicIn(err) != nil {
		message, _, _ = strings.Cut(message, "\ngoroutine ")
	}
	return errors.New(message)
}
