package automation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// shortFlow is the work of a run that never sleeps: trigger, condition,
// contact_update, send_email.
func shortFlow() automation.Automation {
	return automation.Automation{
		ID: "short", Name: "Short", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "pro", Config: automation.Condition{Rule: automation.Field("event.plan").Eq("pro")}},
			{Key: "update", Config: automation.ContactUpdate{FirstName: automation.Var("event.name")}},
			{Key: "welcome", Config: automation.SendEmail{Template: automation.TemplateRef{
				ID: "welcome", Variables: map[string]automation.Value{"NAME": automation.Var("contact.first_name")},
			}}},
		},
		Connections: []automation.Connection{
			{From: "start", To: "pro"},
			{From: "pro", To: "update", Type: automation.ConnectionConditionMet},
			{From: "update", To: "welcome"},
		},
	}
}

// exitEvents is how many events end the runs of automations withExits.
const exitEvents = 20

// withExits adds events that end the runs of the automation. None of them comes.
func withExits(a automation.Automation) automation.Automation {
	a.Exit = &automation.Exit{}
	for i := range exitEvents {
		a.Exit.Events = append(a.Exit.Events, automation.Listener{EventName: fmt.Sprintf("user.left.%d", i)})
	}
	return a
}

// BenchmarkAdvance advances a run through conditions, which need no outside world. The
// figures are for one step. Exits must cost nothing.
func BenchmarkAdvance(b *testing.B) {
	for _, steps := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("conditions=%d", steps), func(b *testing.B) { advance(b, conditions(steps), steps) })
		b.Run(fmt.Sprintf("conditions=%d/exits=%d", steps, exitEvents), func(b *testing.B) { advance(b, withExits(conditions(steps)), steps) })
	}
}

// advance advances a run of an automation with this many steps after the trigger to its end.
func advance(b *testing.B, a automation.Automation, steps int) {
	g, err := automation.Compile(a, automation.CompileOptions{})
	require.NoError(b, err)
	in := automation.Input{
		Kind: automation.InputStarted, Now: time.Now(),
		Data: automation.Data{Event: map[string]any{"plan": "pro"}, Contact: &automation.Contact{ID: "c"}},
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		_, action, err := g.Advance(automation.State{}, in)
		if err != nil || action.Status != automation.RunCompleted {
			b.Fatal(action, err)
		}
	}
	runtime.ReadMemStats(&after)
	n := float64(b.N * (steps + 1)) // with the trigger
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/step")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/n, "allocs/step")
}

// conditions is an automation of a trigger and a chain of conditions that are all met.
func conditions(n int) automation.Automation {
	a := automation.Automation{
		Name:  "Conditions",
		Steps: []automation.Step{{Key: "start", Config: automation.Trigger{EventName: "user.created"}}},
	}
	for i := range n {
		key := fmt.Sprintf("check%d", i)
		last := a.Steps[len(a.Steps)-1].Key
		a.Steps = append(a.Steps, automation.Step{Key: key, Config: automation.Condition{Rule: automation.Field("event.plan").Eq("pro")}})
		c := automation.Connection{From: last, To: key, Type: automation.ConnectionConditionMet}
		if i == 0 {
			c.Type = automation.ConnectionDefault
		}
		a.Connections = append(a.Connections, c)
	}
	return a
}

// BenchmarkParseAndCompile150Steps makes a Graph of a JSON document: it decodes,
// validates and compiles.
func BenchmarkParseAndCompile150Steps(b *testing.B) {
	data, err := json.Marshal(longFlow())
	require.NoError(b, err)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		a, err := automation.Parse(data, nil)
		require.NoError(b, err)
		_, err = automation.Compile(a, automation.CompileOptions{})
		require.NoError(b, err)
	}
}

// longFlow is an automation of the maximum length, with steps of most types.
func longFlow() automation.Automation {
	a := automation.Automation{
		Name:  "Long",
		Steps: []automation.Step{{Key: "start", Config: automation.Trigger{EventName: "user.created"}}},
	}
	last, typ := "start", automation.ConnectionDefault
	for len(a.Steps) < 150 {
		key := fmt.Sprintf("step%d", len(a.Steps))
		config, next := longStep(len(a.Steps))
		a.Steps = append(a.Steps, automation.Step{Key: key, Config: config})
		a.Connections = append(a.Connections, automation.Connection{From: last, To: key, Type: typ})
		last, typ = key, next
	}
	return a
}

func longStep(i int) (automation.StepConfig, automation.ConnectionType) {
	switch i % 5 {
	case 0:
		return automation.Condition{Rule: automation.All(
			automation.Field("event.plan").Eq("pro"),
			automation.Any(automation.Field("contact.properties.seats").Gt(5), automation.Field("event.trial").Exists()),
		)}, automation.ConnectionConditionMet
	case 1:
		return automation.Delay{Duration: automation.MustParseDuration("1 day 12 hours")}, automation.ConnectionDefault
	case 2:
		return automation.WaitForEvent{
			EventName: "user.active", Timeout: automation.MustParseDuration("3 days"),
			FilterRule: automation.Field("event.score").Gte(10),
		}, automation.ConnectionTimeout
	case 3:
		return automation.SendEmail{Template: automation.TemplateRef{ID: "welcome", Variables: map[string]automation.Value{
			"NAME": automation.Var("contact.first_name"), "PLAN": automation.Var("event.plan"),
		}}, From: "Acme <hello@example.com>", Subject: "Hello"}, automation.ConnectionDefault
	default:
		return automation.ContactUpdate{Properties: map[string]automation.Value{"stage": automation.String("onboarded")}}, automation.ConnectionDefault
	}
}

// countingMailer replaces capture.Mailer, which keeps all emails, in benchmarks of
// memory.
type countingMailer struct{ sent atomic.Int64 }

func (m *countingMailer) SendEmail(context.Context, automation.Email) (string, error) {
	m.sent.Add(1)
	return "sent", nil
}

// BenchmarkRunThroughput sends events for known contacts, and executes the runs that they
// start to their end. One iteration is one complete run.
func BenchmarkRunThroughput(b *testing.B) { runThroughput(b, shortFlow()) }

// BenchmarkRunThroughputWithExits does so with runs that events can end. Before an email, a Runner
// looks whether such an event is pending.
func BenchmarkRunThroughputWithExits(b *testing.B) { runThroughput(b, withExits(shortFlow())) }

func runThroughput(b *testing.B, a automation.Automation) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	mailer, sent := capture.New(), make(chan struct{})
	var left atomic.Int64
	left.Store(int64(b.N))
	mailer.Respond = func(context.Context, automation.Email) error {
		if left.Add(-1) == 0 {
			close(sent)
		}
		return nil
	}
	r, err := automation.New(memory.New(), mailer, automation.Options{})
	require.NoError(b, err)
	_, err = r.CreateAutomation(ctx, a)
	require.NoError(b, err)
	payload := automation.Payload(map[string]any{"plan": "pro", "name": "Ada"})
	for i := range b.N {
		_, err := r.CreateContact(ctx, automation.Contact{ID: strconv.Itoa(i), Email: fmt.Sprintf("%d@example.com", i)})
		require.NoError(b, err)
	}
	served := make(chan error)
	runtime.GC()
	b.ReportAllocs()
	b.ResetTimer()
	go func() { served <- r.Run(ctx) }()
	events := make([]automation.Event, 0, 100)
	for i := range b.N {
		events = append(events, automation.Event{Name: "user.created", ContactID: strconv.Itoa(i), Payload: payload})
		if len(events) == cap(events) || i == b.N-1 {
			_, err := r.Send(ctx, events...)
			require.NoError(b, err)
			events = events[:0]
		}
	}
	<-sent
	cancel()
	<-served // Run has written the last outcomes
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
	counts, err := r.CountRuns(context.Background(), "short")
	require.NoError(b, err)
	require.Equal(b, []automation.RunCount{{AutomationID: "short", Version: 1, Step: "welcome", Status: automation.RunCompleted, Count: b.N}}, counts)
}

// sleepers returns a Runner with n runs that sleep for a month, or wait for an event that
// long. Each run has its own contact.
func sleepers(b *testing.B, n int, step automation.StepConfig) (*automation.Runner, *clock.Mock) {
	ctx := context.Background()
	mock := clock.NewMock()
	r, err := automation.New(memory.New(), &countingMailer{}, automation.Options{Clock: mock})
	require.NoError(b, err)
	_, err = r.CreateAutomation(ctx, automation.Automation{
		ID: "sleep", Name: "Sleep", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "sleep", Config: step},
			{Key: "send", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "late"}}},
		},
		Connections: []automation.Connection{{From: "start", To: "sleep"}, {From: "sleep", To: "send"}},
	})
	require.NoError(b, err)
	const batch = 1000
	for sent := 0; sent < n; sent += batch {
		events := make([]automation.Event, 0, batch)
		for i := sent; i < min(sent+batch, n); i++ {
			events = append(events, automation.Event{
				Name: "user.created", Email: fmt.Sprintf("%d@example.com", i),
				Payload: automation.Payload(map[string]any{"plan": "pro", "name": "Ada"}),
			})
		}
		_, err := r.Send(ctx, events...)
		require.NoError(b, err)
		_, err = r.Drain(ctx)
		require.NoError(b, err)
	}
	runtime.GC() // the garbage of the preparation must not count
	return r, mock
}

// BenchmarkSleepingRuns reports the heap that a sleeping run takes, with its contact, its
// event and its entries in all indexes.
func BenchmarkSleepingRuns(b *testing.B) {
	const n = 1_000_000
	for b.Loop() {
		before := heap()
		r, _ := sleepers(b, n, automation.Delay{Duration: automation.MustParseDuration("30 days")})
		b.ReportMetric(float64(heap()-before)/n, "B/run")
		runtime.KeepAlive(r)
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "runs/s")
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkSendAmongSleepers sends one event that starts a run, while n runs sleep or
// wait. The cost must not grow with n.
func BenchmarkSendAmongSleepers(b *testing.B) {
	ctx := context.Background()
	for _, kind := range []struct {
		name string
		step automation.StepConfig
	}{
		{"sleeping", automation.Delay{Duration: automation.MustParseDuration("30 days")}},
		{"waiting", automation.WaitForEvent{EventName: "user.active", Timeout: automation.MustParseDuration("30 days")}},
	} {
		for _, n := range []int{1_000, 1_000_000} {
			b.Run(fmt.Sprintf("%s=%d", kind.name, n), func(b *testing.B) {
				r, _ := sleepers(b, n, kind.step)
				i := 0
				for b.Loop() {
					_, err := r.Send(ctx, automation.Event{Name: "user.active", Email: fmt.Sprintf("%d@example.com", i%n)})
					require.NoError(b, err)
					i++
				}
			})
		}
	}
}

// BenchmarkWakeOneOfMany resumes one of n waiting runs: it sends the event, matches it,
// advances the run, sends an email and ends the run.
func BenchmarkWakeOneOfMany(b *testing.B) {
	ctx := context.Background()
	for _, n := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprintf("waiting=%d", n), func(b *testing.B) {
			r, _ := sleepers(b, n, automation.WaitForEvent{EventName: "user.active", Timeout: automation.MustParseDuration("30 days")})
			i := 0
			for b.Loop() {
				_, err := r.Send(ctx, automation.Event{Name: "user.active", Email: fmt.Sprintf("%d@example.com", i%n)})
				require.NoError(b, err)
				_, err = r.Drain(ctx)
				require.NoError(b, err)
				i++
			}
		})
	}
}

// monthFlow is an automation of eight steps that takes thirty days.
func monthFlow() automation.Automation {
	email := func(id string) automation.SendEmail {
		return automation.SendEmail{Template: automation.TemplateRef{ID: id}}
	}
	return automation.Automation{
		ID: "month", Name: "Month", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "welcome", Config: email("welcome")},
			{Key: "settle", Config: automation.Delay{Duration: automation.MustParseDuration("3 days")}},
			{Key: "active", Config: automation.WaitForEvent{EventName: "user.active", Timeout: automation.MustParseDuration("1 week")}},
			{Key: "tips", Config: email("tips")},
			{Key: "rest", Config: automation.Delay{Duration: automation.MustParseDuration("20 days")}},
			{Key: "pro", Config: automation.Condition{Rule: automation.Field("event.plan").Eq("pro")}},
			{Key: "thanks", Config: email("thanks")},
		},
		Connections: []automation.Connection{
			{From: "start", To: "welcome"}, {From: "welcome", To: "settle"}, {From: "settle", To: "active"},
			{From: "active", To: "tips"}, {From: "tips", To: "rest"}, {From: "rest", To: "pro"},
			{From: "pro", To: "thanks", Type: automation.ConnectionConditionMet},
		},
	}
}

// BenchmarkSimulate executes an eight-step flow of thirty days for 100,000 contacts. The
// clock jumps from one due time to the next.
func BenchmarkSimulate(b *testing.B) {
	ctx := context.Background()
	const contacts = 100_000
	for b.Loop() {
		mock := clock.NewMock()
		mailer := &countingMailer{}
		r, err := automation.New(memory.New(), mailer, automation.Options{Clock: mock})
		require.NoError(b, err)
		_, err = r.CreateAutomation(ctx, monthFlow())
		require.NoError(b, err)
		for i := range contacts {
			_, err := r.Send(ctx, automation.Event{
				Name: "user.created", Email: fmt.Sprintf("%d@example.com", i),
				Payload: automation.Payload(map[string]any{"plan": "pro"}),
			})
			require.NoError(b, err)
		}
		for day := 0; day <= 30; day++ {
			_, err := r.Drain(ctx)
			require.NoError(b, err)
			mock.Add(24 * time.Hour)
		}
		require.EqualValues(b, 3*contacts, mailer.sent.Load())
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/simulation")
}
