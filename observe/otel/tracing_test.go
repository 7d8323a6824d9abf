package otelobserve_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	otelobserve "github.com/seed-b636437c/automation/observe/otel"
)

// request sends events inside a span of the host, and returns the context of the span.
func (p *process) request(events ...automation.Event) trace.SpanContext {
	p.T.Helper()
	ctx, span := p.tracer.Start(p.Ctx, "POST /signup")
	_, err := p.Runner.Send(ctx, events...)
	require.NoError(p.T, err)
	span.End()
	return span.SpanContext()
}

func TestTrace_HasEverythingThatAnEventCauses(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.Create(world.Flow("welcome", "signup", world.Email("hello"), world.Pause("rest", "3 days")))
	request := p.request(world.Signup("ada@example.com"))
	p.Clock.Add(time.Second)
	p.Drain()
	p.Pass(3 * 24 * time.Hour)

	assert.Equal(t, []string{
		"send signup", "POST /signup", "step start", "handle signup", "email hello", "step hello", "step rest", "run welcome",
	}, p.names())
	run := p.Run()
	for _, s := range p.exporter.GetSpans() {
		if s.Name == "POST /signup" {
			continue
		}
		assert.Equal(t, otelobserve.TraceID(run.EventID), s.SpanContext.TraceID(), s.Name)
		assert.False(t, s.Parent.SpanID().IsValid(), s.Name)
		assert.Equal(t, run.EventID, value(s.Attributes, "automation.event.id"), s.Name)
	}
	assert.NotEqual(t, request.TraceID(), otelobserve.TraceID(run.EventID))

	rest := p.span("step rest")
	step := world.Step(t, run, "rest")
	assert.Equal(t, step.StartedAt, rest.StartTime)
	assert.Equal(t, step.CompletedAt, rest.EndTime)
	assert.Equal(t, 72*time.Hour, rest.EndTime.Sub(rest.StartTime))
	for key, want := range map[string]string{
		"automation.id": "welcome", "automation.version": "1", "automation.run.id": run.ID,
		"automation.step.key": "rest", "automation.step.type": "delay", "automation.step.status": "completed",
	} {
		assert.Equal(t, want, value(rest.Attributes, key), key)
	}
	handled := p.span("handle signup")
	assert.Equal(t, time.Second, handled.EndTime.Sub(handled.StartTime))
	ended := p.span("run welcome")
	assert.Equal(t, run.StartedAt, ended.StartTime)
	assert.Equal(t, run.CompletedAt, ended.EndTime)
}

func TestTrace_IsLinkedWithTheSpanThatSentTheEvent(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.Create(world.Flow("welcome", "signup", world.Email("hello")))
	request := p.request(world.Signup("ada@example.com"))
	p.Drain()

	sent := p.span("send signup")
	for _, name := range []string{"send signup", "handle signup", "step start", "step hello", "run welcome"} {
		links := p.span(name).Links
		require.Len(t, links, 1, name)
		assert.Equal(t, request, links[0].SpanContext, name)
	}
	links := p.span("POST /signup").Links
	require.Len(t, links, 1)
	assert.Equal(t, sent.SpanContext, links[0].SpanContext)
	assert.Equal(t, p.Run().EventID, value(links[0].Attributes, "automation.event.id"))
}

// Another process may handle an event before the call that sent it returns.
func TestTrace_LinksAnEventThatIsHandledAtOnce(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.Create(world.Flow("welcome", "signup"))
	p.Store.OnAppendEvents = func(ctx context.Context, next automation.Store, events []automation.NewEvent) ([]automation.EventReceipt, error) {
		receipts, err := next.AppendEvents(ctx, events)
		p.Drain()
		return receipts, err
	}
	request := p.request(world.Signup("ada@example.com"))
	links := p.span("step start").Links
	require.Len(t, links, 1)
	assert.Equal(t, request, links[0].SpanContext)
}

// Days later another process works on the run. It knows nothing of the sender, and its spans
// are in the trace of the span that links to it.
func TestTrace_ContinuesInAnotherProcess(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.Create(world.Flow("welcome", "signup", world.Pause("rest", "3 days"), world.Email("hello")))
	p.request(world.Signup("ada@example.com"))
	p.Drain()
	other := join(t, p.World)
	other.Pass(3 * 24 * time.Hour)

	assert.Equal(t, []string{"send signup", "POST /signup", "step start", "handle signup"}, p.names())
	assert.Equal(t, []string{"step rest", "email hello", "step hello", "run welcome"}, other.names())
	for _, s := range other.exporter.GetSpans() {
		assert.Equal(t, p.span("send signup").SpanContext.TraceID(), s.SpanContext.TraceID())
		assert.Empty(t, s.Links)
	}
}

func TestTrace_OfAWaitLinksToWhatSentItsEvent(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.Create(world.Flow("welcome", "signup", world.Wait("confirmed", "confirm")))
	p.request(world.Signup("ada@example.com"))
	p.Drain()
	confirm := p.request(automation.Event{Name: "confirm", Email: "ada@example.com"})
	p.Drain()

	wait := p.span("step confirmed")
	require.Len(t, wait.Links, 2)
	assert.Equal(t, confirm, wait.Links[1].SpanContext)
	assert.Equal(t, value(wait.Links[1].Attributes, "automation.event.id"), value(wait.Attributes, "automation.wait.event.id"))
	assert.Equal(t, `["`+p.Run().ID+`"]`, value(p.span("handle confirm").Attributes, "automation.runs.resumed"))
}

func TestTrace_ShowsFailures(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	fails := 2
	p.Mailer.Respond = func(context.Context, automation.Email) error {
		if fails--; fails > 0 {
			return fmt.Errorf("mailbox of ada@example.com: %w", world.ErrOutage)
		}
		return automation.Permanent(world.ErrOutage)
	}
	p.Create(world.Flow("welcome", "signup", world.Email("hello")))
	p.Send(world.Signup("ada@example.com"))
	p.Drain()
	failedAt := p.Clock.Now()
	p.Pass(time.Second)

	step := p.span("step hello")
	assert.Equal(t, codes.Error, step.Status.Code)
	assert.Equal(t, "permanent_error", step.Status.Description)
	require.Len(t, step.Events, 2)
	assert.Equal(t, "attempt failed", step.Events[0].Name)
	assert.Equal(t, failedAt, step.Events[0].Time.UTC())
	assert.Equal(t, "effect_failed", value(step.Events[0].Attributes, "automation.error.code"))
	run := p.span("run welcome")
	assert.Equal(t, codes.Error, run.Status.Code)
	assert.Equal(t, "failed", value(run.Attributes, "automation.run.status"))
	var results []string
	for _, s := range p.exporter.GetSpans() {
		if s.Name == "email hello" {
			results = append(results, value(s.Attributes, "automation.email.result"))
			assert.Equal(t, codes.Error, s.Status.Code)
		}
	}
	assert.Equal(t, []string{"failed", "permanent"}, results)
}

func TestTrace_HasNoPersonalData(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.Mailer.Respond = func(_ context.Context, e automation.Email) error {
		return automation.Permanent(fmt.Errorf("no mailbox %s", e.To))
	}
	p.Create(world.Flow("welcome", "signup", world.SetFirstName("Ada"), world.Email("hello")))
	p.request(world.Signup("ada@example.com"))
	p.Drain()
	all := fmt.Sprintf("%+v", p.exporter.GetSpans())
	for _, secret := range []string{"ada@", "Ada", p.Contact("ada@example.com").ID} {
		assert.NotContains(t, all, secret)
	}
	assert.Contains(t, all, p.Run().ID)
}

func TestTrace_HoldsTheSpansOfTheMailer(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.Mailer.Respond = func(ctx context.Context, _ automation.Email) error {
		_, span := p.tracer.Start(ctx, "HTTP POST")
		span.End()
		return nil
	}
	p.Create(world.Flow("welcome", "signup", world.Email("hello")))
	p.Send(world.Signup("ada@example.com"))
	p.Drain()
	email, call := p.span("email hello"), p.span("HTTP POST")
	assert.Equal(t, email.SpanContext.SpanID(), call.Parent.SpanID())
	assert.Equal(t, otelobserve.TraceID(p.Run().EventID), call.SpanContext.TraceID())
	assert.Equal(t, "sent", value(email.Attributes, "automation.email.result"))
}

func TestTrace_EndsTheSpanOfAMailerThatPanics(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.Mailer.Respond = func(context.Context, automation.Email) error { panic("ada@example.com") }
	p.Create(world.Flow("welcome", "signup", world.Email("hello")))
	p.Send(world.Signup("ada@example.com"))
	p.Drain()
	email := p.span("email hello")
	assert.Equal(t, "unknown", value(email.Attributes, "automation.email.result"))
	assert.Empty(t, email.Events)
}

func TestTrace_HasNoSpanOfAnEventThatWasNotKept(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	e := world.Signup("ada@example.com")
	e.IdempotencyKey = "once"
	p.request(e)
	p.request(e)
	p.Store.Down.Store(true)
	_, err := p.Runner.Send(p.Ctx, world.Signup("bob@example.com"))
	require.ErrorIs(t, err, world.ErrOutage)
	assert.Equal(t, []string{"send signup", "POST /signup", "POST /signup"}, p.names())
}

func TestTrace_OfAnEventInATransaction(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	ctx, span := p.tracer.Start(p.Ctx, "POST /signup")
	_, err := p.SendTo(ctx, p.telemetry.Writer(p.Memory), world.Signup("ada@example.com"))
	require.NoError(t, err)
	span.End()
	assert.Equal(t, p.span("send signup").SpanContext, p.span("POST /signup").Links[0].SpanContext)
}

// A sampler that decides by the trace id keeps all spans of a trace or none, in every
// process, and about as many traces as it should.
func TestTrace_IsSampledAsAWhole(t *testing.T) {
	t.Parallel()
	sampler := sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(0.1)))
	p := newProcess(t, sampler)
	p.Create(world.Flow("welcome", "signup", world.Pause("rest", "1 day")))
	const events = 1000
	p.Send(world.Signups(events)...)
	p.Drain()
	other := join(t, p.World, sampler)
	other.Pass(24 * time.Hour)

	first, second := map[trace.TraceID]int{}, map[trace.TraceID]int{}
	for _, s := range p.exporter.GetSpans() {
		first[s.SpanContext.TraceID()]++
	}
	for _, s := range other.exporter.GetSpans() {
		second[s.SpanContext.TraceID()]++
	}
	assert.InDelta(t, events/10, len(first), events/20)
	assert.Len(t, second, len(first))
	for id, spans := range first {
		assert.Equal(t, 3, spans, "send, handle, step start")
		assert.Equal(t, 2, second[id], "step rest, run welcome")
	}
}

func TestContextWithEvent_IsForTheSpansOfACustomStep(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	ctx, other := p.tracer.Start(p.Ctx, "other")
	_, span := p.tracer.Start(otelobserve.ContextWithEvent(ctx, "e"), "mine")
	assert.Equal(t, otelobserve.TraceID("e"), span.SpanContext().TraceID())

	// The email of a preview, say, which no run sends.
	_, err := p.telemetry.Mailer(p.Mailer).SendEmail(ctx, automation.Email{To: "ada@example.com"})
	require.NoError(t, err)
	assert.Equal(t, other.SpanContext().SpanID(), p.span("email ").Parent.SpanID())
}

func TestSenders_ForgetTheOldest(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.Create(world.Flow("welcome", "signup"))
	p.request(world.Signup("ada@example.com"))
	many := world.Signups(1000)
	for i := range many {
		many[i].Name = "other"
	}
	for range 10 {
		p.request(many...)
	}
	p.Drain()
	assert.Empty(t, p.span("step start").Links)
}
