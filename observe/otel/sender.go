package otelobserve

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/observe"
)

// hooks link the spans that send events with the traces of the events.
func (t *tracing) hooks() observe.StoreHooks {
	return observe.StoreHooks{Appending: func(ctx context.Context, events []automation.NewEvent) func([]automation.EventReceipt, error) {
		// A Runner may handle an event before AppendEvents returns.
		sender := trace.SpanContextFromContext(ctx)
		for i := range events {
			t.senders.add(events[i].Event.ID, sender)
		}
		began := time.Now()
		return func(receipts []automation.EventReceipt, err error) {
			for i := range events {
				if err == nil && i < len(receipts) && !receipts[i].Duplicate {
					t.sent(ctx, &events[i].Event, time.Since(began))
				}
			}
		}
	}}
}

// sent makes the span of an event that the store keeps, and links it with the span in ctx.
func (t *tracing) sent(ctx context.Context, e *automation.Event, took time.Duration) {
	kept := t.span(e.ID, "send "+e.Name, e.AcceptedAt, e.AcceptedAt.Add(took), func(s trace.Span) {
		s.SetAttributes(eventName.String(e.Name))
	}, trace.WithSpanKind(trace.SpanKindProducer), trace.WithLinks(t.senders.links(e.ID)...))
	if kept.IsSampled() {
		trace.SpanFromContext(ctx).AddLink(trace.Link{SpanContext: kept, Attributes: []attribute.KeyValue{eventID.String(e.ID)}})
	}
}

// sendersMax is how many senders are remembered.
const sendersMax = 10_000

// senders remembers the spans that sent the latest events of this process.
type senders struct {
	mu     sync.Mutex // guards the fields below
	spans  map[string]trace.SpanContext
	events []string // the keys of spans, a ring
	next   int      // index of the oldest key, once the ring is full
}

// add remembers the span that sends an event, if there is one.
func (s *senders) add(event string, span trace.SpanContext) {
	if !span.IsValid() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spans == nil {
		s.spans = map[string]trace.SpanContext{}
	}
	if _, known := s.spans[event]; !known {
		s.remember(event)
	}
	s.spans[event] = span
}

// remember adds a key to the ring, and forgets the oldest one if the ring is full.
func (s *senders) remember(event string) {
	if len(s.events) < sendersMax {
		s.events = append(s.events, event)
		return
	}
	delete(s.spans, s.events[s.next])
	s.events[s.next] = event
	s.next = (s.next + 1) % sendersMax
}

// links returns links to the spans that sent the events, as far as they are known.
func (s *senders) links(events ...string) []trace.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	var links []trace.Link
	for _, event := range events {
		if span, ok := s.spans[event]; ok {
			links = append(links, trace.Link{SpanContext: span, Attributes: []attribute.KeyValue{eventID.String(event)}})
		}
	}
	return links
}
