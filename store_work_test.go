package automation_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
)

func TestRunRequest_Accepts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status   automation.RunStatus
		request  automation.RunRequest
		accepted bool
		err      error
	}{
		{automation.RunRunning, automation.RequestCancel, true, nil},
		{automation.RunCompleted, automation.RequestCancel, false, nil},
		{automation.RunFailed, automation.RequestCancel, false, nil},
		{automation.RunCancelled, automation.RequestCancel, false, nil},
		{automation.RunRunning, automation.RequestRetry, false, nil},
		{automation.RunCompleted, automation.RequestRetry, false, automation.ErrConflict},
		{automation.RunFailed, automation.RequestRetry, true, nil},
		{automation.RunCancelled, automation.RequestRetry, false, automation.ErrConflict},
	} {
		accepted, err := c.request.Accepts(&automation.RunRecord{Status: c.status})
		assert.Equal(t, c.accepted, accepted, "%s of a %s run", c.request, c.status)
		assert.ErrorIs(t, err, c.err, "%s of a %s run", c.request, c.status)
	}
}

func TestRunRequest_Remaining(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		request, served automation.RunRequest
		status          automation.RunStatus
		want            automation.RunRequest
	}{
		{automation.RequestNone, automation.RequestNone, automation.RunRunning, automation.RequestNone},
		{automation.RequestCancel, automation.RequestNone, automation.RunRunning, automation.RequestCancel},
		{automation.RequestCancel, automation.RequestRetry, automation.RunRunning, automation.RequestCancel},
		{automation.RequestCancel, automation.RequestCancel, automation.RunRunning, automation.RequestNone},
		{automation.RequestCancel, automation.RequestNone, automation.RunFailed, automation.RequestNone},
		{automation.RequestRetry, automation.RequestNone, automation.RunFailed, automation.RequestRetry},
		{automation.RequestRetry, automation.RequestRetry, automation.RunFailed, automation.RequestNone},
		{automation.RequestRetry, automation.RequestNone, automation.RunRunning, automation.RequestNone},
	} {
		change := automation.RunChange{RunRecord: automation.RunRecord{Status: c.status}, Served: c.served}
		assert.Equal(t, c.want, c.request.Remaining(&change), "%+v", c)
	}
}
