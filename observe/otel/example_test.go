package otelobserve_test

import (
	"context"
	"fmt"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	otelobserve "github.com/seed-b636437c/automation/observe/otel"
	"github.com/seed-b636437c/automation/store/memory"
)

// The spans of an HTTP request and of the run that it causes. A program has a batcher with
// an exporter of its own instead of the exporter in memory.
func Example() {
	ctx, store, mailer := context.Background(), memory.New(), capture.New()
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	telemetry, err := otelobserve.New(otelobserve.Options{TracerProvider: provider})
	if err != nil {
		fmt.Println(err)
		return
	}
	runner, err := automation.New(telemetry.Store(store), telemetry.Mailer(mailer), automation.Options{Observer: telemetry})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = runner.Apply(ctx, automation.Automation{
		ID: "welcome", Name: "Welcome",
		Steps: []automation.Step{
			{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "hello"}}},
		},
		Connections: []automation.Connection{{From: "signup", To: "hello"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	request, span := provider.Tracer("http").Start(ctx, "POST /signup")
	receipts, err := runner.Send(request, automation.Event{Name: "user.created", Email: "ada@example.com"})
	span.End()
	if err == nil {
		_, err = runner.Drain(ctx)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range spans.GetSpans() {
		inTrace := s.SpanContext.TraceID() == otelobserve.TraceID(receipts[0].ID)
		fmt.Printf("%-19s in the trace of the event: %-5t  links: %d\n", s.Name, inTrace, len(s.Links))
	}
	// Output:
	// send user.created   in the trace of the event: true   links: 1
	// POST /signup        in the trace of the event: false  links: 1
	// step signup         in the trace of the event: true   links: 1
	// handle user.created in the trace of the event: true   links: 1
	// email hello         in the trace of the event: true   links: 0
	// step hello          in the trace of the event: true   links: 1
	// run welcome         in the trace of the event: true   links: 1
}

// An event that is sent in the application's own transaction.
func ExampleTelemetry_Writer() {
	ctx, store := context.Background(), memory.New()
	telemetry, err := otelobserve.New(otelobserve.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	runner, err := automation.New(telemetry.Store(store), telemetry.Mailer(capture.New()), automation.Options{Observer: telemetry})
	if err != nil {
		fmt.Println(err)
		return
	}
	writer := automation.EventWriter(store) // of a store in a database: store.Tx(tx)
	_, err = runner.SendTo(ctx, telemetry.Writer(writer), automation.Event{Name: "user.created", Email: "ada@example.com"})
	fmt.Println(err)
	// Output:
	// <nil>
}
