// Package otelobserve passes what a Runner does to OpenTelemetry, as metrics and traces.
//
//	telemetry, err := otelobserve.New(otelobserve.Options{})
//	…
//	runner, err := automation.New(telemetry.Store(store), telemetry.Mailer(mailer), automation.Options{Observer: telemetry})
//
// Package observe has the list of the metrics. An exporter for Prometheus gives them the
// names that the dashboard in observe/grafana uses.
//
// # Traces
//
// One trace holds everything that one event causes: the runs that it starts, in whichever
// process and however many days later. Its spans are
//
//   - "send user.created": the event was kept. It links to the span that sent the event.
//   - "handle user.created": from the acceptance of the event until a Runner handled it.
//   - "step hello": from the start of a step until its end, with the codes of the attempts
//     that failed. A step that ends again after a retry has a span again.
//   - "email hello": one call of the Mailer. The context of the call has this span, so an
//     instrumented HTTP client adds its own spans below.
//   - "run welcome": from the start of a run until its end.
//
// The span that sent the event is the one in the context of Runner.Send, such as that of an
// HTTP request. It stays in its own trace, because a request ends and its trace is read long
// before a run ends. It gets a link to "send user.created", which has a link back. In the
// process that sent the event, each step's span also links to the sender, for the latest
// 10,000 events. In another process, or later, a step's span has no such link, but "send
// user.created" is in its trace.
//
// # Why the trace follows from the id of the event
//
// The sender and the steps are often in different processes, days apart, with only the store
// between them. An event has no place for a trace context, and a trace context in the
// payload would be data that rules and templates see. But the id of the event is in every
// run, email and call. So every process computes the same trace id from it: see TraceID. The
// id is a hash and not the id's own bytes, because the bits of a UUID are not random enough:
// a sampler that keeps a tenth of all traces by their ids would keep none.
//
// These spans have no parent, since no process could know the id of its span. A sampler
// therefore treats each as the first span of its trace. sdktrace.TraceIDRatioBased, also
// below sdktrace.ParentBased, decides by the trace id, and so keeps all spans of a trace or
// none, in all processes. A sampler that decides by chance keeps some of the spans.
//
// A custom step can add spans of its own: ContextWithEvent(ctx, call.EventID) returns a
// context whose spans are in the trace.
//
// # What is not recorded
//
// Spans have the ids of automations, runs and events, and the names of events and steps.
// They have no email address, no id of a contact, no payload, and no message of an error,
// only its code. Configure the SDK with a batching span processor: a span processor that
// exports at once would make the Runner wait for the network.
//
// The package is a module of its own, so that OpenTelemetry is no dependency of the library.
package otelobserve
