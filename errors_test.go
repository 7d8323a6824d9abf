package automation_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestPermanent_MarksWithoutHiding(t *testing.T) {
	t.Parallel()
	cause := errors.New("no such template")
	err := fmt.Errorf("send: %w", automation.Permanent(cause))
	require.ErrorIs(t, err, automation.ErrPermanent)
	require.ErrorIs(t, err, cause)
	assert.NotErrorIs(t, cause, automation.ErrPermanent)
	assert.Equal(t, "send: no such template", err.Error())
}

func TestPermanent_OfNilIsNil(t *testing.T) {
	t.Parallel()
	assert.NoError(t, automation.Permanent(nil))
}

func TestRateLimitError_NamesDelayAndCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("too many requests")
	tests := map[string]struct {
		err  *automation.RateLimitError
		want string
	}{
		"nothing known": {&automation.RateLimitError{}, "rate limited"},
		"when":          {&automation.RateLimitError{After: 2 * time.Second}, "rate limited, retry after 2s"},
		"why":           {&automation.RateLimitError{Err: cause}, "rate limited: too many requests"},
		"both":          {&automation.RateLimitError{After: time.Minute, Err: cause}, "rate limited, retry after 1m0s: too many requests"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.EqualError(t, tt.err, tt.want)
			assert.Equal(t, tt.err.Err != nil, errors.Is(tt.err, cause))
		})
	}
}

func TestValidationError_ListsItsProblems(t *testing.T) {
	t.Parallel()
	name := automation.Problem{Severity: automation.SeverityError, Path: "name", Message: "must not be empty"}
	step := automation.Problem{Severity: automation.SeverityError, Step: "wait", Message: "needs an event"}
	tests := map[string]struct {
		err  automation.ValidationError
		want string
	}{
		"one problem":     {automation.ValidationError{Subject: "event", Problems: automation.Problems{name}}, "automation: event: name: must not be empty"},
		"several":         {automation.ValidationError{Subject: "event", Problems: automation.Problems{name, step}}, `automation: event: 2 problems: name: must not be empty; step "wait": needs an event`},
		"without subject": {automation.ValidationError{Problems: automation.Problems{name}}, "automation: name: must not be empty"},
	}
	for label, tt := range tests {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			require.EqualError(t, &tt.err, tt.want)
			assert.ErrorIs(t, fmt.Errorf("outer: %w", &tt.err), automation.ErrInvalid)
		})
	}
}

func TestSentinels_AreDistinct(t *testing.T) {
	t.Parallel()
	sentinels := []error{
		automation.ErrNotFound, automation.ErrConflict, automation.ErrInvalid, automation.ErrLeaseLost,
		automation.ErrClosed, automation.ErrPermanent, automation.ErrOutcomeUnknown, automation.ErrNewerVersion,
	}
	for i, a := range sentinels {
		for j, b := range sentinels {
			assert.Equal(t, i == j, errors.Is(a, b), "%v, %v", a, b)
		}
	}
}

// Callers recognize a closed store by ErrClosed, not by the text of the error.
func TestErrors_ClosedStoreIsReported(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	require.NoError(t, w.Memory.Close())
	_, err := w.Runner.Send(w.Ctx, world.Signup("ada@example.com"))
	require.ErrorIs(t, err, automation.ErrClosed)
	_, err = w.Runner.Drain(w.Ctx)
	require.ErrorIs(t, err, automation.ErrClosed)
	_, err = w.ListRuns(w.Ctx, automation.RunQuery{})
	assert.ErrorIs(t, err, automation.ErrClosed)
}
