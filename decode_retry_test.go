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
)

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
