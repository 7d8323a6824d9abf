package world

import (
	"context"
	"log/slog"
	"sync"
)

// Log is a slog.Handler that keeps the records of all levels.
type Log struct {
	// OnRecord, if it is not nil, receives each record.
	OnRecord func(Record)

	mu      sync.Mutex
	records []Record
}

// Record is a record of a Log.
type Record struct {
	Level   slog.Level
	Message string
	Attrs   map[string]any
}

// Logger returns a logger that writes to l.
func (l *Log) Logger() *slog.Logger { return slog.New(l) }

// Records returns the records with a message, in their order.
func (l *Log) Records(message string) []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []Record
	for _, r := range l.records {
		if r.Message == message {
			found = append(found, r)
		}
	}
	return found
}

// Enabled implements slog.Handler.
func (l *Log) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (l *Log) Handle(_ context.Context, rec slog.Record) error {
	r := Record{Level: rec.Level, Message: rec.Message, Attrs: map[string]any{}}
	rec.Attrs(func(a slog.Attr) bool {
		r.Attrs[a.Key] = a.Value.Any()
		return true
	})
	if l.OnRecord != nil {
		l.OnRecord(r)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r)
	return nil
}

// WithAttrs implements slog.Handler. The Runner adds no attributes to its logger.
func (l *Log) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements slog.Handler. The Runner opens no groups.
func (l *Log) WithGroup(string) slog.Handler { return l }
