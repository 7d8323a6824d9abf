// Package slogobserve logs what a Runner does with log/slog: every event, run, step and
// change of a contact.
//
//	observer := slogobserve.New(logger, slogobserve.Options{})
//	runner, err := automation.New(store, mailer, automation.Options{Observer: observer, Logger: logger})
//
// The Logger of automation.Options reports failures, and leaves out most of those that come
// in a storm. This package reports everything, which is one record for each notice.
//
// Messages are constant, and the data is in attributes: event, name, automation, version,
// run, step, type, status, contact, code, error and took. Records contain no payload and no
// email address: addresses in ids of contacts and in messages of errors are replaced by
// [email].
package slogobserve

import (
	"context"
	"log/slog"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/redact"
	"github.com/seed-b636437c/automation/observe"
)

// Options configure an Observer. The zero value works.
type Options struct {
	// Level returns the level of the record about a notice. Nil means DefaultLevel.
	Level func(n automation.Notice) slog.Level
}

// Observer is an automation.Observer that writes a record for each notice. It is safe for
// concurrent use. Observe returns when the handler of the logger has returned, so a handler
// that writes to the network should have a queue.
type Observer struct {
	logger *slog.Logger
	level  func(n automation.Notice) slog.Level
}

var _ automation.Observer = (*Observer)(nil)

// New returns an Observer that logs to logger. Nil discards the records.
func New(logger *slog.Logger, opts Options) *Observer {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	if opts.Level == nil {
		opts.Level = DefaultLevel
	}
	return &Observer{logger: logger, level: opts.Level}
}

// DefaultLevel returns WARN for a step or a run that failed, INFO for another start or end
// of a run and for an attempt that is tried again, and DEBUG for everything else.
func DefaultLevel(n automation.Notice) slog.Level {
	switch n := n.(type) {
	case *automation.RunStarted:
		return slog.LevelInfo
	case *automation.RunEnded:
		if n.Run.Status == automation.RunFailed {
			return slog.LevelWarn
		}
		return slog.LevelInfo
	case *automation.StepChanged:
		if _, outcome := observe.Failure(n); outcome == observe.FailureEnded {
			return slog.LevelWarn
		} else if outcome == observe.FailureRetried {
			return slog.LevelInfo
		}
	}
	return slog.LevelDebug
}

// Observe implements automation.Observer. It ignores notices of unknown types.
func (o *Observer) Observe(n automation.Notice) {
	ctx := context.Background()
	level := o.level(n)
	if !o.logger.Enabled(ctx, level) {
		return
	}
	if message, attrs := describe(n); message != "" {
		o.logger.LogAttrs(ctx, level, message, attrs...)
	}
}

// describe returns the record about a notice. The message is empty for a notice of an
// unknown type.
func describe(n automation.Notice) (message string, attrs []slog.Attr) {
	switch n := n.(type) {
	case *automation.EventAccepted:
		return "automation: event accepted", event(n.Event)
	case *automation.EventHandled:
		attrs = append(event(n.Event), slog.Int("started", len(n.Started)), slog.Int("resumed", len(n.Resumed)))
		if len(n.Ended) > 0 {
			attrs = append(attrs, slog.Int("ended", len(n.Ended)))
		}
		return "automation: event handled", append(attrs, slog.Duration("took", n.At.Sub(n.Event.AcceptedAt)))
	case *automation.RunStarted:
		return "automation: run started", append(run(n.Run), slog.String("event", n.Run.EventID))
	case *automation.RunEnded:
		attrs = append(run(n.Run), slog.String("status", string(n.Run.Status)), slog.Duration("took", n.At.Sub(n.Run.StartedAt)))
		return "automation: run ended", append(attrs, failure(n.Run.Error)...)
	case *automation.StepChanged:
		return step(n)
	case *automation.ContactCreated:
		return "automation: contact created", []slog.Attr{contact(n.Contact.ID)}
	case *automation.ContactChanged:
		return "automation: contact changed", []slog.Attr{contact(n.ContactID)}
	case *automation.ContactDeleted:
		return "automation: contact deleted", []slog.Attr{contact(n.ContactID)}
	}
	return "", nil
}

func step(n *automation.StepChanged) (message string, attrs []slog.Attr) {
	attrs = append(run(n.Run), slog.String("step", n.Step.Key), slog.String("type", string(n.Step.Type)),
		slog.String("status", string(n.Step.Status)))
	if observe.Ended(n) {
		attrs = append(attrs, slog.Duration("took", n.At.Sub(n.Step.StartedAt)))
	}
	e, outcome := observe.Failure(n)
	if outcome == observe.FailureRetried {
		return "automation: attempt failed", append(attrs, failure(e)...)
	}
	return "automation: step changed", append(attrs, failure(e)...)
}

func event(e automation.Event) []slog.Attr {
	return []slog.Attr{slog.String("event", e.ID), slog.String("name", e.Name)}
}

func run(r automation.Run) []slog.Attr {
	return []slog.Attr{
		slog.String("automation", r.AutomationID), slog.Int("version", r.Version), slog.String("run", r.ID), contact(r.ContactID),
	}
}

// contact hides an id that is an email: some hosts use emails as ids.
func contact(id string) slog.Attr { return slog.String("contact", redact.Text(id)) }

func failure(e *automation.StepError) []slog.Attr {
	if e == nil {
		return nil
	}
	first, _, _ := strings.Cut(e.Message, "\n") // the stack of a panic follows
	return []slog.Attr{slog.String("code", string(e.Code)), slog.String("error", redact.Text(first))}
}
