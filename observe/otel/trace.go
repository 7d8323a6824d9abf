package otelobserve

import (
	"context"
	"crypto/sha256"

	"go.opentelemetry.io/otel/trace"
)

// TraceID returns the id of the trace of an event: of the event itself, and of everything in
// the runs that it started. It is a part of the SHA-256 of the id.
func TraceID(eventID string) trace.TraceID {
	hash := sha256.Sum256([]byte(eventID))
	return trace.TraceID(hash[:16])
}

// ContextWithEvent returns a context whose spans are in the trace of the event with this id.
// It has no other span of ctx. The Mailer's context has it already. Without an id it returns
// ctx.
func ContextWithEvent(ctx context.Context, eventID string) context.Context {
	if eventID == "" {
		return ctx // such as an email that no run sends
	}
	// An SDK takes the trace id of a parent without a span id, and makes a span without
	// a parent.
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: TraceID(eventID)}))
}
