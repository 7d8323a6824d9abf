package otelobserve

import (
	"context"
	"encoding/json"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/observe"
)

// The attributes of spans.
const (
	automationID      = attribute.Key("automation.id")
	automationVersion = attribute.Key("automation.version")
	eventID           = attribute.Key("automation.event.id")
	eventName         = attribute.Key("automation.event.name")
	runID             = attribute.Key("automation.run.id")
	runStatus         = attribute.Key("automation.run.status")
	runsStarted       = attribute.Key("automation.runs.started")
	runsResumed       = attribute.Key("automation.runs.resumed")
	stepKey           = attribute.Key("automation.step.key")
	stepType          = attribute.Key("automation.step.type")
	stepStatus        = attribute.Key("automation.step.status")
	stepBranch        = attribute.Key("automation.step.branch")
	waitEventID       = attribute.Key("automation.wait.event.id")
	attemptNumber     = attribute.Key("automation.attempt.number")
	templateID        = attribute.Key("automation.template.id")
	emailResult       = attribute.Key("automation.email.result")
	errorCode         = attribute.Key("automation.error.code")
)

// tracing makes spans.
type tracing struct {
	tracer  trace.Tracer
	senders senders
}

func newTracing(tracer trace.Tracer) *tracing { return &tracing{tracer: tracer} }

// span makes a span in the trace of an event, about something that has happened. It calls
// describe if the span is sampled.
func (t *tracing) span(event, name string, began, ended time.Time, describe func(s trace.Span), opts ...trace.SpanStartOption) trace.SpanContext {
	opts = append(opts, trace.WithTimestamp(began))
	_, s := t.tracer.Start(ContextWithEvent(context.Background(), event), name, opts...)
	if s.IsRecording() {
		s.SetAttributes(eventID.String(event))
		describe(s)
	}
	// Clocks of several processes may differ.
	s.End(trace.WithTimestamp(latest(began, ended)))
	return s.SpanContext()
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// observe makes a span of a notice that ends something.
func (t *tracing) observe(n automation.Notice) {
	switch n := n.(type) {
	case *automation.EventHandled:
		t.handled(n)
	case *automation.StepChanged:
		if observe.Ended(n) {
			t.step(n)
		}
	case *automation.RunEnded:
		t.run(n)
	}
}

func (t *tracing) handled(n *automation.EventHandled) {
	t.span(n.Event.ID, "handle "+n.Event.Name, n.Event.AcceptedAt, n.At, func(s trace.Span) {
		s.SetAttributes(eventName.String(n.Event.Name), runsStarted.StringSlice(n.Started), runsResumed.StringSlice(n.Resumed))
	}, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(t.senders.links(n.Event.ID)...))
}

func (t *tracing) run(n *automation.RunEnded) {
	t.span(n.Run.EventID, "run "+n.Run.AutomationID, n.Run.StartedAt, n.At, func(s trace.Span) {
		describeRun(s, &n.Run)
		s.SetAttributes(runStatus.String(string(n.Run.Status)))
		describeError(s, n.Run.Status == automation.RunFailed, n.Run.Error)
	}, trace.WithLinks(t.senders.links(n.Run.EventID)...))
}

func (t *tracing) step(n *automation.StepChanged) {
	received := receivedEvent(&n.Step)
	t.span(n.Run.EventID, "step "+n.Step.Key, n.Step.StartedAt, n.At, func(s trace.Span) {
		describeRun(s, &n.Run)
		s.SetAttributes(stepKey.String(n.Step.Key), stepType.String(string(n.Step.Type)), stepStatus.String(string(n.Step.Status)))
		if n.Step.Branch != "" {
			s.SetAttributes(stepBranch.String(string(n.Step.Branch)))
		}
		if received != "" {
			s.SetAttributes(waitEventID.String(received))
		}
		for _, a := range n.Step.Attempts {
			s.AddEvent("attempt failed", trace.WithTimestamp(a.At),
				trace.WithAttributes(attemptNumber.Int(a.Number), errorCode.String(string(a.Error.Code))))
		}
		describeError(s, n.Step.Status == automation.StepFailed, n.Step.Error)
	}, trace.WithLinks(t.senders.links(n.Run.EventID, received)...))
}

// receivedEvent returns the id of the event that ended a wait, or "".
func receivedEvent(s *automation.StepRun) string {
	if s.Type != automation.TypeWaitForEvent && s.Type != automation.TypeWaitForAny || len(s.Output) == 0 {
		return ""
	}
	var output struct {
		EventID string `json:"event_id"`
	}
	_ = json.Unmarshal(s.Output, &output) // an output of another form has no event
	return output.EventID
}

func describeRun(s trace.Span, r *automation.Run) {
	s.SetAttributes(automationID.String(r.AutomationID), automationVersion.Int(r.Version), runID.String(r.ID))
}

// describeError records the code of an error. Its message may quote personal data.
func describeError(s trace.Span, failed bool, e *automation.StepError) {
	if e != nil {
		s.SetAttributes(errorCode.String(string(e.Code)))
	}
	if failed && e != nil {
		s.SetStatus(codes.Error, string(e.Code))
	}
}

// mailer gives each attempt of next a span.
func (t *tracing) mailer(next automation.Mailer) automation.Mailer {
	return observe.WrapMailer(next, func(ctx context.Context, email automation.Email) (string, error) {
		ctx, s := t.tracer.Start(ContextWithEvent(ctx, email.EventID), "email "+email.StepKey,
			trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
				eventID.String(email.EventID), automationID.String(email.AutomationID), runID.String(email.RunID),
				stepKey.String(email.StepKey), attemptNumber.Int(email.Attempt), templateID.String(email.TemplateID)))
		result := "unknown" // if next panics
		defer func() {
			s.SetAttributes(emailResult.String(result))
			if result != "sent" {
				s.SetStatus(codes.Error, result)
			}
			s.End()
		}()
		id, err := next.SendEmail(ctx, email)
		result = observe.EmailResult(err)
		return id, err
	})
}
