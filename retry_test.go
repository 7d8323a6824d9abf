package automation

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-b636437c/automation/internal/uuid"
)

func TestRetryPolicy_DefaultsFillZeroFields(t *testing.T) {
	t.Parallel()
	const none = math.MaxInt
	def := RetryPolicy{none, time.Second, time.Hour, 24 * time.Hour, 0.2}
	for name, tc := range map[string]struct{ given, want RetryPolicy }{
		"zero":             {RetryPolicy{}, def},
		"negative":         {RetryPolicy{MaxAttempts: -1, Initial: -1, Max: -1, For: -1}, def},
		"attempts":         {RetryPolicy{MaxAttempts: 5}, RetryPolicy{5, time.Second, time.Hour, forever, 0.2}},
		"time":             {RetryPolicy{For: 5}, RetryPolicy{none, time.Second, time.Hour, 5, 0.2}},
		"no jitter":        {RetryPolicy{Jitter: -1}, RetryPolicy{none, time.Second, time.Hour, 24 * time.Hour, 0}},
		"too much jitter":  {RetryPolicy{Jitter: 7}, RetryPolicy{none, time.Second, time.Hour, 24 * time.Hour, 1}},
		"no fraction":      {RetryPolicy{Jitter: math.Inf(-1)}, RetryPolicy{none, time.Second, time.Hour, 24 * time.Hour, 0}},
		"long initial":     {RetryPolicy{Initial: 2 * time.Hour}, RetryPolicy{none, 2 * time.Hour, 2 * time.Hour, 24 * time.Hour, 0.2}},
		"short max":        {RetryPolicy{Max: time.Millisecond}, RetryPolicy{none, time.Millisecond, time.Millisecond, 24 * time.Hour, 0.2}},
		"everything given": {RetryPolicy{1, 2, 3, 4, 0.5}, RetryPolicy{1, 2, 3, 4, 0.5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.want, tc.given.withDefaults())
		})
	}
}

func TestRetryPolicy_BackOffDoublesUpToMax(t *testing.T) {
	t.Parallel()
	p := RetryPolicy{Jitter: -1}.withDefaults()
	for failures, want := range map[int]time.Duration{
		1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 9: 256 * time.Second,
		12: 2048 * time.Second, 13: time.Hour, 64: time.Hour, math.MaxInt: time.Hour,
	} {
		assert.Equal(t, want, p.backoff("run", "step", failures), failures)
	}
}

func TestRetryPolicy_JitterStaysWithinItsFraction(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := RetryPolicy{
			Initial: time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "initial")),
			Max:     time.Duration(rapid.Int64Range(1, int64(24*time.Hour)).Draw(t, "max")),
			Jitter:  rapid.Float64Range(0.01, 1).Draw(t, "jitter"),
		}.withDefaults()
		run, step := rapid.String().Draw(t, "run"), rapid.String().Draw(t, "step")
		failures := rapid.IntRange(1, 100).Draw(t, "failures")
		exact := min(float64(p.Initial)*math.Pow(2, float64(failures-1)), float64(p.Max))

		d := p.backoff(run, step, failures)
		assert.GreaterOrEqual(t, d, time.Millisecond)
		assert.LessOrEqual(t, d, max(p.Max, time.Millisecond))
		assert.InDelta(t, exact, float64(d), exact*p.Jitter+float64(time.Millisecond))
		assert.Equal(t, d, p.backoff(run, step, failures), "the same failure has the same back-off")
	})
}

func TestRetryPolicy_BackOffDoesNotOverflow(t *testing.T) {
	t.Parallel()
	longest := time.Duration(math.MaxInt64)
	for _, jitter := range []float64{-1, 0.2, 1} {
		p := RetryPolicy{Initial: longest, Max: longest, Jitter: jitter}.withDefaults()
		for failures := 1; failures < 2000; failures++ {
			d := p.backoff("run", "step", failures)
			least := float64(longest) * (1 - max(p.Jitter, 0))
			assert.True(t, time.Millisecond < d && float64(d) >= least, "%s after %d failures", d, failures)
		}
	}
}

// Runs that fail together must not be tried again together.
func TestRetryPolicy_JitterSpreadsRuns(t *testing.T) {
	t.Parallel()
	p := RetryPolicy{Initial: 100 * time.Second, Max: 5 * time.Minute, Jitter: 0.5}.withDefaults()
	var tenths [10]int
	const runs = 10_000
	for i := range runs {
		id := uuid.NewSource(nil).Next(flowStart.Add(time.Duration(i) * time.Millisecond))
		d := p.backoff(id, "send_email", 1)
		tenths[min(int((d-50*time.Second)/(10*time.Second)), 9)]++
	}
	for i, n := range tenths {
		assert.InDelta(t, runs/10, n, runs/50, "tenth %d of the range", i)
	}
}

func TestRetryPolicy_Total(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		policy   RetryPolicy
		attempts int
		total    time.Duration
	}{
		"default":                  {RetryPolicy{}, 36, 24*time.Hour + 8*time.Minute + 15*time.Second},
		"one attempt":              {RetryPolicy{MaxAttempts: 1}, 1, 0},
		"five attempts":            {RetryPolicy{MaxAttempts: 5}, 5, 15 * time.Second},
		"many attempts":            {RetryPolicy{MaxAttempts: 1013, Jitter: 1}, 1013, 4095*time.Second + 1000*time.Hour},
		"a minute":                 {RetryPolicy{For: time.Minute}, 7, 63 * time.Second},
		"an instant":               {RetryPolicy{For: 1}, 2, time.Second},
		"exactly":                  {RetryPolicy{For: 3 * time.Second}, 3, 3 * time.Second},
		"short back-offs":          {RetryPolicy{Max: time.Minute}, 1446, 63*time.Second + 1439*time.Minute},
		"attempts before time":     {RetryPolicy{MaxAttempts: 3, For: time.Hour}, 3, 3 * time.Second},
		"time before attempts":     {RetryPolicy{MaxAttempts: 30, For: 6 * time.Second}, 4, 7 * time.Second},
		"below a millisecond":      {RetryPolicy{Max: 1, For: 10 * time.Millisecond}, 11, 10 * time.Millisecond},
		"longer than any Duration": {RetryPolicy{MaxAttempts: math.MaxInt, Initial: forever, Max: forever}, math.MaxInt, forever},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempts, total := tc.policy.Total()
			assert.Equal(t, tc.attempts, attempts)
			assert.Equal(t, tc.total, total)
		})
	}
}

// Whatever the jitter is, the last attempt comes when For is over, and soon afterwards.
func TestRetryPolicy_LastsForItsTimeWhateverTheJitterIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := RetryPolicy{
			Initial: time.Duration(rapid.Int64Range(int64(time.Second), int64(time.Hour)).Draw(t, "initial")),
			Max:     time.Duration(rapid.Int64Range(int64(time.Hour), int64(24*time.Hour)).Draw(t, "max")),
			For:     time.Duration(rapid.Int64Range(1, int64(14*24*time.Hour)).Draw(t, "for")),
			Jitter:  rapid.Float64Range(-1, 1).Draw(t, "jitter"),
		}
		run, step := rapid.String().Draw(t, "run"), rapid.String().Draw(t, "step")
		attempts, total := 1, time.Duration(0)
		for d, ok := p.withDefaults().next(run, step, attempts); ok; d, ok = p.withDefaults().next(run, step, attempts) {
			attempts, total = attempts+1, total+d
		}
		assert.GreaterOrEqual(t, total, p.For)
		assert.LessOrEqual(t, total, p.For+p.Max)
		if p.Jitter <= 0 && p.Jitter != 0 {
			wantAttempts, wantTotal := p.Total()
			assert.Equal(t, wantAttempts, attempts)
			assert.Equal(t, wantTotal, total)
		}
	})
}

func TestParse_ReadsRetryPolicies(t *testing.T) {
	t.Parallel()
	a, err := Parse(documents(t)["one_time_code.json"], nil)
	require.NoError(t, err)
	assert.Equal(t, RetryPolicy{For: 72 * time.Hour, Max: 30 * time.Minute}, a.Retry)
	assert.Equal(t, RetryPolicy{MaxAttempts: 4, Initial: 500 * time.Millisecond, Jitter: 0.5}, a.Steps[1].Config.(SendEmail).Retry)
	a, err = Parse([]byte(`{"name":"n","steps":[],"connections":[],"retry":null}`), nil)
	require.NoError(t, err)
	assert.Zero(t, a.Retry)
}

func TestParse_RefusesRetryPoliciesThatItWouldMisread(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`{}`:                                  {`missing_field {P}: the policy is empty: give it a field, such as "for": "3 days", or leave retry out`},
		`{"for":null}`:                        {`missing_field {P}: the policy is empty`},
		`7`:                                   {`wrong_type {P}: must be an object, not a number`},
		`{"maxAttempts":3}`:                   {`unknown_field {P}.maxAttempts: there is no field "maxAttempts": did you mean "max_attempts"?`},
		`{"max_attempts":2.5}`:                {`wrong_type {P}.max_attempts`},
		`{"for":3600}`:                        {`wrong_type {P}.for: a duration is a string`},
		`{"for":"soon","max":"0 days"}`:       {`invalid_duration {P}.for: duration "soon" is not understood`, `invalid_duration {P}.max: duration "0 days" is not positive`},
		`{"initial":"-1s"}`:                   {`invalid_duration {P}.initial`},
		`{"jitter":"much"}`:                   {`wrong_type {P}.jitter`},
		`{"max_attempts":1,"max_attempts":2}`: {`duplicate_key {P}.max_attempts`},
	} {
		requireParseProblems(t, []byte(`{"name":"n","steps":[],"connections":[],"retry":`+text+`}`), "retry", want)
		requireParseProblems(t, around(`{"key":"k","type":"send_email","config":{"template":{"id":"t"},"retry":`+text+`}}`), "steps[1].config.retry", want)
		var p RetryPolicy
		assert.ErrorIs(t, json.Unmarshal([]byte(text), &p), ErrInvalid, text)
	}
}

func requireParseProblems(t *testing.T, document []byte, path string, want []string) {
	t.Helper()
	_, err := Parse(document, nil)
	var invalid *ValidationError
	require.True(t, errors.As(err, &invalid), "%s: %v", document, err)
	require.Len(t, invalid.Problems, len(want), "%s", document)
	for i, p := range invalid.Problems {
		code, rest, _ := strings.Cut(want[i], " ")
		place, message, _ := strings.Cut(rest, ": ")
		assert.Equal(t, code, string(p.Code), "%s", document)
		assert.Equal(t, path+place[len("{P}"):], p.Path, "%s", document)
		assert.Contains(t, p.Message, message, "%s", document)
	}
}

func TestValidate_RefusesRetryPolicies(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		policy RetryPolicy
		want   []string
	}{
		"negative": {RetryPolicy{MaxAttempts: -1, Initial: -1, Max: -2, For: -3}, []string{
			"max_attempts: -1 is negative: give zero for the default, or more", "initial: -1ns is negative: give zero for the default, or more",
			"max: -2ns is negative: give zero for the default, or more", "for: -3ns is negative: give zero for the default, or more"}},
		"long initial": {RetryPolicy{Initial: 2, Max: 1}, []string{"initial: 2ns is longer than max, which is 1ns: shorten it"}},
		"jitter":       {RetryPolicy{Jitter: 1.5}, []string{"jitter: 1.5 is not a fraction: give at most 1, or a negative number for none"}},
		"no number":    {RetryPolicy{Jitter: math.NaN()}, []string{"jitter: NaN is not a fraction: give at most 1, or a negative number for none"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := sequence(SendEmail{Template: TemplateRef{ID: "t"}, Retry: tc.policy})
			a.Retry = tc.policy
			var got []string
			for _, p := range Validate(a, ValidateOptions{}) {
				assert.Equal(t, CodeInvalidRetry, p.Code)
				got = append(got, p.Path+": "+p.Message)
			}
			var want []string
			for _, prefix := range []string{"retry.", "steps[1].config.retry."} {
				for _, problem := range tc.want {
					want = append(want, prefix+problem)
				}
			}
			assert.Equal(t, want, got)
		})
	}
	assert.PanicsWithValue(t, `automation: Handle: step type "acme.slack": automation: step options: Retry.Jitter: 2 is not a fraction: give at most 1, or a negative number for none`, func() {
		Handle(NewRegistry(), func(context.Context, Call, slack) (Result, error) { return Result{}, nil }, StepOptions{Retry: RetryPolicy{Jitter: 2}})
	})
}

// Documents without a policy, and the stored definitions of them, must not change.
func TestAutomation_WithoutARetryPolicyEncodesAsBefore(t *testing.T) {
	t.Parallel()
	a := sequence(welcome)
	definition, err := encodeDefinition(a)
	require.NoError(t, err)
	const steps = `"steps":[{"key":"trigger","type":"trigger","config":{"event_name":"user.created"}},` +
		`{"key":"send_email","type":"send_email","config":{"template":{"id":"welcome"}}}],` +
		`"connections":[{"from":"trigger","to":"send_email"}]`
	assert.Equal(t, "{"+steps+"}", string(definition))
	document, err := a.MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, `{"name":"Sequence","status":"enabled",`+steps+"}", string(document))

	a.Retry = RetryPolicy{MaxAttempts: 3, Initial: time.Minute, Max: time.Hour, For: 90 * time.Second, Jitter: -1}
	definition, err = encodeDefinition(a)
	require.NoError(t, err)
	assert.Equal(t, "{"+steps+`,"retry":{"max_attempts":3,"initial":"1 minute","max":"1 hour","for":"1 minute 30 seconds","jitter":-1}}`, string(definition))
	stored, err := decodeDefinition(definition, nil)
	require.NoError(t, err)
	assert.Equal(t, a.Retry, stored.Retry)
}

// A newer version of the library may have stored fields that this one lacks.
func TestRetryPolicy_OfANewerVersionIsReadFromAStore(t *testing.T) {
	t.Parallel()
	a, err := decodeDefinition([]byte(`{"steps":[],"connections":[],"retry":{"for":"1 hour","factor":3}}`), nil)
	require.NoError(t, err)
	assert.Equal(t, RetryPolicy{For: time.Hour}, a.Retry)
}
