package automation

import (
	"context"
	"log/slog"
	"time"

	"github.com/seed-b636437c/automation/internal/redact"
	"github.com/seed-b636437c/automation/internal/sampling"
)

// The first records of a kind in each interval are logged, and the rest is counted: when
// a mail server is down, ten thousand runs fail for one reason.
const (
	logFirst    = 10
	logInterval = time.Minute
)

// logKind is what records of a storm have in common.
type logKind struct {
	level            slog.Level
	message          string
	automation, step string
	code             StepErrorCode
}

// attrs returns the fields of the kind that are set.
func (k logKind) attrs() []slog.Attr {
	attrs := make([]slog.Attr, 0, 8)
	for _, a := range []slog.Attr{
		slog.String("automation", k.automation), slog.String("step", k.step), slog.String("code", string(k.code)),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	return attrs
}

// logRecord is a record that may be one of many.
type logRecord struct {
	logKind
	run, contact string // ids; empty for none
	more         []slog.Attr
	err          error
}

func (rec *logRecord) attrs() []slog.Attr {
	attrs := rec.logKind.attrs()
	if rec.run != "" {
		attrs = append(attrs, slog.String("run", rec.run))
	}
	if rec.contact != "" {
		attrs = append(attrs, slog.String("contact", redact.Text(rec.contact))) // some hosts use emails as ids
	}
	return append(append(attrs, rec.more...), errorAttrs(rec.err)...)
}

// log writes records, unless too many of their kind came before. A record about a panic
// of the host's code has the level ERROR.
func (r *Runner) log(records ...logRecord) {
	for i := range records {
		rec := &records[i]
		if panicIn(rec.err) != nil {
			rec.level = slog.LevelError
		}
		now := r.now()
		r.logCounts(r.sampler.Ended(now))
		if r.sampler.Take(now, rec.logKind) {
			r.opts.Logger.LogAttrs(context.Background(), rec.level, rec.message, rec.attrs()...)
		}
	}
}

// logCounts writes how many records were left out.
func (r *Runner) logCounts(counts []sampling.Count[logKind]) {
	for _, c := range counts {
		attrs := append(c.Kind.attrs(), slog.String("message", c.Kind.message),
			slog.Int("count", c.LeftOut), slog.Time("since", c.Since))
		r.opts.Logger.LogAttrs(context.Background(), c.Kind.level, "automation: similar records were left out", attrs...)
	}
}
