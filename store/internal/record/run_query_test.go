package record_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

func TestStatusCodes(t *testing.T) {
	t.Parallel()
	some := []automation.RunStatus{automation.RunFailed, automation.RunRunning, "unknown"}
	now := time.Now()
	for _, c := range []struct {
		q    automation.RunQuery
		want []int16
	}{
		{automation.RunQuery{}, []int16{0, 1, 2, 3}},
		{automation.RunQuery{Statuses: some}, []int16{0, 2}},
		{automation.RunQuery{Statuses: []automation.RunStatus{"unknown"}}, []int16{}},
		{automation.RunQuery{CompletedFrom: now}, []int16{1, 2, 3}},
		{automation.RunQuery{CompletedUntil: now, Statuses: some}, []int16{2}},
		{automation.RunQuery{ErrorCode: automation.FailedEffect}, []int16{2, 3}},
		{automation.RunQuery{ErrorCode: automation.FailedEffect, Statuses: []automation.RunStatus{automation.RunCompleted}}, []int16{}},
	} {
		assert.Equal(t, c.want, record.StatusCodes(&c.q), "%+v", c.q)
	}
}

func TestErrorPrefix_BeginsTheErrorsWithTheCode(t *testing.T) {
	t.Parallel()
	for _, code := range []automation.StepErrorCode{automation.FailedEffect, "of a \"newer\" <release>", "é"} {
		same := record.EncodeError(&automation.StepError{Code: code, Message: "m"})
		longer := record.EncodeError(&automation.StepError{Code: code + "s", Message: "m"})
		assert.True(t, strings.HasPrefix(same, record.ErrorPrefix(code)), same)
		assert.False(t, strings.HasPrefix(longer, record.ErrorPrefix(code)), longer)
	}
	assert.Empty(t, record.ErrorPrefix(""))
}
