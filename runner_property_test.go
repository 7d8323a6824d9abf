package automation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/store/memory"
)

// storm is a store with two Runners and random automations, to which random things
// happen.
type storm struct {
	t      *rapid.T
	clock  *world.PacedClock
	store  *world.Store
	mailer *stormyMailer
	nodes  []*automation.Runner
	events []string // ids of the accepted events
	flows  []automation.Automation
}

func newStorm(t *rapid.T) *storm {
	s := &storm{t: t, clock: world.NewPacedClock(), store: &world.Store{Store: memory.New()}}
	s.clock.Set(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC))
	s.mailer = &stormyMailer{t: t, clock: s.clock, keys: map[string]*letter{}, retried: map[string]bool{}}
	opts := automation.Options{
		Clock:       s.clock,
		Retry:       automation.RetryPolicy{MaxAttempts: 2},
		Delivery:    rapid.SampledFrom([]automation.Delivery{automation.AtLeastOnce, automation.AtMostOnce}).Draw(t, "delivery"),
		MaxLateness: rapid.SampledFrom([]time.Duration{0, 0, time.Hour}).Draw(t, "lateness"),
	}
	s.mailer.delivery = opts.Delivery
	for range 2 {
		r, err := automation.New(s.store, s.mailer, opts)
		require.NoError(t, err)
		s.nodes = append(s.nodes, r)
	}
	for range rapid.IntRange(1, 3).Draw(t, "automations") {
		a := automation.GenAutomation(t)
		a.Status = automation.StatusEnabled
		a, err := s.nodes[0].CreateAutomation(t.Context(), a)
		require.NoError(t, err, "what the validator accepts the Runner takes")
		s.flows = append(s.flows, a)
	}
	s.mailer.flows = s.flows
	return s
}

func (s *storm) node() *automation.Runner { return rapid.SampledFrom(s.nodes).Draw(s.t, "node") }

// blow makes one random thing happen.
func (s *storm) blow() {
	switch rapid.IntRange(0, 15).Draw(s.t, "what") {
	case 0:
		s.failNextCommit()
	case 1:
		s.request()
	case 2:
		s.changeContact()
	case 3, 4, 5:
		s.clock.Add(time.Duration(rapid.IntRange(1, 100_000).Draw(s.t, "seconds")) * time.Second)
	case 6, 7, 8, 9:
		s.send()
	default:
		s.drain()
	}
}

func (s *storm) address() string {
	return rapid.SampledFrom([]string{"ada@example.com", "ADA@example.com", "bob@example.com"}).Draw(s.t, "address")
}

func (s *storm) send() {
	events := make([]automation.Event, rapid.IntRange(1, 3).Draw(s.t, "events"))
	for i := range events {
		events[i] = automation.Event{
			Name: rapid.SampledFrom(automation.GenEventNames).Draw(s.t, "event"), Email: s.address(),
			Payload: []byte(automation.GenPayload(s.t)),
		}
	}
	receipts, err := s.node().Send(s.t.Context(), events...)
	require.NoError(s.t, err)
	for _, r := range receipts {
		s.events = append(s.events, r.ID)
	}
}

func (s *storm) drain() {
	_, err := s.node().Drain(s.t.Context())
	if err != nil {
		require.ErrorIs(s.t, err, world.ErrOutage)
		s.mailer.crashed = true
	}
	s.store.BeforeCommit, s.store.AfterCommit = nil, nil
}

// failNextCommit makes one of the next commits fail, before or after the store has
// written it.
func (s *storm) failNextCommit() {
	left := rapid.IntRange(0, 3).Draw(s.t, "commits")
	fail := func([]automation.Transition) error {
		if left--; left >= 0 {
			return nil
		}
		return world.ErrOutage
	}
	if rapid.Bool().Draw(s.t, "written") {
		s.store.AfterCommit = fail
	} else {
		s.store.BeforeCommit = fail
	}
}

// request cancels or retries a run.
func (s *storm) request() {
	page, err := s.nodes[0].ListRuns(s.t.Context(), automation.RunQuery{PageQuery: automation.PageQuery{Limit: 100}})
	require.NoError(s.t, err)
	if len(page.Data) == 0 {
		return
	}
	run := rapid.SampledFrom(page.Data).Draw(s.t, "run")
	if run.Status == automation.RunFailed {
		s.mailer.retried[run.ID] = true
		_, err = s.node().RetryRun(s.t.Context(), run.ID)
	} else {
		_, err = s.node().CancelRun(s.t.Context(), run.ID)
	}
	if err != nil {
		require.ErrorIs(s.t, err, world.ErrOutage)
	}
	s.store.BeforeCommit, s.store.AfterCommit = nil, nil
}

func (s *storm) changeContact() {
	c, err := s.nodes[0].GetContact(s.t.Context(), automation.ContactRef{Email: s.address()})
	if errors.Is(err, automation.ErrNotFound) {
		return
	}
	require.NoError(s.t, err)
	if rapid.IntRange(0, 2).Draw(s.t, "change") == 0 {
		require.NoError(s.t, s.nodes[0].DeleteContact(s.t.Context(), c.ID))
		return
	}
	out := rapid.Bool().Draw(s.t, "unsubscribed")
	_, err = s.nodes[0].UpdateContact(s.t.Context(), c.ID, automation.ContactChange{Unsubscribed: &out})
	require.NoError(s.t, err)
}

// settle ends all failures, and moves the clock until nothing is due.
func (s *storm) settle() {
	s.store.BeforeCommit, s.store.AfterCommit, s.mailer.calm = nil, nil, true
	for range 1000 {
		_, err := s.nodes[0].Drain(s.t.Context())
		require.NoError(s.t, err)
		next, err := s.store.NextDue(s.t.Context())
		require.NoError(s.t, err)
		if next.IsZero() {
			return
		}
		require.True(s.t, next.After(s.clock.Now()), "Drain leaves nothing that is due")
		s.clock.Set(next)
	}
	require.Fail(s.t, "the runs do not end")
}

// requireInvariants verifies the invariants of every history.
func (s *storm) requireInvariants() {
	page, err := s.nodes[0].ListRuns(s.t.Context(), automation.RunQuery{PageQuery: automation.PageQuery{Limit: 100}})
	require.NoError(s.t, err)
	started := map[string]int{}
	for _, r := range page.Data {
		started[r.EventID+" "+r.AutomationID]++
		s.requireRun(r.ID)
	}
	if page.HasMore {
		return
	}
	for _, id := range s.events {
		e, err := s.nodes[0].GetEvent(s.t.Context(), id)
		require.NoError(s.t, err)
		for _, a := range s.flows {
			if a.Steps[0].Config.(automation.Trigger).EventName == e.Name {
				s.requireStarted(e, a.ID, started[id+" "+a.ID])
			}
		}
	}
	s.requireOneRunAUnit(page.Data)
}

// requireOneRunAUnit verifies that no two runs of one unit of re-entry are running.
func (s *storm) requireOneRunAUnit(runs []automation.Run) {
	for _, a := range s.flows {
		if a.Entry == nil || a.Entry.Reentry.WhileRunning != automation.ReentryIgnore && a.Entry.Reentry.WhileRunning != automation.ReentryRestart {
			continue
		}
		g, err := automation.Compile(a, automation.CompileOptions{})
		require.NoError(s.t, err)
		running := map[string]bool{}
		for _, r := range runs {
			if r.AutomationID != a.ID || r.Status != automation.RunRunning {
				continue
			}
			e, err := s.nodes[0].GetEvent(s.t.Context(), r.EventID)
			require.NoError(s.t, err)
			var payload map[string]any
			if len(e.Payload) > 0 {
				require.NoError(s.t, json.Unmarshal(e.Payload, &payload))
			}
			key, ok := g.EntryKey(payload)
			require.True(s.t, ok)
			require.False(s.t, running[r.ContactID+" "+key], "two runs of one unit are running")
			running[r.ContactID+" "+key] = true
		}
	}
}

// requireStarted verifies that an event started one run, or none if its contact is gone or
// the rules of entry refused it.
func (s *storm) requireStarted(e automation.EventRecord, automationID string, runs int) {
	decisions, err := s.nodes[0].ListDecisions(s.t.Context(), e.ID)
	require.NoError(s.t, err)
	refused := slices.ContainsFunc(decisions, func(d automation.Decision) bool {
		return d.AutomationID == automationID && d.Code != automation.DecisionExitFilterError
	})
	if runs == 1 || refused {
		require.NotEqual(s.t, runs == 1, refused, "an event has started a run and was refused")
		return
	}
	require.Zero(s.t, runs, "an event has started a run twice")
	require.NotEmpty(s.t, e.ContactID, "the event was not handled")
	_, err = s.nodes[0].GetContact(s.t.Context(), automation.ContactRef{ID: e.ContactID})
	require.ErrorIs(s.t, err, automation.ErrNotFound, "the event has started nothing")
}

func (s *storm) requireRun(id string) {
	r, err := s.nodes[0].GetRun(s.t.Context(), id)
	require.NoError(s.t, err)
	require.Zero(s.t, r.DueAt)
	if r.Status == automation.RunRunning {
		require.NotEmpty(s.t, r.Listens, "the run is stuck at %s", r.Step)
		_, err := s.nodes[0].GetContact(s.t.Context(), automation.ContactRef{ID: r.ContactID})
		require.NoError(s.t, err, "the run waits for a contact that is gone")
	}
	for _, step := range r.Steps {
		if step.Type != automation.TypeSendEmail || step.Status != automation.StepCompleted {
			continue
		}
		l := s.mailer.keys["run/"+r.ID+"/"+step.Key]
		require.NotNil(s.t, l, "an email is recorded as sent and was not")
		require.True(s.t, l.accepted)
	}
}

// stormyMailer honours idempotency keys, fails at random, and verifies the emails.
type stormyMailer struct {
	clock    *world.PacedClock
	t        *rapid.T
	calm     bool
	crashed  bool // a process ended before it could write
	delivery automation.Delivery
	flows    []automation.Automation
	keys     map[string]*letter
	retried  map[string]bool // runs that were retried
}

// letter is the email that the mailer received under one key.
type letter struct {
	content  string
	accepted bool
	answered bool // the mailer returned success
	unknown  bool // the mailer returned an error that leaves the outcome open
}

// SendEmail implements automation.Mailer.
func (m *stormyMailer) SendEmail(_ context.Context, e automation.Email) (string, error) {
	content := fmt.Sprint(e.RunID, e.StepKey, e.AutomationID, automation.EmailKey(e.To), e.TemplateID, e.Subject)
	l := m.keys[e.IdempotencyKey]
	if l == nil {
		l = &letter{content: content}
		m.keys[e.IdempotencyKey] = l
	}
	require.Equal(m.t, l.content, content, "a key was used for another email")
	m.requireOpen(e)
	require.True(m.t, !l.answered || m.crashed, "an email was sent again though its outcome was known")
	if m.deliveryOf(e) == automation.AtMostOnce && !m.retried[e.RunID] {
		require.False(m.t, l.unknown || l.answered, "an email that may happen at most once was repeated")
	}
	if m.calm || rapid.IntRange(0, 2).Draw(m.t, "mail") > 0 {
		l.accepted, l.answered = true, true
		return "id", nil
	}
	if rapid.Bool().Draw(m.t, "accepted") {
		l.accepted, l.unknown = true, true
		return "", fmt.Errorf("read: %w", context.DeadlineExceeded)
	}
	err := automation.GenEffectError(m.t)
	l.unknown = l.unknown || errors.Is(err, automation.ErrOutcomeUnknown) || errors.Is(err, context.DeadlineExceeded)
	return "", err
}

// requireOpen checks that the window of the email is open, if the zone is that of the step.
func (m *stormyMailer) requireOpen(e automation.Email) {
	for _, a := range m.flows {
		for _, step := range a.Steps {
			c, ok := step.Config.(automation.SendEmail)
			if !ok || a.ID != e.AutomationID || step.Key != e.StepKey || c.Window.IsZero() || strings.Contains(c.Window.Zone.String(), "var") {
				continue
			}
			loc := time.UTC // contacts have no zone
			if !c.Window.Zone.IsZero() && c.Window.Zone != automation.ContactZone() {
				var err error
				loc, err = time.LoadLocation(c.Window.Zone.String())
				require.NoError(m.t, err)
			}
			now := m.clock.Now()
			require.True(m.t, c.Window.Next(now, loc).Equal(now), "an email left at %s, outside of its window", now.In(loc))
		}
	}
}

func (m *stormyMailer) deliveryOf(e automation.Email) automation.Delivery {
	for _, a := range m.flows {
		for _, step := range a.Steps {
			if c, ok := step.Config.(automation.SendEmail); ok && a.ID == e.AutomationID && step.Key == e.StepKey && c.Delivery != "" {
				return c.Delivery
			}
		}
	}
	return m.delivery
}

// Under all failures, every event starts its runs exactly once, every run ends or waits
// for an event without a timeout, and no email is sent that must not be sent.
func TestRunner_NothingIsLostOrStuck(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newStorm(t)
		for range rapid.IntRange(1, 40).Draw(t, "blows") {
			s.blow()
		}
		s.settle()
		s.requireInvariants()
	})
}

// Runs with the same ids, inputs and times have the same history.
func TestRunner_IsDeterministic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := automation.GenAutomation(t)
		a.ID, a.Status = "flow", automation.StatusEnabled
		var events []automation.Event
		for range rapid.IntRange(1, 10).Draw(t, "events") {
			events = append(events, automation.Event{
				Name: rapid.SampledFrom(automation.GenEventNames).Draw(t, "event"), Email: "ada@example.com",
				Payload: []byte(automation.GenPayload(t)),
			})
		}
		require.Equal(t, history(t, a, events), history(t, a, events))
	})
}

// zeros is a source of randomness that returns zeros.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// history sends events, an hour apart, and returns the runs.
func history(t *rapid.T, a automation.Automation, events []automation.Event) []automation.Run {
	clock := world.NewPacedClock()
	var sent atomic.Int64
	mailer := world.MailerFunc(func(_ context.Context, e automation.Email) (string, error) {
		if n := sent.Add(1); n%3 == 0 {
			return "", errors.New("busy")
		}
		return e.IdempotencyKey, nil
	})
	r, err := automation.New(memory.New(), mailer, automation.Options{Clock: clock, Random: zeros{}})
	require.NoError(t, err)
	_, err = r.CreateAutomation(t.Context(), a)
	require.NoError(t, err)
	for _, e := range events {
		_, err := r.Send(t.Context(), e)
		require.NoError(t, err)
		_, err = r.Drain(t.Context())
		require.NoError(t, err)
		clock.Add(time.Hour)
	}
	page, err := r.ListRuns(t.Context(), automation.RunQuery{})
	require.NoError(t, err)
	for i := range page.Data {
		page.Data[i], err = r.GetRun(t.Context(), page.Data[i].ID)
		require.NoError(t, err)
	}
	return page.Data
}
