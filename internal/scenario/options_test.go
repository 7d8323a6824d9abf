package scenario_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

func TestNew_ReportsEveryInvalidOptionAtOnce(t *testing.T) {
	t.Parallel()
	_, err := automation.New(nil, nil, automation.Options{Lease: -1, Concurrency: -1})
	assert.ElementsMatch(t, []string{"Lease", "Concurrency", "store", "mailer"}, world.Paths(world.Problems(t, err)))
	for _, p := range world.Problems(t, err) {
		assert.Equal(t, automation.CodeInvalidOption, p.Code)
		assert.Equal(t, automation.SeverityError, p.Severity)
	}
}

func TestNew_DoesNothingByItself(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	assert.Empty(t, w.Runs())
	assert.Empty(t, w.Sent())
}

func TestNew_RefusesNilPointers(t *testing.T) {
	t.Parallel()
	var (
		store  *memory.Store
		mailer *capture.Mailer
	)
	_, err := automation.New(store, mailer, automation.Options{})
	assert.Equal(t, []string{"store", "mailer"}, world.Paths(world.Problems(t, err)))
}

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
		noObserver *world.Journal
		noRandom   *rand.ChaCha8
		retry      = func(p automation.RetryPolicy) automation.Options { return automation.Options{Retry: p} }
		limits     = func(l automation.Limits) automation.Options { return automation.Options{Limits: l} }
	)
	tests := map[string]automation.Options{
		"Limits.Steps":        limits(automation.Limits{Steps: -1}),
		"Limits.Duration":     limits(automation.Limits{Duration: -1}),
		"Limits.Until":        limits(automation.Limits{Until: -1}),
		"Zone.Property":       {Zone: automation.ZoneOptions{Property: "a..b"}},
		"Zone.Default":        {Zone: automation.ZoneOptions{Default: "contact"}},
		"Window.hours":        {Window: automation.Window{Zone: automation.ContactZone()}},
		"Window.Zone":         {Window: wholeDay(automation.ZoneOf("CEST"))},
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
		"Retention":           {Retention: -time.Hour},
		"MaxLag":              {MaxLag: -1},
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
			assert.Equal(t, []string{name}, world.Paths(world.Problems(t, err)))
		})
	}
}

func TestOptions_ProblemsShowTheValue(t *testing.T) {
	t.Parallel()
	tests := map[string]automation.Options{
		"Lease: -1s is negative": {Lease: -time.Second},
		"Retention: 90ns is less than 1h0m0s: most likely the unit is missing": {Retention: 90},
		"Lease: 999ms is too short":                                               {Lease: 999 * time.Millisecond},
		"InFlight: -3 is negative":                                                {InFlight: -3},
		`Delivery: "perhaps" is unknown: use "at_least_once"`:                     {Delivery: "perhaps"},
		"Limits.Rules: -2 is negative":                                            {Limits: automation.Limits{Rules: -2}},
		"Retry.Jitter: 1.5 is not a fraction":                                     {Retry: automation.RetryPolicy{Jitter: 1.5}},
		"Retry.Initial: -1ns is negative":                                         {Retry: automation.RetryPolicy{Initial: -1}},
		"Retry.Initial: 1h0m0s is longer than Retry.Max, which is 1s: shorten it": {Retry: automation.RetryPolicy{Initial: time.Hour, Max: time.Second}},
		"Observer: is a nil *world.Journal":                                       {Observer: (*world.Journal)(nil)},
	}
	for want, opts := range tests {
		_, err := automation.New(memory.New(), capture.New(), opts)
		assert.ErrorContains(t, err, "automation: options: "+want)
	}
}

func TestOptions_AreCopied(t *testing.T) {
	t.Parallel()
	opts := automation.Options{Limits: automation.Limits{Steps: 2}}
	w := world.New(t, opts)
	opts.Limits.Steps = 100
	_, err := w.CreateAutomation(t.Context(), world.Flow("a", "signup", world.Email("one"), world.Email("two")))
	assert.Equal(t, automation.CodeLimit, world.Problems(t, err)[0].Code)
}

func TestOptions_SeededRandomGivesTheSameIDs(t *testing.T) {
	t.Parallel()
	history := func() []automation.Run {
		w := world.New(t, automation.Options{Random: rand.NewChaCha8([32]byte{})})
		w.Create(world.Flow("welcome", "signup", world.Email("hello"), world.Pause("rest", "1 day")))
		w.Send(world.Signup("ada@example.com"), world.Signup("bob@example.com"))
		w.Drain()
		w.Pass(24 * time.Hour)
		return w.Runs()
	}
	assert.Equal(t, history(), history())
}

// A Runner that was made does not change with the value that it was given.
func TestOptions_WindowIsCopied(t *testing.T) {
	t.Parallel()
	opts := automation.Options{Window: wholeDay(automation.Zone{})}
	w := world.New(t, opts)
	opts.Window.Hours[0].Days = []automation.Weekday{automation.Sunday}
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	assert.Equal(t, []string{"hello"}, w.Sent())
}

func TestOptions_ZoneCanBeAReference(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"contact.properties.home": "", "event.zone": "", "steps.a.zone": "Window.Zone", "zone": "Window.Zone"} {
		_, err := automation.New(memory.New(), capture.New(), automation.Options{Window: wholeDay(automation.ZoneAt(path))})
		if want == "" {
			require.NoError(t, err)
			continue
		}
		assert.Equal(t, []string{want}, world.Paths(world.Problems(t, err)))
	}
}

// wholeDay is a window that is always open.
func wholeDay(zone automation.Zone) automation.Window {
	return automation.Window{Zone: zone, Hours: []automation.Hours{
		{From: automation.MustParseLocalTime("00:00"), To: automation.MustParseLocalTime("24:00")},
	}}
}
