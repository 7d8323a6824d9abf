package automation_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

func TestOptions_ZeroValueWorks(t *testing.T) {
	t.Parallel()
	r, err := automation.New(memory.New(), capture.New(), automation.Options{})
	require.NoError(t, err)
	n, err := r.Drain(t.Context())
	require.NoError(t, err)
	assert.Zero(t, n)
}

func TestOptions_InvalidValuesAreNamed(t *testing.T) {
	t.Parallel()
	var (
		nobody     *noContacts
		noObserver *journal
		noRandom   *rand.ChaCha8
		retry      = func(p automation.RetryPolicy) automation.Options { return automation.Options{Retry: p} }
		limits     = func(l automation.Limits) automation.Options { return automation.Options{Limits: l} }
	)
	tests := map[string]automation.Options{
		"Limits.Steps":        limits(automation.Limits{Steps: -1}),
		"Limits.Duration":     limits(automation.Limits{Duration: -1}),
		"Limits.RuleDepth":    limits(automation.Limits{RuleDepth: -1}),
		"Limits.Rules":        limits(automation.Limits{Rules: -1}),
		"Limits.PayloadBytes": limits(automation.Limits{PayloadBytes: -1}),
		"Limits.StepKeyBytes": limits(automation.Limits{StepKeyBytes: -1}),
		"Retry.MaxAttempts":   retry(automation.RetryPolicy{MaxAttempts: -1}),
		"Retry.Initial":       retry(automation.RetryPolicy{Initial: time.Hour, Max: time.Minute}),
		"Retry.Max":           retry(automation.RetryPolicy{Max: -1}),
		"Retry.Jitter":        retry(automation.RetryPolicy{Jitter: math.NaN()}),
		"Contacts":            {Contacts: nobody},
		"Observer":            {Observer: noObserver},
		"Random":              {Random: noRandom},
		"MaxLateness":         {MaxLateness: -1},
		"IdempotencyWindow":   {IdempotencyWindow: -time.Hour},
		"Lease":               {Lease: -1},
		"EffectTimeout":       {EffectTimeout: -1},
		"StoreTimeout":        {StoreTimeout: -1},
		"PollInterval":        {PollInterval: -1},
		"ShutdownTimeout":     {ShutdownTimeout: -1},
		"Concurrency":         {Concurrency: -1},
		"InFlight":            {InFlight: -1},
		"Delivery":            {Delivery: "perhaps"},
	}
	for name, opts := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := automation.New(memory.New(), capture.New(), opts)
			assert.Equal(t, []string{name}, paths(problemsOf(t, err)))
		})
	}
}

func TestOptions_ProblemsShowTheValue(t *testing.T) {
	t.Parallel()
	tests := map[string]automation.Options{
		"Lease: -1s is negative":                                       {Lease: -time.Second},
		"Lease: 999ms is too short":                                    {Lease: 999 * time.Millisecond},
		"InFlight: -3 is negative":                                     {InFlight: -3},
		`Delivery: "perhaps" is unknown: use "at_least_once"`:          {Delivery: "perhaps"},
		"Limits.Rules: -2 is negative":                                 {Limits: automation.Limits{Rules: -2}},
		"Retry.Jitter: 1.5 is not a fraction":                          {Retry: automation.RetryPolicy{Jitter: 1.5}},
		"Retry.Initial: -1ns is negative":                              {Retry: automation.RetryPolicy{Initial: -1}},
		"Retry.Initial: 1h0m0s is longer than Retry.Max, which is 1s:": {Retry: automation.RetryPolicy{Initial: time.Hour, Max: time.Second}},
		"Observer: is a nil *automation_test.journal":                  {Observer: (*journal)(nil)},
	}
	for want, opts := range tests {
		_, err := automation.New(memory.New(), capture.New(), opts)
		assert.ErrorContains(t, err, "automation: options: "+want)
	}
}

func TestNew_RefusesNilPointers(t *testing.T) {
	t.Parallel()
	var (
		store  *memory.Store
		mailer *capture.Mailer
	)
	_, err := automation.New(store, mailer, automation.Options{})
	assert.Equal(t, []string{"store", "mailer"}, paths(problemsOf(t, err)))
}

func TestOptions_AreCopied(t *testing.T) {
	t.Parallel()
	opts := automation.Options{Limits: automation.Limits{Steps: 2}}
	r := setup(t, opts)
	opts.Limits.Steps = 100
	_, err := r.CreateAutomation(t.Context(), linear("a", "signup", mailing("one"), mailing("two")))
	assert.Equal(t, automation.CodeLimit, problemsOf(t, err)[0].Code)
}

func TestOptions_RetryGovernsEffects(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{Retry: automation.RetryPolicy{MaxAttempts: 2, Initial: time.Hour, Max: time.Hour, Jitter: -1}})
	r.mailer.Respond = refuseAll
	r.create(linear("welcome", "signup", mailing("hello")))
	r.send(signup("ada@example.com"))
	r.drain()
	run := r.run()
	assert.Equal(t, start.Add(time.Hour), run.DueAt)
	r.pass(time.Hour - time.Microsecond)
	assert.Len(t, stepRun(t, r.run(), "hello").Attempts, 1)
	r.pass(time.Microsecond)
	assert.Equal(t, automation.RunFailed, r.run().Status)
	assert.Len(t, stepRun(t, r.run(), "hello").Attempts, 2)
}

func TestOptions_MaxLatenessSkipsOldEmails(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		late time.Duration
		want []string
	}{
		"at the limit":     {time.Hour, []string{"hello"}},
		"beyond the limit": {time.Hour + time.Microsecond, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := setup(t, automation.Options{MaxLateness: time.Hour})
			r.create(linear("welcome", "signup", mailing("hello")))
			r.send(signup("ada@example.com"))
			r.pass(tt.late)
			assert.Equal(t, tt.want, r.sent())
			assert.Equal(t, automation.RunCompleted, r.run().Status)
		})
	}
}

func TestOptions_IdempotencyWindowForgetsKeys(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{IdempotencyWindow: time.Hour})
	e := signup("ada@example.com")
	e.IdempotencyKey = "once"
	first := r.send(e)[0]
	r.clock.Add(time.Hour - time.Microsecond)
	assert.Equal(t, automation.EventReceipt{ID: first.ID, Duplicate: true}, r.send(e)[0])
	r.clock.Add(time.Microsecond)
	assert.False(t, r.send(e)[0].Duplicate)
}

func TestOptions_SeededRandomGivesTheSameIDs(t *testing.T) {
	t.Parallel()
	history := func() []automation.Run {
		r := setup(t, automation.Options{Random: rand.NewChaCha8([32]byte{})})
		r.create(linear("welcome", "signup", mailing("hello"), delaying("rest", "1 day")))
		r.send(signup("ada@example.com"), signup("bob@example.com"))
		r.drain()
		r.pass(24 * time.Hour)
		return r.runs()
	}
	assert.Equal(t, history(), history())
}

// refuseAll is how a mailer responds that is down.
func refuseAll(context.Context, automation.Email) error { return errors.New("mailer is down") }
